(comment) @comment

[
  (string)
  (character)
  (chained_string)
  (string_array)
  (symbol_array)
  (delimited_symbol)
  (regex)
  (subshell)
  (heredoc_body)
] @string

(interpolation) @code
