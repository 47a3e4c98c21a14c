[
  (block)
  (do_block)
  (begin)
  (class)
  (module)
  (method)
  (singleton_method)
  (singleton_class)
  (if)
  (unless)
  (while)
  (until)
  (for)
  (case)
] @body

[
  (body_statement)
  (then)
  (else)
] @list
