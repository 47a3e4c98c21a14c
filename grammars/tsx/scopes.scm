; inherits: typescript

; Elements of HTML
(jsx_opening_element name: (identifier) @other (#match? @other "^[a-z]"))
(jsx_closing_element name: (identifier) @other)
(jsx_self_closing_element name: (identifier) @other (#match? @other "^[a-z]"))
(jsx_namespace_name (identifier) @other)
