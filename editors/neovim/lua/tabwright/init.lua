-- Tabwright for Neovim: asks the language server while one types, and shows what it suggests.

local ghost = require('tabwright.ghost')
local keys = require('tabwright.keys')
local options = require('tabwright.options')
local server = require('tabwright.server')

local M = {}

local api = vim.api
local INVOKED, AUTOMATIC = 1, 2 -- InlineCompletionTriggerKind, LSP 3.18

local is_enabled = true
local take_back = function() end
-- Counts requests; an answer to any but the latest is too late.
local latest = 0
-- The text and place that were asked for last, for TextChangedI and CursorMovedI come together.
local asked = nil

local function is_inserting()
  return api.nvim_get_mode().mode:sub(1, 1) == 'i'
end

-- Name the text and the place in it, to see whether either has changed.
local function place()
  local position = api.nvim_win_get_cursor(0)
  local buffer = api.nvim_get_current_buf()
  local tick = api.nvim_buf_get_changedtick(buffer)
  return table.concat({ buffer, tick, position[1], position[2] }, ' ')
end

local function stop_asking()
  take_back()
  take_back = function() end
  latest = latest + 1
  asked = nil
end

local function forget()
  stop_asking()
  ghost.clear()
end

-- Return the byte column of a position's character in a line, or nil when it is not in it.
local function byte_column(line, character, encoding)
  if encoding == 'utf-8' then
    return character
  end
  local is_good, column
  if vim.fn.has('nvim-0.11') == 1 then
    is_good, column = pcall(vim.str_byteindex, line, encoding, character)
  else
    is_good, column = pcall(vim.str_byteindex, line, character, encoding == 'utf-16')
  end
  return is_good and column or nil
end

-- Return what an item adds at the cursor, or nil when it is no insertion there.
local function insertion(item, client)
  local text = item.insertText
  if type(text) ~= 'string' then
    return nil -- a snippet, which this server does not send
  end
  text = text:gsub('\r\n?', '\n') -- Neovim adds the carriage returns of a DOS file when it writes
  local position = api.nvim_win_get_cursor(0)
  local row, column = position[1] - 1, position[2]
  local range = item.range
  if type(range) == 'table' then
    local line = api.nvim_get_current_line()
    local from = byte_column(line, range.start.character, client.offset_encoding)
    local to = byte_column(line, range['end'].character, client.offset_encoding)
    if range.start.line ~= row or range['end'].line ~= row or to ~= column or not from then
      return nil
    end
    local replaced = line:sub(from + 1, column)
    if not vim.startswith(text, replaced) then
      return nil
    end
    text = text:sub(#replaced + 1)
  end
  return text ~= '' and text or nil
end

local function take_answer(answer, client)
  local item = type(answer) == 'table' and (answer.items or answer)[1]
  local text = item and insertion(item, client)
  if text then
    ghost.show(text, item, client.id)
    server.notify(client, 'textDocument/didShowCompletion', { item = item })
  end
end

local function ask(client, trigger)
  stop_asking()
  local here = place()
  local number = latest
  asked = here
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  params.context = { triggerKind = trigger }
  local buffer = api.nvim_get_current_buf()
  take_back = server.request(client, 'textDocument/inlineCompletion', params, function(answer)
    if number == latest and is_inserting() and place() == here then
      ghost.clear()
      take_answer(answer, client)
    end
  end, buffer)
end

-- The text or the cursor has changed while inserting.
local function consider()
  if not is_enabled or not is_inserting() then
    return
  end
  if vim.fn.pumvisible() == 1 then
    forget() -- the menu has the keys, and the place below the cursor
    return
  end
  if ghost.follow() or place() == asked then
    return
  end
  ghost.clear()
  local client = server.client(api.nvim_get_current_buf())
  if client then
    ask(client, AUTOMATIC)
  else
    stop_asking()
  end
end

-- Ask for a suggestion at the cursor, also where none comes by itself.
function M.request()
  local client = server.client(api.nvim_get_current_buf())
  if client and is_inserting() then
    ask(client, INVOKED)
  end
end

-- Insert the suggestion; return whether there was one.
function M.accept()
  local item, client_id = ghost.accept()
  if not item then
    return false
  end
  stop_asking()
  local client = vim.lsp.get_client_by_id(client_id)
  local command = item.command
  if client and type(command) == 'table' then
    server.execute(client, command.command, command.arguments)
  end
  return true
end

function M.is_shown()
  return ghost.text() ~= nil
end

-- Return the suggestion on the screen as it would be inserted, or nil.
function M.shown_text()
  return ghost.text()
end

-- Return a few characters for a statusline.
function M.status()
  if not is_enabled then
    return 'Tabwright off'
  end
  local status = server.status
  if status.kind == 'Error' then
    return 'Tabwright !'
  elseif status.kind == 'Warning' then
    return 'Tabwright ?'
  elseif status.kind == 'Inactive' then
    return 'Tabwright -'
  end
  return status.busy and 'Tabwright …' or 'Tabwright'
end

-- Switch suggestions off and on; return whether they are on now.
function M.toggle()
  is_enabled = not is_enabled
  forget()
  vim.cmd.redrawstatus({ bang = true })
  return is_enabled
end

local function watch(group)
  local function on(events, callback)
    api.nvim_create_autocmd(events, { group = group, callback = callback })
  end
  on({ 'TextChangedI', 'CursorMovedI', 'TextChangedP', 'CompleteDone' }, function()
    consider()
  end)
  on({ 'InsertLeave', 'BufLeave', 'WinLeave' }, forget)
  on({ 'BufEnter', 'BufWritePost', 'BufFilePost' }, function(event)
    server.attach(event.buf)
  end)
  on('FileType', function(event)
    server.reattach(event.buf)
  end)
  on('LspAttach', function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'tabwright' then
      keys.map(event.buf, options.current.keymaps, M.is_shown)
    end
  end)
  on('BufWipeout', function(event)
    keys.forget(event.buf)
  end)
  on('ColorScheme', ghost.highlight)
end

-- Start: every file that is open, and every one opened later, gets suggestions.
function M.setup(given)
  options.set(given)
  ghost.highlight()
  local bar = M.status()
  server.on_status = function()
    vim.schedule(function()
      if M.status() ~= bar then
        bar = M.status()
        vim.cmd.redrawstatus({ bang = true })
      end
    end)
  end
  server.on_end = forget
  watch(api.nvim_create_augroup('tabwright', { clear = true }))
  server.attach_all()
end

return M
