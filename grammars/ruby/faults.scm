; A keyword in a place where the parser takes it for a name. After a dot it is one (`range.end`).
([
  (program (identifier) @fault)
  (body_statement (identifier) @fault)
  (block_body (identifier) @fault)
  (then (identifier) @fault)
  (else (identifier) @fault)
  (do (identifier) @fault)
  (argument_list (identifier) @fault)
  (array (identifier) @fault)
  (assignment (identifier) @fault)
  (binary (identifier) @fault)
 ]
  (#any-of? @fault
    "begin" "def" "do" "else" "elsif" "end" "ensure" "if" "rescue" "then" "unless" "until" "when"
    "while"))
