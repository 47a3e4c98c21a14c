(namespace_definition name: (_) @name) @definition.module
(namespace_definition body: (_) @body)
(class_declaration name: (_) @name body: (_) @body) @definition.class
(interface_declaration name: (_) @name body: (_) @body) @definition.class
(trait_declaration name: (_) @name body: (_) @body) @definition.class
(enum_declaration name: (_) @name body: (_) @body) @definition.class
(enum_case name: (_) @name) @definition.field
(function_definition name: (_) @name body: (_) @body) @definition.function
(method_declaration name: (_) @name) @definition.method
(method_declaration body: (_) @body)
(const_declaration (const_element (name) @name)) @definition.constant
(property_declaration (property_element name: (variable_name (name) @name))) @definition.field
(property_promotion_parameter name: (variable_name (name) @name)) @definition.attribute
((function_call_expression
  function: (name) @_define
  arguments: (arguments . (argument (string (string_content) @name)))) @definition.constant
  (#eq? @_define "define"))
