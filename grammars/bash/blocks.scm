[
  (compound_statement)
  (do_group)
  (if_statement)
  (case_statement)
] @body
