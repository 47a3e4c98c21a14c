((function_call
  name: (identifier) @_require
  arguments: (arguments . (string content: (string_content) @import.module) .)) @import
  (#any-of? @_require "require" "dofile"))
((variable_declaration
  (assignment_statement
    (variable_list . name: (identifier) @import.namespace .)
    (expression_list
      . value: (function_call
        name: (identifier) @_require
        arguments: (arguments . (string content: (string_content)) .)) .))) @import
  (#eq? @_require "require"))
