[
  (block)
  (do_block)
  (begin)
  (class)
  (module)
  (method)
] @body
