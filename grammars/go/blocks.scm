[
  (block)
  (field_declaration_list)
] @body
