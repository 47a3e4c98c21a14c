-- Where the cursor is, and telling the server when it has moved otherwise than by typing: then the
-- server reads the text before it ahead of the first key. Typing needs no telling, for the server
-- follows the edits, and a question names its place itself.

local server = require('tabwright.server')

local M = {}

local api = vim.api
local INTERVAL_MILLISECONDS = 100

-- The last place that the server knows of.
local known = {}
-- Whether a message has gone out, or is about to, within the interval.
local is_waiting = false
-- Whether the cursor has moved since, and whether to tell of it even if the place is known.
local has_moved, must_tell = false, false

-- Name the buffer, its text and the place in it, to see whether any of them has changed.
function M.place()
  local position = api.nvim_win_get_cursor(0)
  local buffer = api.nvim_get_current_buf()
  local tick = api.nvim_buf_get_changedtick(buffer)
  return { buffer = buffer, tick = tick, row = position[1] - 1, column = position[2] }
end

function M.is_same(one, other)
  return one.buffer == other.buffer
    and one.tick == other.tick
    and one.row == other.row
    and one.column == other.column
end

-- The server knows that the cursor is here, for it is asked about this place: no more to tell.
function M.note_asked()
  known = M.place()
  has_moved, must_tell = false, false
end

local function tell()
  local here = M.place()
  local must = must_tell
  has_moved, must_tell = false, false
  local client = server.client(here.buffer)
  -- Not while selecting or on the command line, where nobody is about to type text.
  if not client or not api.nvim_get_mode().mode:match('^[ni]') then
    return false
  end
  if M.is_same(here, known) and not must then
    return false
  end
  known = here
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  server.notify(client, 'tabwright/didMoveCursor', params)
  return true
end

-- The first of several movements is told of once the editor has settled, the others together after
-- the interval.
local function tell_soon()
  is_waiting = true
  vim.schedule(function()
    if not tell() then
      is_waiting = false
      return
    end
    vim.defer_fn(function()
      is_waiting = false
      if has_moved then
        tell_soon()
      end
    end, INTERVAL_MILLISECONDS)
  end)
end

-- The cursor may be in another place. With `even_if_known`, the server is told in any case: it may
-- have put the model away since.
function M.note_moved(even_if_known)
  has_moved = true
  must_tell = must_tell or even_if_known or false
  if not is_waiting then
    tell_soon()
  end
end

-- The text or the cursor has changed in insert mode: when the text has, that was typing.
function M.note_insert_event()
  local here = M.place()
  if here.buffer == known.buffer and here.tick ~= known.tick then
    known = here
  elseif not M.is_same(here, known) then
    M.note_moved()
  end
end

return M
