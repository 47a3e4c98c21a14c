; The end or middle of a block that was never opened: the parser takes it for a command.
(command
  name: (command_name (word) @fault)
  (#any-of? @fault "fi" "done" "esac" "then" "elif" "else" "do"))
