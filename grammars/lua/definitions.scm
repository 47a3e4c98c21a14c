(function_declaration name: (_) @name) @definition.function
(function_declaration body: (_) @body)
(function_declaration "end" @body)
(chunk (variable_declaration (variable_list name: (identifier) @name)) @definition.constant)
(chunk
  (variable_declaration (assignment_statement (variable_list name: (identifier) @name)))
  @definition.constant)
(chunk (assignment_statement (variable_list name: (_) @name)) @definition.constant)
(chunk
  (assignment_statement
    (variable_list name: (_) @name)
    (expression_list value: (function_definition))) @definition.function)
(chunk
  (variable_declaration
    (assignment_statement (expression_list value: (function_definition))))
  @definition.function)
((assignment_statement
  (variable_list name: (dot_index_expression table: (identifier) @_self field: (identifier) @name)))
  @definition.attribute
  (#eq? @_self "self"))
(field
  name: (identifier) @name
  value: (function_definition)) @definition.function
(function_definition body: (_) @body)
(function_definition "end" @body)
