-- The suggestion on the screen: one at a time, drawn with one extmark.

local M = {}

local api = vim.api
local namespace = api.nvim_create_namespace('tabwright')
local GHOST_ID = 1
local HIGHLIGHT = 'TabwrightGhost'

-- The suggestion as it came:
--   buffer, row, column   where its text begins; 0-based, in bytes
--   text                  all of it, lines parted by \n
--   before, after         the rest of its line, to see whether it still fits
--   remaining             what is not typed yet, and so on the screen
--   item, client_id       for the server
local shown = nil

function M.highlight()
  api.nvim_set_hl(0, HIGHLIGHT, { link = 'Comment', default = true })
end

-- Virtual text shows a tab as one odd cell, so tabs are drawn as the spaces they would take.
local function with_spaces(line, start_cell, tabstop)
  local cell = start_cell
  return (
    line:gsub('[^\t]*\t?', function(piece)
      local text = piece:gsub('\t$', '')
      cell = cell + api.nvim_strwidth(text)
      if #text == #piece then
        return text
      end
      local width = tabstop - cell % tabstop
      cell = cell + width
      return text .. (' '):rep(width)
    end)
  )
end

local function cursor()
  local position = api.nvim_win_get_cursor(0)
  return position[1] - 1, position[2]
end

local function line_at(buffer, row)
  return api.nvim_buf_get_lines(buffer, row, row + 1, false)[1] or ''
end

local function draw(row, column)
  local buffer = shown.buffer
  local tabstop = vim.bo[buffer].tabstop
  local lines = vim.split(shown.remaining, '\n', { plain = true })
  local start_cell = vim.fn.strdisplaywidth(line_at(buffer, row):sub(1, column))
  local below = {}
  for index = 2, #lines do
    below[#below + 1] = { { with_spaces(lines[index], 0, tabstop), HIGHLIGHT } }
  end
  api.nvim_buf_set_extmark(buffer, namespace, row, column, {
    id = GHOST_ID,
    virt_text = { { with_spaces(lines[1], start_cell, tabstop), HIGHLIGHT } },
    virt_text_pos = 'inline',
    virt_lines = #below > 0 and below or nil,
    hl_mode = 'combine',
  })
end

-- Show a text at the cursor of the current buffer.
function M.show(text, item, client_id)
  M.clear()
  local buffer = api.nvim_get_current_buf()
  local row, column = cursor()
  local line = line_at(buffer, row)
  shown = {
    buffer = buffer,
    row = row,
    column = column,
    text = text,
    remaining = text,
    before = line:sub(1, column),
    after = line:sub(column + 1),
    item = item,
    client_id = client_id,
  }
  draw(row, column)
end

function M.clear()
  if shown then
    if api.nvim_buf_is_valid(shown.buffer) then
      api.nvim_buf_del_extmark(shown.buffer, namespace, GHOST_ID)
    end
    shown = nil
  end
end

-- Return what has been typed since the suggestion came, or nil when the place is another one.
local function typed_since(row, column)
  local is_behind = row > shown.row or (row == shown.row and column >= shown.column)
  if not is_behind or api.nvim_get_current_buf() ~= shown.buffer then
    return nil
  end
  if line_at(shown.buffer, shown.row):sub(1, shown.column) ~= shown.before then
    return nil
  end
  if line_at(shown.buffer, row):sub(column + 1) ~= shown.after then
    return nil
  end
  local lines = api.nvim_buf_get_text(shown.buffer, shown.row, shown.column, row, column, {})
  return table.concat(lines, '\n')
end

-- Keep the suggestion while the user types just what it says; return whether something is left.
function M.follow()
  if not shown then
    return false
  end
  local row, column = cursor()
  local typed = typed_since(row, column)
  if not typed or #typed >= #shown.text or not vim.startswith(shown.text, typed) then
    return false
  end
  local remaining = shown.text:sub(#typed + 1)
  if remaining ~= shown.remaining then
    shown.remaining = remaining
    draw(row, column)
  end
  return true
end

-- Return the text on the screen, or nil.
function M.text()
  return shown and shown.remaining or nil
end

-- Put the rest of the suggestion into the buffer; return its item and its client's id.
function M.accept()
  if not M.follow() then
    M.clear()
    return nil
  end
  local accepted = shown
  M.clear()
  local row, column = cursor()
  local lines = vim.split(accepted.remaining, '\n', { plain = true })
  api.nvim_buf_set_text(accepted.buffer, row, column, row, column, lines)
  local end_column = #lines == 1 and column + #lines[1] or #lines[#lines]
  api.nvim_win_set_cursor(0, { row + #lines, end_column })
  return accepted.item, accepted.client_id
end

return M
