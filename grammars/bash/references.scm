[
  (variable_name)
  (command_name (word))
] @reference
