[
  (compound_statement)
  (do_group)
] @body
