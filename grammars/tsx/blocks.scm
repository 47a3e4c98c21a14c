[
  (statement_block)
  (class_body)
  (class_static_block)
  (switch_body)
  (interface_body)
  (enum_body)
] @body
