; Classes inherit names, and those of the package need no import, so that there is no
; builtins.txt: only the locals of other methods are told.

(identifier) @reference
(ERROR (identifier) @mention)

; A field of the same name may be meant, also an inherited one.
(field_access field: (identifier) @definition.everywhere)
(field_declaration declarator: (variable_declarator name: (identifier) @definition.everywhere))
(record_declaration
  parameters: (formal_parameters (formal_parameter name: (identifier) @definition.everywhere)))
(enum_constant name: (identifier) @definition.everywhere)
(constant_declaration
  declarator: (variable_declarator name: (identifier) @definition.everywhere))

(method_invocation name: (identifier) @other)
(method_reference (identifier) (identifier) @other)
(scoped_identifier name: (identifier) @other)
(element_value_pair key: (identifier) @other)
(annotation name: (identifier) @other)
(marker_annotation name: (identifier) @other)
(labeled_statement . (identifier) @other)
(break_statement (identifier) @other)
(continue_statement (identifier) @other)
(switch_label (identifier) @mention)
(package_declaration (_) @other)
(import_declaration (identifier) @other)
(method_declaration name: (identifier) @other)
(constructor_declaration name: (identifier) @other)
(compact_constructor_declaration name: (identifier) @other)
(class_declaration name: (identifier) @other)
(interface_declaration name: (identifier) @other)
(enum_declaration name: (identifier) @other)
(record_declaration name: (identifier) @other)
(annotation_type_declaration name: (identifier) @other)
(expression_statement (identifier) @mention)
(assignment_expression left: (identifier) @mention)

(local_variable_declaration declarator: (variable_declarator name: (identifier) @definition))
(formal_parameter name: (identifier) @definition)
(spread_parameter (variable_declarator name: (identifier) @definition))
(catch_formal_parameter name: (identifier) @definition)
(enhanced_for_statement name: (identifier) @definition)
(resource name: (identifier) @definition)
(lambda_expression parameters: (identifier) @definition)
(inferred_parameters (identifier) @definition)
(instanceof_expression name: (identifier) @definition)
(type_pattern (identifier) @definition)
(record_pattern_component (identifier) @definition)

[
  (method_declaration)
  (constructor_declaration)
  (compact_constructor_declaration)
  (lambda_expression)
  (static_initializer)
] @scope
