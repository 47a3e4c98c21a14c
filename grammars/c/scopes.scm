; Headers and macros define names unseen, so that there is no builtins.txt: only the locals of
; other functions are told.

(identifier) @reference
(ERROR (identifier) @mention)

(expression_statement (identifier) @mention)
(assignment_expression left: (identifier) @mention)
(preproc_def name: (identifier) @definition.everywhere)
(preproc_function_def name: (identifier) @definition.everywhere)
(preproc_params (identifier) @definition.everywhere)
(enumerator name: (identifier) @definition.everywhere)

(declaration declarator: (identifier) @definition)
(init_declarator declarator: (identifier) @definition)
(pointer_declarator declarator: (identifier) @definition)
(array_declarator declarator: (identifier) @definition)
(parenthesized_declarator (identifier) @definition)
(attributed_declarator (identifier) @definition)
(parameter_declaration declarator: (identifier) @definition)
(function_declarator declarator: (identifier) @definition.everywhere)

(function_definition) @scope
