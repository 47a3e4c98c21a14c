[
  (statement_block)
  (class_body)
  (class_static_block)
  (switch_body)
] @body
