; Other files of the package define names too, so that there is no builtins.txt: only the locals
; of other functions are told.

(identifier) @reference
(ERROR (identifier) @mention)

(assignment_statement left: (expression_list (identifier) @mention))
(expression_statement (identifier) @mention)
(keyed_element . (literal_element (identifier) @other))

(import_spec name: (package_identifier) @definition)
(const_spec name: (identifier) @definition)
(var_spec name: (identifier) @definition)
(short_var_declaration left: (expression_list (identifier) @definition))
(range_clause left: (expression_list (identifier) @definition))
(receive_statement left: (expression_list (identifier) @definition))
(type_switch_statement alias: (expression_list (identifier) @definition))
(parameter_declaration name: (identifier) @definition)
(variadic_parameter_declaration name: (identifier) @definition)
(type_parameter_declaration name: (identifier) @definition)
(function_declaration name: (identifier) @definition.outside)

[
  (function_declaration)
  (method_declaration)
  (func_literal)
  (function_type)
  (method_elem)
] @scope

; A package is called by the end of its path, more or less.
(import_spec path: (_) @names)
