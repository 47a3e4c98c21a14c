(package_clause (package_identifier) @name) @definition.module
(function_declaration name: (_) @name) @definition.function
(function_declaration body: (_) @body)
(method_declaration name: (_) @name) @definition.method
(method_declaration body: (_) @body)
(method_declaration
  receiver: (parameter_list
    (parameter_declaration type: [
      (type_identifier) @parent
      (pointer_type (type_identifier) @parent)
      (generic_type type: (type_identifier) @parent)
      (pointer_type (generic_type type: (type_identifier) @parent))
    ])))

(type_declaration (type_spec)) @whole
(type_spec name: (_) @name) @definition.type
(type_spec type: (struct_type (field_declaration_list) @body)) @definition.class
(type_spec type: (interface_type)) @definition.class
(interface_type "{" @body)
(type_alias name: (_) @name) @definition.type
(method_elem name: (_) @name) @definition.method
(field_declaration name: (_) @name) @definition.field

(const_declaration (const_spec)) @whole
(var_declaration (var_spec)) @whole
(const_spec name: (identifier) @name) @definition.constant
(var_spec name: (identifier) @name) @definition.constant
