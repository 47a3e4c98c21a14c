[
  (comment)
  (html_comment)
] @comment

[
  (string)
  (template_string)
  (template_literal_type)
  (regex)
] @string

[
  (template_substitution)
  (template_type)
] @code
