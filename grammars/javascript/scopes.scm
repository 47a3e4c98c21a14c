(identifier) @reference
(shorthand_property_identifier) @reference

; What the parser cannot place.
(ERROR (identifier) @mention)
(ERROR (shorthand_property_identifier) @mention)

; Not names of variables.
(jsx_opening_element name: (identifier) @other (#match? @other "^[a-z]"))
(jsx_closing_element name: (identifier) @other)
(jsx_self_closing_element name: (identifier) @other (#match? @other "^[a-z]"))
(jsx_namespace_name (identifier) @other)
(export_specifier name: (identifier) @mention)
(export_specifier alias: (identifier) @other)
(namespace_export (identifier) @other)

; Targets, which may be defined elsewhere.
(assignment_expression left: (identifier) @mention)
(augmented_assignment_expression left: (identifier) @mention)
(for_in_statement left: (identifier) @mention)

; What may become a target, the parameter of an arrow function or the key of an object.
(shorthand_property_identifier) @mention.last
(expression_statement (identifier) @mention)
(expression_statement (sequence_expression (identifier) @mention))
(expression_statement (parenthesized_expression (identifier) @mention))
(variable_declarator value: (parenthesized_expression (identifier) @mention))
(pair value: (parenthesized_expression (identifier) @mention))
(arguments (parenthesized_expression (identifier) @mention))
(return_statement (parenthesized_expression (identifier) @mention))
(parenthesized_expression (sequence_expression (identifier) @mention))
(call_expression
  function: (identifier) @_async
  arguments: (arguments (identifier) @mention)
  (#eq? @_async "async"))

; Imports
(import_clause (identifier) @definition)
(namespace_import (identifier) @definition)
(import_specifier !alias name: (identifier) @definition)
(import_specifier name: (identifier) @other alias: (identifier) @definition)

; Declarations
(variable_declarator name: (identifier) @definition)
(for_in_statement kind: _ left: (identifier) @definition)
(function_declaration name: (identifier) @definition.outside)
(generator_function_declaration name: (identifier) @definition.outside)
(function_expression name: (identifier) @definition)
(generator_function name: (identifier) @definition)
(class_declaration name: (identifier) @definition)
(class name: (identifier) @definition)
(catch_clause parameter: (identifier) @definition)

; Patterns and parameters
(formal_parameters (identifier) @definition)
(arrow_function parameter: (identifier) @definition)
(array_pattern (identifier) @definition)
(shorthand_property_identifier_pattern) @definition
(pair_pattern value: (identifier) @definition)
(assignment_pattern left: (identifier) @definition)
(rest_pattern (identifier) @definition)

; Scopes. Blocks are not told apart.
[
  (function_declaration)
  (generator_function_declaration)
  (function_expression)
  (generator_function)
  (arrow_function)
  (method_definition)
  (class_static_block)
] @scope

; A file that neither imports nor exports shares its names with other scripts.
[
  (import_statement)
  (export_statement)
  (import)
] @module
((call_expression function: (identifier) @_require) @module
  (#any-of? @_require "require" "define"))
((member_expression object: (identifier) @_module) @module
  (#any-of? @_module "module" "exports"))
((comment) @names
  (#match? @names "^/\\*\\s*globals?\\s"))

; Names that come from nowhere.
(with_statement) @silent
((call_expression function: (identifier) @_eval) @silent
  (#eq? @_eval "eval"))
