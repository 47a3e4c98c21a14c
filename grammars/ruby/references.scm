[
  (identifier)
  (constant)
  (instance_variable)
] @reference
