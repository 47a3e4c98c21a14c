-- One server for every buffer of this Neovim: starting it, asking it, and outliving its end.

local options = require('tabwright.options')

local M = {}

-- What the server said last with `didChangeStatus`, or what is said here in its place.
M.status = { busy = false, kind = 'Inactive', message = 'Not started.' }

-- Called with a status whenever it changes, and when the server has ended.
M.on_status = function() end
M.on_end = function() end

-- Called with the parameters of a question by Neovim's built-in inline completion and a function
-- that takes an error and the answer. Without it, such questions go to the server.
M.on_neovims_question = nil

local NAME = 'tabwright'
local QUESTION = 'textDocument/inlineCompletion'
-- The server reads the text as it is typed, so it hears of changes at once and not after the 150 ms
-- that Neovim would wait; changes that come together still go together.
local CHANGES_MILLISECONDS = 5
-- File types that Neovim names otherwise than the protocol does.
local LANGUAGE_IDS = { cs = 'csharp', sh = 'shellscript', objcpp = 'objective-cpp', cuda = 'cuda-cpp' }

-- After an end that nobody asked for the server stays down until `:Tabwright restart`, so that
-- one that cannot live is not started again with every file.
local has_ended = false
local asked_to_stop = false

-- Neovim 0.10 has closures where later versions have methods.
local has_methods = vim.fn.has('nvim-0.11') == 1
local function call(client, method, ...)
  if has_methods then
    return client[method](client, ...)
  end
  return client[method](...)
end

local function set_status(status)
  M.status = status
  M.on_status(status)
end

local function say(message, level)
  vim.schedule(function()
    vim.notify('Tabwright: ' .. message, level or vim.log.levels.INFO)
  end)
end

---@return vim.lsp.Client?
function M.client(buffer)
  for _, client in ipairs(vim.lsp.get_clients({ name = NAME, bufnr = buffer })) do
    if not call(client, 'is_stopped') then
      return client
    end
  end
end

-- The parameters of the requests that are made here, and so not by Neovim itself.
local own_params = setmetatable({}, { __mode = 'k' })

-- Stand between Neovim's built-in inline completion and the server.
local function between(rpc)
  return setmetatable({
    request = function(method, params, answer, ...)
      if method == QUESTION and M.on_neovims_question and not own_params[params] then
        M.on_neovims_question(params, answer)
        return true -- without an id, for nothing is open
      end
      return rpc.request(method, params, answer, ...)
    end,
  }, { __index = rpc })
end

-- Neovim itself would report the end of the process and faults in its output in long messages,
-- for which the user has to press Enter.
local function start_quietly(dispatchers)
  local quiet = setmetatable({
    on_exit = function(code, signal)
      if not asked_to_stop then
        has_ended = true
        local how = signal ~= 0 and 'signal ' .. signal or 'status ' .. code
        -- Short enough for a screen of 80 columns not to ask for Enter.
        local message = ('ended (%s); `:Tabwright restart` starts it.'):format(how)
        set_status({ busy = false, kind = 'Error', message = message })
        if vim.v.exiting == vim.NIL then
          say(message, vim.log.levels.WARN)
        end
      end
      vim.schedule(M.on_end)
      dispatchers.on_exit(0, 0)
    end,
    on_error = function(code, err)
      require('vim.lsp.log').error('tabwright', code, tostring(err))
    end,
  }, { __index = dispatchers })
  return between(vim.lsp.rpc.start(options.current.cmd, quiet))
end

local function capabilities()
  local all = vim.lsp.protocol.make_client_capabilities()
  -- Neovim declares it since 0.12; without it the server offers a completion list instead.
  all.textDocument.inlineCompletion = { dynamicRegistration = false }
  -- Only a client that says so is told of the status.
  all.experimental = { didChangeStatus = true }
  return all
end

-- Tell the server of the buffer's project where it does not know it yet.
local function add_folder(client, buffer)
  local root = M.root(buffer)
  if not root then
    return
  end
  local uri = vim.uri_from_fname(root)
  client.workspace_folders = client.workspace_folders or {}
  for _, folder in ipairs(client.workspace_folders) do
    if folder.uri == uri then
      return
    end
  end
  local folder = { uri = uri, name = root }
  table.insert(client.workspace_folders, folder)
  local event = { added = { folder }, removed = {} }
  call(client, 'notify', 'workspace/didChangeWorkspaceFolders', { event = event })
end

---@return string?
function M.root(buffer)
  local name = vim.api.nvim_buf_get_name(buffer)
  if name == '' then
    return nil
  end
  return vim.fs.root(buffer, options.current.root_markers) or vim.fs.dirname(name)
end

local function is_normal(buffer)
  return vim.api.nvim_buf_is_loaded(buffer)
    and vim.bo[buffer].buftype == ''
    and vim.bo[buffer].modifiable
    and vim.api.nvim_buf_get_name(buffer) ~= ''
    -- fugitive://, oil:// and other views are no files
    and not vim.api.nvim_buf_get_name(buffer):match('^%a[%w+.-]+://')
end

-- Start the server if need be, and give it the buffer. Does nothing for what is no file.
function M.attach(buffer)
  if has_ended or not is_normal(buffer) or M.client(buffer) then
    return
  end
  local command = options.current.cmd[1]
  if vim.fn.executable(command) == 0 then
    has_ended = true
    local message = ('`%s` is not on PATH; `:Tabwright restart` tries again.'):format(command)
    set_status({ busy = false, kind = 'Error', message = message })
    say(message, vim.log.levels.WARN)
    return
  end
  asked_to_stop = false
  if not M.client() then
    set_status({ busy = true, kind = 'Normal', message = 'Starting.' })
  end
  local settings = options.server_settings()
  local is_started, problem = pcall(vim.lsp.start, {
    name = NAME,
    cmd = start_quietly,
    root_dir = M.root(buffer),
    capabilities = capabilities(),
    flags = { debounce_text_changes = CHANGES_MILLISECONDS },
    init_options = settings,
    settings = { tabwright = settings },
    get_language_id = function(_, filetype)
      return LANGUAGE_IDS[filetype] or filetype
    end,
    handlers = {
      didChangeStatus = function(_, status)
        if type(status) == 'table' then
          set_status(status)
        end
      end,
    },
    on_attach = add_folder,
  }, {
    bufnr = buffer,
    silent = true,
    -- One model in memory, however many projects are open.
    reuse_client = function(client, config)
      return client.name == config.name and not call(client, 'is_stopped')
    end,
  })
  if not is_started then
    has_ended = true
    set_status({ busy = false, kind = 'Error', message = tostring(problem) })
  end
end

-- Give the server the buffer anew under its changed file type.
function M.reattach(buffer)
  local client = M.client(buffer)
  if client then
    vim.lsp.buf_detach_client(buffer, client.id)
  end
  M.attach(buffer)
end

function M.attach_all()
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.bo[buffer].buflisted then
      M.attach(buffer)
    end
  end
end

-- Forget that the server has ended, and start it again.
function M.start_again()
  has_ended = false
  M.attach_all()
end

function M.stop()
  local client = M.client()
  if client then
    asked_to_stop = true
    call(client, 'stop')
  end
end

-- Send a request; the handler is called with the result, or nil after an error. Returns a function
-- that takes the request back.
function M.request(client, method, params, handler, buffer)
  own_params[params] = true
  local is_sent, id = call(client, 'request', method, params, function(_, result)
    handler(result ~= vim.NIL and result or nil)
  end, buffer)
  return function()
    -- Neovim forgets a request with its answer, also where the handler is not called: after the
    -- server's own error for a cancelled request.
    local request = is_sent and id and client.requests[id]
    if request and request.type == 'pending' and not call(client, 'is_stopped') then
      call(client, 'cancel_request', id)
    end
  end
end

function M.notify(client, method, params)
  call(client, 'notify', method, params)
end

---@param handler fun(result: any)?
function M.execute(client, command, arguments, handler)
  local params = { command = command, arguments = arguments }
  M.request(client, 'workspace/executeCommand', params, handler or function() end)
end

-- Wait a moment for a command's answer: for completion on the command line.
---@return any
function M.execute_now(client, command)
  local answer = call(client, 'request_sync', 'workspace/executeCommand', { command = command }, 1000)
  return answer and answer.result or nil
end

return M
