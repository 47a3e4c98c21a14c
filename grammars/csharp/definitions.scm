(namespace_declaration name: (_) @name body: (_) @body) @definition.module
(file_scoped_namespace_declaration name: (_) @name) @definition.module
(class_declaration name: (_) @name body: (_) @body) @definition.class
(struct_declaration name: (_) @name body: (_) @body) @definition.class
(interface_declaration name: (_) @name body: (_) @body) @definition.class
(enum_declaration name: (_) @name body: (_) @body) @definition.class
(record_declaration name: (_) @name) @definition.class
(record_declaration body: (_) @body)
(enum_member_declaration name: (_) @name) @definition.field
(delegate_declaration name: (_) @name) @definition.type
(method_declaration name: (_) @name) @definition.method
(method_declaration body: (_) @body)
(constructor_declaration name: (_) @name body: (_) @body) @definition.method
(destructor_declaration name: (_) @name body: (_) @body) @definition.method
(local_function_statement name: (_) @name body: (_) @body) @definition.function
(operator_declaration operator: (_) @name body: (_) @body) @definition.method
(property_declaration name: (_) @name) @definition.field
(field_declaration
  (variable_declaration (variable_declarator name: (_) @name))) @definition.field
(event_field_declaration
  (variable_declaration (variable_declarator name: (_) @name))) @definition.field
