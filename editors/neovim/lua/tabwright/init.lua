-- Tabwright for Neovim: asks the language server while one types, and shows what it suggests.

local cursor = require('tabwright.cursor')
local drawers = require('tabwright.drawers')
local ghost = require('tabwright.ghost')
local keys = require('tabwright.keys')
local options = require('tabwright.options')
local own = require('tabwright.drawers.own')
local parts = require('tabwright.parts')
local server = require('tabwright.server')

local M = {}

local api = vim.api
local INVOKED, AUTOMATIC = 1, 2 -- InlineCompletionTriggerKind, LSP 3.18

local is_enabled = true
-- The file types for which suggestions are off; of a buffer, `vim.b.tabwright_off` says so.
local off_filetypes = {}

-- Return whether suggestions are on in the current buffer.
local function is_on()
  return is_enabled
    and not vim.b.tabwright_off
    and not off_filetypes[vim.bo.filetype]
    and not drawers.current.is_switched_off(api.nvim_get_current_buf())
end

-- The last question, also when it is answered; an answer to any other one is too late:
--   place         what it was asked about
--   is_by_hand    whether somebody asked for it
--   steps         how many alternatives further than what was on the screen to show
--   is_open       whether the answer is still to come
--   take_back     takes it back while it is open
local question = nil

local function is_inserting()
  return api.nvim_get_mode().mode:sub(1, 1) == 'i'
end

local function stop_asking()
  if question then
    question.take_back()
    question = nil
  end
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

-- Return a text's length as the protocol counts it.
local function utf16_length(text)
  if vim.fn.has('nvim-0.11') == 1 then
    return vim.str_utfindex(text, 'utf-16')
  end
  return select(2, vim.str_utfindex(text))
end

-- Return what an item adds at the cursor as a choice, or nil when it is no insertion there.
local function insertion(item, client)
  local text = item.insertText
  if type(text) ~= 'string' then
    return nil -- a snippet, which this server does not send
  end
  text = text:gsub('\r\n?', '\n') -- Neovim adds the carriage returns of a DOS file when it writes
  local position = api.nvim_win_get_cursor(0)
  local row, column = position[1] - 1, position[2]
  local range = item.range
  local replaced = ''
  if type(range) == 'table' then
    local line = api.nvim_get_current_line()
    local from = byte_column(line, range.start.character, client.offset_encoding)
    local to = byte_column(line, range['end'].character, client.offset_encoding)
    if range.start.line ~= row or range['end'].line ~= row or to ~= column or not from then
      return nil
    end
    replaced = line:sub(from + 1, column)
    if not vim.startswith(text, replaced) or text == replaced then
      return nil
    end
  end
  return text ~= '' and { text = text:sub(#replaced + 1), skipped = replaced, item = item } or nil
end

local function choices_of(answer, client)
  local choices = {}
  for _, item in ipairs(type(answer) == 'table' and (answer.items or answer) or {}) do
    choices[#choices + 1] = insertion(item, client)
  end
  return choices
end

-- Return which of the choices says this text, or nil.
local function index_of(choices, text)
  for index, choice in ipairs(choices) do
    if choice.text == text then
      return index
    end
  end
end

-- Tell the server of the choice on the screen, once.
local function note_shown()
  local choice, client_id = ghost.choice()
  local client = choice and vim.lsp.get_client_by_id(client_id)
  if client and not choice.is_told then
    choice.is_told = true
    server.notify(client, 'textDocument/didShowCompletion', { item = choice.item })
  end
end

-- Show an answer in place of what is on the screen; without one, what still fits stays there.
local function take_answer(answer, client, asked)
  if not ghost.follow() then
    ghost.clear()
  end
  local choices, present = choices_of(answer, client), ghost.rest()
  if #choices == 0 then
    return
  end
  local chosen = 1
  if present then
    local index = index_of(choices, present.text)
    if index then
      choices[index].is_told = present.is_told
    elseif asked.steps ~= 0 then
      -- Going on and back again leads to where one was.
      table.insert(choices, 1, present)
      index = 1
    end
    if asked.steps ~= 0 then
      chosen = (index - 1 + asked.steps) % #choices + 1
    end
  end
  ghost.show(choices, chosen, client.id, asked.is_by_hand)
  note_shown()
end

-- Ask about the cursor's place. The question before this one is taken back, so that never more
-- than one is open.
local function ask(client, is_by_hand, steps)
  stop_asking()
  local mine = {
    place = cursor.place(),
    is_by_hand = is_by_hand,
    steps = steps or 0,
    is_open = true,
    take_back = function() end,
  }
  question = mine
  cursor.note_asked()
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  params.context = { triggerKind = is_by_hand and INVOKED or AUTOMATIC }
  local buffer = api.nvim_get_current_buf()
  mine.take_back = server.request(client, 'textDocument/inlineCompletion', params, function(answer)
    mine.is_open = false
    if question == mine and is_inserting() and cursor.is_same(cursor.place(), mine.place) then
      take_answer(answer, client, mine)
    end
  end, buffer)
end

local function is_asked_here()
  return question ~= nil and cursor.is_same(cursor.place(), question.place)
end

-- The text or the cursor has changed while inserting.
local function consider()
  if not is_on() or not is_inserting() then
    return
  end
  cursor.note_insert_event()
  if vim.fn.pumvisible() == 1 then
    forget() -- the menu has the keys, and the place below the cursor
    return
  end
  if is_asked_here() then
    return -- TextChangedI and CursorMovedI come together
  end
  if not ghost.follow() then
    ghost.clear()
  elseif ghost.is_by_hand() then
    -- Somebody has asked for this one, perhaps where nothing comes by itself: it stays.
    stop_asking()
    return
  end
  local client = server.client(api.nvim_get_current_buf())
  if client then
    ask(client, false) -- and until the answer comes, what still fits is on the screen
  else
    stop_asking()
  end
end

local function ask_by_hand(steps)
  local client = server.client(api.nvim_get_current_buf())
  if not client or not is_inserting() then
    return
  end
  if is_asked_here() and question.is_open and question.is_by_hand then
    question.steps = question.steps + steps
  else
    ask(client, true, steps)
  end
end

-- Ask for a suggestion at the cursor, also where none comes by itself.
function M.request()
  ask_by_hand(0)
end

-- Show another alternative; ask for some where there are none yet.
local function turn(steps)
  if ghost.step(steps) then
    note_shown()
  else
    ask_by_hand(steps)
  end
end

function M.next()
  turn(1)
end

function M.previous()
  turn(-1)
end

-- Insert the suggestion or a part of it; return whether there was one.
local function accept(part_of)
  local item, client_id, rest, accepted = ghost.accept(part_of)
  if not item then
    return false
  end
  stop_asking()
  local client = vim.lsp.get_client_by_id(client_id)
  if not client then
    return true
  elseif rest ~= '' then
    server.notify(client, 'textDocument/didPartiallyAcceptCompletion', {
      item = item,
      -- All that has been accepted or typed of the item, not only what this key has brought.
      acceptedLength = utf16_length(accepted),
    })
  elseif type(item.command) == 'table' then
    server.execute(client, item.command.command, item.command.arguments)
  end
  return true
end

function M.accept()
  return accept()
end

function M.accept_word()
  return accept(parts.word)
end

function M.accept_line()
  return accept(parts.line)
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
  if not is_on() then
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

-- Switch suggestions off and on everywhere, or for the current 'buffer' or its 'filetype'; return
-- whether they are on now as far as this switch goes.
function M.toggle(scope)
  local is_now_on
  if scope == 'buffer' then
    is_now_on = vim.b.tabwright_off == true
    vim.b.tabwright_off = not is_now_on
  elseif scope == 'filetype' then
    is_now_on = off_filetypes[vim.bo.filetype] == true
    off_filetypes[vim.bo.filetype] = not is_now_on
  else
    is_now_on = not is_enabled
    is_enabled = is_now_on
  end
  forget()
  local buffer = api.nvim_get_current_buf()
  if is_now_on and drawers.current.is_switched_off(buffer) then
    drawers.current.switch_on(buffer)
  end
  if is_on() then
    cursor.note_moved(true)
  end
  vim.cmd.redrawstatus({ bang = true })
  return is_now_on
end

local function note_moved()
  if is_on() then
    cursor.note_moved(false)
  end
end

-- The cursor is where somebody may be about to type. The place may be known from before, but the
-- server may have put the model away since.
local function note_arrived()
  if is_on() then
    cursor.note_moved(true)
  end
end

local function watch(group)
  local function on(events, callback)
    api.nvim_create_autocmd(events, { group = group, callback = callback })
  end
  on({ 'TextChangedI', 'CursorMovedI', 'TextChangedP', 'CompleteDone' }, consider)
  on('CursorMoved', note_moved)
  on({ 'BufEnter', 'InsertEnter' }, note_arrived)
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
      drawers.current.take(client, event.buf)
      keys.map(event.buf, options.current.keymaps, M.is_shown)
      if event.buf == api.nvim_get_current_buf() then
        note_arrived()
      end
    end
  end)
  on('BufWipeout', function(event)
    keys.forget(event.buf)
    drawers.current.forget(event.buf)
  end)
  on('ColorScheme', own.highlight)
end

-- Start: every file that is open, and every one opened later, gets suggestions.
function M.setup(given)
  options.set(given)
  drawers.choose(options.current.ghost_text)
  drawers.on_drawn = note_shown
  own.highlight()
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
