-- Ghost text by this plugin itself, with one extmark.

local M = { name = 'own' }

local api = vim.api
local namespace = api.nvim_create_namespace('tabwright')
local GHOST_ID = 1
local HIGHLIGHT = 'TabwrightGhost'

function M.highlight()
  api.nvim_set_hl(0, HIGHLIGHT, { link = 'Comment', default = true })
end

-- The built-in may be on for all servers: then the same would be there twice.
function M.take(client)
  if vim.lsp.inline_completion then
    vim.lsp.inline_completion.enable(false, { client_id = client.id })
  end
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

-- The mark is moved and not made anew, so that nothing flickers.
function M.draw(buffer, text)
  local position = api.nvim_win_get_cursor(0)
  local row, column = position[1] - 1, position[2]
  local before = api.nvim_buf_get_text(buffer, row, 0, row, column, {})[1]
  local tabstop = vim.bo[buffer].tabstop
  local lines = vim.split(text, '\n', { plain = true })
  local below = {}
  for index = 2, #lines do
    below[#below + 1] = { { with_spaces(lines[index], 0, tabstop), HIGHLIGHT } }
  end
  api.nvim_buf_set_extmark(buffer, namespace, row, column, {
    id = GHOST_ID,
    virt_text = { { with_spaces(lines[1], vim.fn.strdisplaywidth(before), tabstop), HIGHLIGHT } },
    virt_text_pos = 'inline',
    virt_lines = #below > 0 and below or nil,
    hl_mode = 'combine',
  })
end

function M.erase(buffer)
  if api.nvim_buf_is_valid(buffer) then
    api.nvim_buf_del_extmark(buffer, namespace, GHOST_ID)
  end
end

function M.is_drawn()
  return true
end

function M.is_switched_off()
  return false
end

function M.switch_on() end

function M.forget() end

return M
