-- :checkhealth tabwright

local drawers = require('tabwright.drawers')
local options = require('tabwright.options')
local server = require('tabwright.server')

local M = {}

local health = vim.health
local PATIENCE_MILLISECONDS = 60000

local function check_neovim()
  health.start('Neovim')
  if vim.fn.has('nvim-0.10') == 1 then
    health.ok('Neovim ' .. tostring(vim.version()))
  else
    health.error('Neovim is older than 0.10')
  end
end

local function check_ghost_text()
  health.start('Ghost text')
  local wish, is_builtin = options.current.ghost_text, drawers.current.name == 'builtin'
  local drawer = is_builtin and "Neovim's built-in `vim.lsp.inline_completion`" or 'this plugin itself'
  if wish == 'builtin' and not is_builtin then
    health.warn(("Drawn by %s: `ghost_text = 'builtin'` needs Neovim 0.12"):format(drawer))
  else
    health.ok(('Drawn by %s; the option is `ghost_text = %s`'):format(drawer, vim.inspect(wish)))
  end
end

local function check_server()
  health.start('The server of this Neovim')
  local status = server.status
  if not server.client() then
    health.warn('It does not run: ' .. status.message, {
      "Call `require('tabwright').setup()` and open a file",
      'If it has ended, `:Tabwright restart` starts it',
    })
    return
  end
  local says = { Error = health.error, Warning = health.warn }
  local say = says[status.kind] or health.ok
  say(status.message ~= '' and status.message or 'It runs')
end

-- Return what `tabwright doctor` found, or nil and why there is nothing.
local function diagnosis(program)
  local command = { program, 'doctor', '--json' }
  local is_started, running = pcall(vim.system, command, { text = true })
  if not is_started then
    return nil, tostring(running)
  end
  local done = running:wait(PATIENCE_MILLISECONDS)
  local is_good, report = pcall(vim.json.decode, done.stdout or '')
  if not is_good or type(report) ~= 'table' or type(report.findings) ~= 'table' then
    return nil, ('`%s` ended with status %d'):format(table.concat(command, ' '), done.code)
  end
  return report.findings
end

local function check_installation()
  health.start('The installation, by `tabwright doctor`')
  local program = options.current.cmd[1]
  if vim.fn.executable(program) == 0 then
    health.error(('`%s` is not on PATH'):format(program), {
      'Install it as its README says, or give its full path as `cmd` to `setup()`',
    })
    return
  end
  if options.current.cmd[2] ~= 'serve' then
    health.info('`cmd` is none of `tabwright serve`; run `tabwright doctor` yourself')
    return
  end
  local findings, problem = diagnosis(program)
  if not findings then
    health.error(problem)
    return
  end
  local says = { ok = health.ok, warning = health.warn, problem = health.error }
  for _, finding in ipairs(findings) do
    local sentence = ('%s: %s'):format(finding.subject, finding.sentence)
    says[finding.state](sentence, finding.advice ~= '' and { finding.advice } or nil)
  end
end

function M.check()
  check_neovim()
  check_ghost_text()
  check_server()
  check_installation()
end

return M
