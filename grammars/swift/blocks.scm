[
  (function_body)
  (class_body)
  (protocol_body)
  (enum_class_body)
  (lambda_literal)
] @body

(statements) @list
