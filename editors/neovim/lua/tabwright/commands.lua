-- :Tabwright explain|status|restart|toggle [buffer|filetype]|model {id}|pull [id]|specialize [minutes|remove]

local server = require('tabwright.server')

local M = {}

local function say(message)
  vim.notify('Tabwright: ' .. message)
end

-- Run a server command and hand its answer on; say so where there is no server.
local function ask(command, arguments, on_answer)
  local client = server.client()
  if not client then
    say(server.status.message)
    return
  end
  server.execute(client, command, arguments, function(answer)
    if type(answer) == 'table' then
      on_answer(answer)
    else
      say('the server did not answer.')
    end
  end)
end

local function say_message(answer)
  say(answer.message or (answer.ok and 'done.' or 'that did not work.'))
end

local commands = {}

function commands.explain()
  ask('tabwright.explain', nil, function(answer)
    local lines = { answer.message or 'that is not known.' }
    for _, file in ipairs(answer.shownFiles or {}) do
      table.insert(lines, ('shown to the model: %s (%s)'):format(file.path, table.concat(file.reasons, ', ')))
    end
    say(table.concat(lines, '\n'))
  end)
end

function commands.status()
  ask('tabwright.showStatus', nil, function(answer)
    local process, counts = answer.modelProcess or {}, answer.statistics or {}
    local message = answer.message ~= '' and answer.message or 'ready'
    say(
      ('%s; model process %s; %d shown, %d accepted.'):format(
        message:gsub('%.$', ''),
        process.state or 'unknown',
        counts.shown or 0,
        counts.accepted or 0
      )
    )
  end)
end

function commands.restart()
  if server.client() then
    ask('tabwright.restartModel', nil, function()
      say('the model process is started again.')
    end)
  else
    server.start_again()
  end
end

function commands.toggle(scope)
  if scope and scope ~= 'buffer' and scope ~= 'filetype' then
    say('give buffer, filetype or nothing.')
    return
  end
  local is_on = require('tabwright').toggle(scope)
  local filetype = vim.bo.filetype ~= '' and vim.bo.filetype or 'files without a type'
  local where = ({ buffer = ' in this buffer', filetype = ' for ' .. filetype })[scope] or ''
  say(('suggestions are %s%s.'):format(is_on and 'on' or 'off', where))
end

function commands.model(id)
  if not id then
    say('give the id of a model, or auto.')
    return
  end
  ask('tabwright.switchModel', { id }, function(answer)
    say(answer.ok and 'the model is now ' .. id .. '.' or answer.message)
  end)
end

function commands.pull(id)
  say('fetching the weights…')
  ask('tabwright.pullModel', { id }, say_message)
end

-- Have a model made for the buffer's project, or taken back; the answer comes when all is over.
function commands.specialize(wish)
  local root = server.root(vim.api.nvim_get_current_buf())
  if not root then
    say('open a file of the project first.')
    return
  end
  local minutes = tonumber(wish)
  if wish and wish ~= 'remove' and not minutes then
    say('give a number of minutes, or remove.')
    return
  end
  if wish ~= 'remove' then
    say('specialising for ' .. vim.fs.basename(root) .. '; this goes on in the background…')
  end
  local wishes = wish == 'remove' and { remove = true } or { minutes = minutes or 20 }
  ask('tabwright.specializeWorkspace', { vim.uri_from_fname(root), wishes }, say_message)
end

function M.run(words)
  local command = commands[words[1]]
  if command then
    command(words[2])
  else
    say(('there is no `:Tabwright %s`.'):format(words[1]))
  end
end

local function model_ids()
  local client = server.client()
  local models = client and server.execute_now(client, 'tabwright.listModels') or {}
  return vim.tbl_map(function(model)
    return model.id
  end, models)
end

-- Return the words that may follow on the command line.
function M.complete(line)
  local words = vim.split(line, '%s+')
  local candidates = {}
  if #words == 2 then
    candidates = vim.tbl_keys(commands)
  elseif #words == 3 and words[2] == 'model' then
    candidates = vim.list_extend({ 'auto' }, model_ids())
  elseif #words == 3 and words[2] == 'pull' then
    candidates = model_ids()
  elseif #words == 3 and words[2] == 'toggle' then
    candidates = { 'buffer', 'filetype' }
  elseif #words == 3 and words[2] == 'specialize' then
    candidates = { '20', 'remove' }
  end
  local found = vim.tbl_filter(function(candidate)
    return vim.startswith(candidate, words[#words])
  end, candidates)
  table.sort(found)
  return found
end

return M
