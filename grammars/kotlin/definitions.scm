(package_header (qualified_identifier) @name) @definition.module
(class_declaration name: (identifier) @name) @definition.class
(class_declaration (class_body) @body)
(class_declaration (enum_class_body) @body)
(object_declaration name: (identifier) @name) @definition.class
(object_declaration (class_body) @body)
(enum_entry (identifier) @name) @definition.field
(function_declaration name: (identifier) @name) @definition.function
(function_declaration (function_body) @body)
(property_declaration (variable_declaration (identifier) @name)) @definition.constant
(class_parameter ["val" "var"] (identifier) @name) @definition.attribute
(type_alias type: (identifier) @name) @definition.type
