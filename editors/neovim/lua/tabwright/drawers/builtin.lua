-- Ghost text by Neovim's built-in inline completion, `vim.lsp.inline_completion`, since 0.12.
--
-- Left alone, the built-in asks 200 ms after the last key, never by hand and for no alternatives;
-- takes no question back; and shows what it has until the next answer comes, whatever was typed
-- meanwhile, so that `get()` would insert it askew. So the plugin asks, as it does elsewhere, and
-- the built-in's own questions are answered here instead of by the server: with what is to be on
-- the screen, at once, and again whenever that changes. Then the built-in has at every moment what
-- fits the cursor, also for somebody's own mapping of `vim.lsp.inline_completion.get()`.
--
-- Only documented functions are used. Should a later Neovim take one answer to a question and no
-- more, it would show what it got when it asked: later, but right.

local server = require('tabwright.server')

local M = { name = 'builtin' }

local api = vim.api
local NAMESPACE = 'nvim.lsp.inline_completion'

-- Of each buffer, what answers the built-in's last question there, and the item to answer with.
local answers, items = {}, {}
-- The buffers for which the built-in has been switched on here.
local switched_on = {}

-- Called when a question comes for something that could not be drawn before.
M.on_drawn = function() end

local function give(buffer)
  local answer = answers[buffer]
  -- The built-in fails to take an answer for a buffer or a client that it serves no more. It asks
  -- again when it does.
  if answer and not pcall(answer, nil, { items = { items[buffer] } }) then
    answers[buffer] = nil
  end
end

local function take_question(params, answer)
  local buffer = vim.uri_to_bufnr(params.textDocument.uri)
  answers[buffer] = answer
  give(buffer)
  if items[buffer] then
    M.on_drawn()
  end
end

function M.switch_on(buffer)
  switched_on[buffer] = true
  vim.lsp.inline_completion.enable(true, { bufnr = buffer })
end

function M.take(_, buffer)
  server.on_neovims_question = take_question
  if not switched_on[buffer] then
    M.switch_on(buffer)
  end
end

function M.draw(buffer, text, choice, client_id)
  local client = vim.lsp.get_client_by_id(client_id)
  if not client then
    return
  end
  local position = vim.lsp.util.make_position_params(0, client.offset_encoding).position
  items[buffer] = {
    insertText = text,
    range = { start = position, ['end'] = position },
    command = type(choice.item.command) == 'table' and choice.item.command or nil,
  }
  give(buffer)
end

function M.erase(buffer)
  items[buffer] = nil
  give(buffer)
end

-- Whether the built-in has drawn this: it may have been switched off, not have asked yet, or show
-- another server's suggestion.
function M.is_drawn(buffer)
  if not answers[buffer] or not items[buffer] then
    return false
  end
  local space = api.nvim_get_namespaces()[NAMESPACE]
  if not space then
    return true -- then nobody can tell
  end
  local mark = api.nvim_buf_get_extmarks(buffer, space, 0, -1, { details = true })[1]
  if not mark then
    return false
  end
  -- It leaves out what the text behind the cursor begins with as well.
  local drawn = vim.tbl_get(mark[4], 'virt_text', 1, 1) or ''
  return vim.endswith(items[buffer].insertText:match('^[^\n]*'), drawn)
end

function M.is_switched_off(buffer)
  return switched_on[buffer] == true
    and not vim.lsp.inline_completion.is_enabled({ bufnr = buffer })
end

function M.forget(buffer)
  answers[buffer], items[buffer], switched_on[buffer] = nil, nil, nil
end

return M
