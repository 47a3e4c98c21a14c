; inherits: c

(function_declarator declarator: [
  (field_identifier)
  (qualified_identifier)
  (destructor_name)
  (operator_name)
] @name)
(reference_declarator (function_declarator declarator: (_) @name))
(declaration declarator: (reference_declarator (function_declarator))) @definition.function
(field_declaration declarator: (function_declarator)) @definition.function
(field_declaration declarator: (pointer_declarator declarator: (function_declarator)))
  @definition.function
(field_declaration declarator: (reference_declarator (function_declarator))) @definition.function
(field_declaration declarator: (reference_declarator (field_identifier) @name)) @definition.field
(class_specifier name: [
  (type_identifier) @name
  (template_type name: (type_identifier) @name)
] body: (_) @body) @definition.class
(struct_specifier
  name: (template_type name: (type_identifier) @name)
  body: (_) @body) @definition.class
(namespace_definition name: (_) @name body: (_) @body) @definition.module
(alias_declaration name: (_) @name) @definition.type
(concept_definition name: (_) @name) @definition.type
(template_declaration) @whole
(field_initializer_list) @body
