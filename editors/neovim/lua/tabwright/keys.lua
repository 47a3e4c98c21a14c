-- Keys in insert mode. The key that accepts does what it did before when there is nothing to
-- accept, whatever that was: another plugin's mapping, the user's own, or the key itself.

local M = {}

local api = vim.api
local BEFORE = '<Plug>(tabwright-before)'
local DESCRIPTION = 'Tabwright: '

-- What the accepting key did in each buffer by a mapping for that buffer only.
local local_before = {}

local function find(mappings, key)
  local raw = api.nvim_replace_termcodes(key, true, true, true)
  for _, mapping in ipairs(mappings) do
    if mapping.lhsraw == raw or mapping.lhsrawalt == raw or mapping.lhs == key then
      return mapping
    end
  end
end

-- Map BEFORE in the current buffer to what the key did.
local function map_before(mapping, key)
  if not mapping then
    vim.keymap.set('i', BEFORE, key, { buffer = true })
    return
  end
  local right = mapping.callback or (mapping.rhs or ''):gsub('<SID>', '<SNR>' .. (mapping.sid or 0) .. '_')
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
function M.map(buffer, keymaps, is_shown)
  if keymaps.request then
    vim.keymap.set('i', keymaps.request, function()
      require('tabwright').request()
    end, { buffer = buffer, desc = DESCRIPTION .. 'ask for a suggestion' })
  end
  local key = keymaps.accept
  if not key then
    return
  end
  local present = find(api.nvim_buf_get_keymap(buffer, 'i'), key)
  if is_ours(present) then
    return
  end
  local_before[buffer] = present
  vim.keymap.set('i', key, function()
    if is_shown() then
      -- An undo step of its own, and <Cmd>, because an expression may not change the text.
      return "<C-g>u<Cmd>lua require('tabwright').accept()<CR>"
    end
    map_before(local_before[buffer] or find(api.nvim_get_keymap('i'), key), key)
    return BEFORE
  end, { buffer = buffer, expr = true, remap = true, desc = DESCRIPTION .. 'accept the suggestion' })
end

function M.forget(buffer)
  local_before[buffer] = nil
end

return M
