(class_definition name: (identifier) @name body: (block) @body) @definition.class
(function_definition name: (identifier) @name body: (block) @body) @definition.function
(decorated_definition) @whole
(block . (expression_statement (string) @doc))

(module (expression_statement (assignment left: (identifier) @name) @definition.constant))
(block (expression_statement (assignment left: (identifier) @name) @definition.constant))
(type_alias_statement left: (type (identifier) @name)) @definition.type
(type_alias_statement left: (type (generic_type (identifier) @name))) @definition.type

((assignment left: (attribute object: (identifier) @_self attribute: (identifier) @name))
  @definition.attribute
  (#eq? @_self "self"))
