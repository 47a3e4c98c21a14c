-- The suggestion on the screen: one at a time, with its alternatives, and what is left of it.

local drawers = require('tabwright.drawers')

local M = {}

local api = vim.api

-- What is shown, as it came:
--   buffer, row, column   where its text begins; 0-based, in bytes
--   before, after         the rest of its line, to see whether it still fits
--   choices, chosen       the suggestion and its alternatives, and which is on the screen:
--     text                  all that it inserts there, lines parted by \n
--     item                  for the server; its text is `skipped` and what `text` has after `from`
--     is_told               whether the server knows that it was shown
--   typed                 how much of that has been typed or accepted, in bytes
--   drawn                 the text that is drawn
--   client_id             whose it is
--   is_by_hand            whether somebody asked for it
local shown = nil

local function cursor()
  local position = api.nvim_win_get_cursor(0)
  return position[1] - 1, position[2]
end

local function line_at(buffer, row)
  return api.nvim_buf_get_lines(buffer, row, row + 1, false)[1] or ''
end

local function remaining()
  return shown.choices[shown.chosen].text:sub(shown.typed + 1)
end

-- Draw what is left.
local function draw()
  local text = remaining()
  if text ~= shown.drawn then
    shown.drawn = text
    drawers.current.draw(shown.buffer, text, shown.choices[shown.chosen], shown.client_id)
  end
end

-- Show one of several choices at the cursor of the current buffer. Each has the text that it
-- inserts there, its item, and how the item's text begins before that.
-- What has been typed of a suggestion that is still shown stays part of it, so that Backspace goes
-- back through it.
function M.show(choices, chosen, client_id, is_by_hand)
  local typed = M.follow() and shown.choices[shown.chosen].text:sub(1, shown.typed) or ''
  if typed == '' then
    local buffer = api.nvim_get_current_buf()
    local row, column = cursor()
    local line = line_at(buffer, row)
    if shown and shown.buffer ~= buffer then
      M.clear()
    end
    shown = {
      buffer = buffer,
      row = row,
      column = column,
      before = line:sub(1, column),
      after = line:sub(column + 1),
      typed = 0,
    }
  end
  for _, choice in ipairs(choices) do
    choice.text = typed .. choice.text
    choice.from = #typed
  end
  shown.choices, shown.chosen = choices, chosen
  shown.client_id, shown.is_by_hand = client_id, is_by_hand
  shown.drawn = nil -- the same text may be another item's
  draw()
end

function M.clear()
  if shown then
    local buffer = shown.buffer
    shown = nil
    drawers.current.erase(buffer)
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

local function goes_on(choice, typed)
  return #typed < #choice.text and vim.startswith(choice.text, typed)
end

-- Keep the suggestion while the user types just what it says; return whether something is left.
function M.follow()
  local typed = shown and typed_since(cursor())
  if not typed or not goes_on(shown.choices[shown.chosen], typed) then
    return false
  end
  shown.typed = #typed
  draw()
  return true
end

local function is_drawn()
  return shown ~= nil and drawers.current.is_drawn(shown.buffer)
end

-- Return the text on the screen, or nil.
function M.text()
  return is_drawn() and remaining() or nil
end

-- Return the choice on the screen and its client's id, or nil.
function M.choice()
  if is_drawn() then
    return shown.choices[shown.chosen], shown.client_id
  end
end

-- Return the choice that is shown as one that begins at the cursor, or nil.
function M.rest()
  if not shown then
    return nil
  end
  local choice = shown.choices[shown.chosen]
  return {
    text = remaining(),
    item = choice.item,
    skipped = choice.skipped .. choice.text:sub(choice.from + 1, shown.typed),
    is_told = choice.is_told,
  }
end

-- Whether somebody asked for what is on the screen.
function M.is_by_hand()
  return shown ~= nil and shown.is_by_hand
end

-- Show the choice so many steps further that goes on from what has been typed, around the end.
-- Returns whether there is another one.
function M.step(steps)
  if not M.follow() then
    return false
  end
  local typed = shown.choices[shown.chosen].text:sub(1, shown.typed)
  local count = #shown.choices
  for distance = 1, count - 1 do
    local candidate = (shown.chosen - 1 + steps * distance) % count + 1
    if goes_on(shown.choices[candidate], typed) then
      shown.chosen = candidate
      draw()
      return true
    end
  end
  return false
end

-- Put the rest of the suggestion into the buffer, or what `part_of` makes of the rest. Returns nil
-- when there was none, else the item, its client's id, and what of the item's text is still not in
-- the buffer and what is.
function M.accept(part_of)
  if not M.follow() or not is_drawn() then
    M.clear()
    return nil
  end
  local choice, client_id, buffer = shown.choices[shown.chosen], shown.client_id, shown.buffer
  local part = part_of and part_of(remaining()) or remaining()
  local row, column = cursor()
  local lines = vim.split(part, '\n', { plain = true })
  local end_column = #lines == 1 and column + #lines[1] or #lines[#lines]
  local in_buffer = shown.typed + #part
  if in_buffer == #choice.text then
    M.clear()
  end
  api.nvim_buf_set_text(buffer, row, column, row, column, lines)
  api.nvim_win_set_cursor(0, { row + #lines, end_column })
  M.follow()
  local accepted = choice.skipped .. choice.text:sub(choice.from + 1, in_buffer)
  return choice.item, client_id, choice.text:sub(in_buffer + 1), accepted
end

return M
