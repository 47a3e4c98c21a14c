-- Which of the two draws the ghost text, chosen here alone: Neovim's built-in inline completion,
-- or this plugin by itself. Each of them has:
--   name                          as the option has it
--   take(client, buffer)          the client serves the buffer from now on
--   draw(buffer, text, choice, client_id)
--                                 show the text at the cursor, in place of what was there
--   erase(buffer)                 show nothing
--   is_drawn(buffer)              whether the screen really has it
--   is_switched_off(buffer)       whether the user keeps it from drawing there, by Neovim's means
--   switch_on(buffer)             undo that
--   forget(buffer)                the buffer is gone

local own = require('tabwright.drawers.own')

local M = {}

M.current = own

-- Called when something comes to be drawn later than it was asked for.
M.on_drawn = function() end

local WISHES = { auto = true, builtin = true, own = true }

function M.has_builtin()
  return vim.lsp.inline_completion ~= nil
end

-- Choose by the option `ghost_text`.
function M.choose(wish)
  if not WISHES[wish] then
    local message = "Tabwright: ghost_text is none of 'auto', 'builtin' and 'own': %s"
    vim.notify(message:format(vim.inspect(wish)), vim.log.levels.WARN)
  end
  if wish == 'own' or not M.has_builtin() then
    M.current = own
  else
    M.current = require('tabwright.drawers.builtin')
    M.current.on_drawn = function()
      M.on_drawn()
    end
  end
end

return M
