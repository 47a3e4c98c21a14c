-- Keys in insert mode. A key that acts on a suggestion does what it did before when there is none
-- on the screen, whatever that was: another plugin's mapping, the user's own, or the key itself.

local M = {}

local api = vim.api
local BEFORE = '<Plug>(tabwright-before)'
local DESCRIPTION = 'Tabwright: '

-- What is done by the keys that act on a suggestion, and whether that is an undo step of its own.
local ACTIONS = {
  accept = { does = 'accept the suggestion', is_edit = true },
  accept_word = { does = 'accept the next word of the suggestion', is_edit = true },
  accept_line = { does = 'accept the next line of the suggestion', is_edit = true },
  next = { does = 'show the next alternative' },
  previous = { does = 'show the previous alternative' },
}

-- What each of these keys did in each buffer by a mapping for that buffer only.
local local_before = {}

local function raw(key)
  return api.nvim_replace_termcodes(key, true, true, true)
end

local function find(mappings, key)
  for _, mapping in ipairs(mappings) do
    if mapping.lhsraw == raw(key) or mapping.lhsrawalt == raw(key) or mapping.lhs == key then
      return mapping
    end
  end
end

-- Return a key without the Alt it is held with, or nil when it is held without.
local function without_alt(key)
  local others, last = vim.fn.keytrans(raw(key)):match('^<([%u%-]-)M%-(.+)>$')
  if not last then
    return nil
  end
  local is_bare = others == '' and vim.fn.strchars(last) == 1
  return is_bare and last or raw('<' .. others .. last .. '>')
end

-- Map BEFORE in the current buffer to what the key does by itself.
local function map_to_itself(key)
  local other = without_alt(key)
  -- Neovim takes a typed key with Alt that is not mapped for <Esc> and the key, but not one that
  -- comes out of a mapping. See https://github.com/neovim/neovim/issues/8213.
  vim.keymap.set('i', BEFORE, other and function()
    api.nvim_feedkeys(raw('<Esc>') .. other, 'ti', false)
  end or key, { buffer = true })
end

-- Map BEFORE in the current buffer to what a mapping does.
local function map_to(mapping)
  local script = '<SNR>' .. (mapping.sid or 0) .. '_'
  local right = mapping.callback or (mapping.rhs or ''):gsub('<SID>', script)
  vim.keymap.set('i', BEFORE, right, {
    buffer = true,
    expr = mapping.expr == 1,
    remap = mapping.noremap == 0,
    silent = mapping.silent == 1,
    replace_keycodes = mapping.expr == 1 and mapping.replace_keycodes == 1 or nil,
  })
end

local function is_ours(mapping)
  return mapping and vim.startswith(mapping.desc or '', DESCRIPTION)
end

-- The mapping is made for the buffer, so that it goes before global ones, also later ones.
local function map_action(buffer, key, name, is_shown)
  local present = find(api.nvim_buf_get_keymap(buffer, 'i'), key)
  if is_ours(present) then
    return
  end
  local_before[buffer] = local_before[buffer] or {}
  local_before[buffer][key] = present
  local action = ACTIONS[name]
  -- <Cmd>, because an expression may not change the text.
  local run = ("<Cmd>lua require('tabwright').%s()<CR>"):format(name)
  if action.is_edit then
    run = '<C-g>u' .. run
  end
  vim.keymap.set('i', key, function()
    if is_shown() then
      return run
    end
    local mapping = local_before[buffer][key] or find(api.nvim_get_keymap('i'), key)
    if mapping then
      map_to(mapping)
    else
      map_to_itself(key)
    end
    return BEFORE
  end, { buffer = buffer, expr = true, remap = true, desc = DESCRIPTION .. action.does })
end

function M.map(buffer, keymaps, is_shown)
  if keymaps.request then
    vim.keymap.set('i', keymaps.request, function()
      require('tabwright').request()
    end, { buffer = buffer, desc = DESCRIPTION .. 'ask for a suggestion' })
  end
  for name in pairs(ACTIONS) do
    if keymaps[name] then
      map_action(buffer, keymaps[name], name, is_shown)
    end
  end
end

function M.forget(buffer)
  local_before[buffer] = nil
end

return M
