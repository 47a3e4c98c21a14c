(class_declaration name: (_) @name body: (_) @body) @definition.class
(function_declaration name: (_) @name body: (_) @body) @definition.function
(generator_function_declaration name: (_) @name body: (_) @body) @definition.function
(method_definition name: (_) @name body: (_) @body) @definition.function
(field_definition property: (_) @name) @definition.field
(field_definition value: (arrow_function body: (_) @body)) @definition.function
(export_statement declaration: (_)) @whole
(export_statement value: [
  (function_expression name: (_) @name body: (_) @body)
  (class name: (_) @name body: (_) @body)
]) @definition.function

(lexical_declaration (variable_declarator name: (identifier) @name)) @definition.constant
(variable_declaration (variable_declarator name: (identifier) @name)) @definition.constant
(lexical_declaration
  (variable_declarator value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
  ])) @definition.function
(variable_declaration
  (variable_declarator value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
  ])) @definition.function
(lexical_declaration (variable_declarator value: (class body: (_) @body))) @definition.class
(variable_declaration (variable_declarator value: (class body: (_) @body))) @definition.class

(pair key: (property_identifier) @name value: [
  (arrow_function body: (_) @body)
  (function_expression body: (_) @body)
]) @definition.function

; What is put into other objects: `exports.f = `, `A.prototype.f = `, `A.f = `.
((assignment_expression
  left: (member_expression object: (_) @_exports property: (property_identifier) @name))
  @definition.constant
  (#any-of? @_exports "exports" "module.exports"))
((assignment_expression
  left: (member_expression property: (property_identifier) @name)
  right: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
  ]) @definition.function
  (#not-eq? @name "exports"))
((assignment_expression
  left: (member_expression property: (property_identifier) @name)
  right: (class body: (_) @body)) @definition.class
  (#not-eq? @name "exports"))
; `module.exports = class A { }`
((assignment_expression
  left: (member_expression) @_exports
  right: (class name: (_) @name body: (_) @body)) @definition.class
  (#eq? @_exports "module.exports"))
((assignment_expression
  left: (member_expression) @_exports
  right: (function_expression name: (_) @name body: (_) @body)) @definition.function
  (#eq? @_exports "module.exports"))
((assignment_expression left: (member_expression object: (identifier) @parent))
  (#not-match? @parent "^(exports|module|window|globalThis)$"))
((assignment_expression
  left: (member_expression
    object: (member_expression object: (identifier) @parent property: (_) @_prototype)))
  (#eq? @_prototype "prototype"))
(assignment_expression
  left: (member_expression object: (this) property: (property_identifier) @name))
  @definition.attribute
