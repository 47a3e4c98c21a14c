; inherits: c

; Classes inherit names; a field of the same name may be meant, also one of a header.
(field_identifier) @definition.everywhere

(reference_declarator (identifier) @definition)
(variadic_declarator (identifier) @definition)
(optional_parameter_declaration declarator: (identifier) @definition)
(for_range_loop declarator: (identifier) @definition)
(structured_binding_declarator (identifier) @definition)
(lambda_capture_initializer left: (identifier) @definition)
(qualified_identifier (identifier) @definition.everywhere)
(using_declaration (identifier) @definition.everywhere)
(namespace_alias_definition (namespace_identifier) @definition.everywhere)

(lambda_expression) @scope
