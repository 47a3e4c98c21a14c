(class_declaration name: (_) @name body: (_) @body) @definition.class
(abstract_class_declaration name: (_) @name body: (_) @body) @definition.class
(interface_declaration name: (_) @name body: (_) @body) @definition.class
(enum_declaration name: (_) @name body: (_) @body) @definition.class
(type_alias_declaration name: (_) @name) @definition.type
(internal_module name: (_) @name body: (_) @body) @definition.module
(module name: (_) @name body: (_) @body) @definition.module
(enum_body (property_identifier) @name @definition.field)
(enum_assignment name: (_) @name) @definition.field

(function_declaration name: (_) @name body: (_) @body) @definition.function
(generator_function_declaration name: (_) @name body: (_) @body) @definition.function
(function_signature name: (_) @name) @definition.function
(method_definition name: (_) @name body: (_) @body) @definition.function
(method_signature name: (_) @name) @definition.function
(abstract_method_signature name: (_) @name) @definition.function
(public_field_definition name: (_) @name) @definition.field
(public_field_definition value: (arrow_function body: (_) @body)) @definition.function
(property_signature name: (property_identifier) @name) @definition.field
(required_parameter (accessibility_modifier) pattern: (identifier) @name) @definition.attribute
(export_statement declaration: (_)) @whole
(ambient_declaration) @whole

(lexical_declaration (variable_declarator name: (identifier) @name)) @definition.constant
(variable_declaration (variable_declarator name: (identifier) @name)) @definition.constant
(lexical_declaration
  (variable_declarator value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
  ])) @definition.function
(lexical_declaration (variable_declarator value: (class body: (_) @body))) @definition.class

(pair key: (property_identifier) @name value: [
  (arrow_function body: (_) @body)
  (function_expression body: (_) @body)
]) @definition.function
