(identifier) @reference

; What the parser cannot place.
(ERROR (identifier) @mention)
(ERROR (dotted_name (identifier) @mention))

; Not names of variables.
(attribute attribute: (identifier) @other)
(keyword_argument name: (identifier) @other)
(dotted_name (identifier) (identifier) @other)
(keyword_pattern . (identifier) @other)

; A lone name may be the target of an assignment that is still to be written.
(expression_statement (identifier) @mention)

; Imports
(import_statement name: (dotted_name . (identifier) @definition))
(import_from_statement name: (dotted_name (identifier) @definition))
(import_from_statement module_name: (dotted_name (identifier) @other))
(relative_import (dotted_name (identifier) @other))
(future_import_statement name: (dotted_name (identifier) @definition))
(aliased_import name: (dotted_name (identifier) @other) alias: (identifier) @definition)

; Targets
(assignment left: (identifier) @definition)
(augmented_assignment left: (identifier) @definition)
(for_statement left: (identifier) @definition)
(for_in_clause left: (identifier) @definition)
(pattern_list (identifier) @definition)
(tuple_pattern (identifier) @definition)
(list_pattern (identifier) @definition)
(list_splat_pattern (identifier) @definition)
(dictionary_splat_pattern (identifier) @definition)
(as_pattern_target (identifier) @definition)
(as_pattern (identifier) @definition .)
(named_expression name: (identifier) @definition)
(delete_statement (identifier) @mention)
(delete_statement (expression_list (identifier) @mention))
(global_statement (identifier) @definition.everywhere)
(nonlocal_statement (identifier) @definition.everywhere)
(case_pattern (dotted_name . (identifier) @definition .))
(splat_pattern (identifier) @definition)
(as_pattern (case_pattern) (identifier) @definition)
(type_alias_statement left: (type (identifier) @definition))
(type_alias_statement left: (type (generic_type (identifier) @definition)))
(type_parameter (type (identifier) @definition))

; Definitions and parameters
(function_definition name: (identifier) @definition.outside)
(class_definition name: (identifier) @definition)
(parameters (identifier) @definition)
(lambda_parameters (identifier) @definition)
(default_parameter name: (identifier) @definition)
(typed_parameter . (identifier) @definition)
(typed_default_parameter name: (identifier) @definition)

; Scopes. What a class defines is not seen inside its functions.
(function_definition) @scope
(function_definition body: (block) @scope.body)
(lambda) @scope
(lambda body: (_) @scope.body)
(class_definition body: (block) @scope.class)

; Names that come from nowhere.
(wildcard_import) @silent
((call function: (identifier) @_function) @silent
  (#any-of? @_function "exec" "execfile" "globals" "eval" "Import"))
