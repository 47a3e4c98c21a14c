-- Defines :Tabwright. Nothing starts before `require('tabwright').setup()`.

if vim.g.loaded_tabwright then
  return
end
vim.g.loaded_tabwright = true

vim.api.nvim_create_user_command('Tabwright', function(arguments)
  require('tabwright.commands').run(arguments.fargs)
end, {
  nargs = '+',
  desc = 'Ask or tell Tabwright something',
  complete = function(_, line, column)
    return require('tabwright.commands').complete(line:sub(1, column))
  end,
})
