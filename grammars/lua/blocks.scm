[
  (do_statement)
  (while_statement)
  (for_statement)
  (function_declaration)
  (function_definition)
  (repeat_statement)
  (if_statement)
] @body

(block) @list
