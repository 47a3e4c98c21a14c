(class_declaration name: (type_identifier) @name body: (_) @body) @definition.class
; An extension is told as the class it extends.
(class_declaration name: (user_type) @name body: (_) @body) @scope
(protocol_declaration name: (_) @name body: (_) @body) @definition.class
(enum_entry name: (simple_identifier) @name) @definition.field
(function_declaration name: (simple_identifier) @name) @definition.function
(function_declaration body: (_) @body)
(protocol_function_declaration name: (simple_identifier) @name) @definition.method
(init_declaration "init" @name) @definition.method
(init_declaration body: (_) @body)
(property_declaration name: (pattern bound_identifier: (_) @name)) @definition.constant
(property_declaration computed_value: (_) @body)
(protocol_property_declaration name: (pattern bound_identifier: (_) @name)) @definition.field
(typealias_declaration name: (type_identifier) @name) @definition.type
