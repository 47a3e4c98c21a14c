-- What a user may pass to `setup()`, with the defaults.

local M = {}

M.defaults = {
  -- How the server is started.
  cmd = { 'tabwright', 'serve' },
  -- Settings of the server, in camel case or snake case; see the main README.
  settings = {},
  -- A folder that holds one of these is a project.
  root_markers = { '.git', '.hg', 'pyproject.toml', 'package.json', 'Cargo.toml', 'go.mod' },
  -- What draws the ghost text: 'builtin', which is `vim.lsp.inline_completion` of Neovim 0.12 and
  -- later, the plugin's 'own', or 'auto': the first where there is one.
  ghost_text = 'auto',
  -- Keys in insert mode; false maps none.
  keymaps = {
    accept = '<Tab>',
    accept_word = '<M-Right>',
    accept_line = '<M-C-Right>',
    next = '<M-]>',
    previous = '<M-[>',
    request = [[<M-\>]],
  },
}

M.current = vim.deepcopy(M.defaults)

---@param given table?
function M.set(given)
  M.current = vim.tbl_deep_extend('force', vim.deepcopy(M.defaults), given or {})
  if given and given.cmd then
    M.current.cmd = given.cmd -- lists are replaced, not merged by index
  end
  if given and given.root_markers then
    M.current.root_markers = given.root_markers
  end
end

-- An empty Lua table may be a list or an object; these settings are objects.
local function as_object(value)
  if type(value) == 'table' and vim.tbl_isempty(value) then
    return vim.empty_dict()
  end
  return value
end

-- Return the settings as the server wants them.
function M.server_settings()
  local settings = vim.deepcopy(M.current.settings)
  if type(settings.languages) == 'table' then
    settings.languages = as_object(vim.tbl_map(as_object, settings.languages))
  end
  return as_object(settings)
end

return M
