[
  (object)
  (array)
] @body
