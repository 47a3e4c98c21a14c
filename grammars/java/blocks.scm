[
  (block)
  (class_body)
  (constructor_body)
  (interface_body)
  (enum_body)
  (annotation_type_body)
  (module_body)
  (switch_block)
] @body
