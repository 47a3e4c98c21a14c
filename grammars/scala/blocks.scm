[
  (block)
  (template_body)
  (case_block)
  (enum_body)
] @body
