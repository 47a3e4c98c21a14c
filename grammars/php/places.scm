(comment) @comment

[
  (string)
  (encapsed_string)
  (heredoc)
  (nowdoc)
  (shell_command_expression)
] @string

; Code in `"{$name}"` has no node of its own, only braces around it.
(encapsed_string "{" . (_) @code.inner . "}")
(heredoc_body "{" . (_) @code.inner . "}")
