(identifier) @reference
(type_identifier) @reference
(shorthand_property_identifier) @reference

; What the parser cannot place.
(ERROR (identifier) @mention)
(ERROR (type_identifier) @mention)
(ERROR (shorthand_property_identifier) @mention)
(ERROR (nested_identifier (identifier) @mention))

; Not names of variables or types of this file.
(nested_type_identifier name: (type_identifier) @other)
(export_specifier name: (identifier) @mention)
(export_specifier alias: (identifier) @other)
(namespace_export (identifier) @other)
(required_parameter name: (identifier) @other)
(optional_parameter name: (identifier) @other)

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
(import_require_clause (identifier) @definition)
(import_alias . (identifier) @definition)

; Declarations
(variable_declarator name: (identifier) @definition)
(for_in_statement kind: _ left: (identifier) @definition)
(function_declaration name: (identifier) @definition.outside)
(generator_function_declaration name: (identifier) @definition.outside)
(function_signature name: (identifier) @definition.outside)
(function_expression name: (identifier) @definition)
(generator_function name: (identifier) @definition)
(class_declaration name: (type_identifier) @definition.outside)
(abstract_class_declaration name: (type_identifier) @definition.outside)
(class name: (type_identifier) @definition)
(interface_declaration name: (type_identifier) @definition.outside)
(type_alias_declaration name: (type_identifier) @definition.outside)
(enum_declaration name: (identifier) @definition)
(enum_body name: (property_identifier) @definition)
(enum_assignment name: (property_identifier) @definition)
(module name: (identifier) @definition)
(internal_module name: (identifier) @definition)
(module name: (nested_identifier . (identifier) @definition))
(internal_module name: (nested_identifier . (identifier) @definition))
(catch_clause parameter: (identifier) @definition)
(type_parameter name: (type_identifier) @definition)
(mapped_type_clause name: (type_identifier) @definition)
(infer_type . (type_identifier) @definition)
(index_signature name: (identifier) @other)
(type_predicate name: (identifier) @mention)

; Patterns and parameters
(required_parameter pattern: (identifier) @definition)
(optional_parameter pattern: (identifier) @definition)
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
  (function_signature)
  (function_expression)
  (generator_function)
  (arrow_function)
  (method_definition)
  (method_signature)
  (abstract_method_signature)
  (call_signature)
  (construct_signature)
  (function_type)
  (constructor_type)
  (class_static_block)
  (class_declaration)
  (abstract_class_declaration)
  (class)
  (interface_declaration)
  (type_alias_declaration)
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

; Namespaces of the same name see each other's names, also in other files.
(internal_module) @open.inside
(ambient_declaration (module)) @open.inside
((comment) @open
  (#match? @open "^///\\s*<reference"))

; Names that come from nowhere.
(with_statement) @silent
((call_expression function: (identifier) @_eval) @silent
  (#eq? @_eval "eval"))
