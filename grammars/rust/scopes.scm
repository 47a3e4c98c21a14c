(identifier) @reference
(type_identifier) @reference
(shorthand_field_identifier) @reference

; What the parser cannot place, or leaves to a macro.
(ERROR (identifier) @mention)
(ERROR (type_identifier) @mention)
(token_tree (identifier) @mention)
(token_tree_pattern (identifier) @mention)

; Not names of this file, or names of any crate.
(scoped_identifier name: (identifier) @other)
(scoped_identifier path: (identifier) @mention)
(scoped_type_identifier name: (type_identifier) @other)
(scoped_type_identifier path: (identifier) @mention)
(macro_invocation macro: (identifier) @other)
(attribute (identifier) @other)
(label (identifier) @other)
(lifetime (identifier) @other)
(type_binding name: (type_identifier) @other)
(field_pattern name: (field_identifier) @other)
(visibility_modifier (_) @other)
(extern_crate_declaration name: (identifier) @definition)
(extern_crate_declaration alias: (identifier) @definition)

; What may become something else when more is written.
(expression_statement (identifier) @mention)
(assignment_expression left: (identifier) @mention)
(shorthand_field_identifier) @mention.last
(shorthand_field_initializer (identifier) @mention.last)
(block (identifier) @mention.last)
(type_arguments (type_identifier) @mention.last)

; Imports
(use_declaration argument: (identifier) @definition)
(use_list (identifier) @definition)
(use_declaration argument: (scoped_identifier name: (identifier) @definition))
(use_list (scoped_identifier name: (identifier) @definition))
(use_as_clause alias: (identifier) @definition)
(scoped_use_list path: (identifier) @definition)
(scoped_use_list path: (scoped_identifier name: (identifier) @definition))

; Declarations
(function_item name: (identifier) @definition.outside)
(function_signature_item name: (identifier) @definition.outside)
(struct_item name: (type_identifier) @definition)
(enum_item name: (type_identifier) @definition)
(union_item name: (type_identifier) @definition)
(trait_item name: (type_identifier) @definition)
(type_item name: (type_identifier) @definition)
(associated_type name: (type_identifier) @other)
(const_item name: (identifier) @definition)
(static_item name: (identifier) @definition)
(mod_item name: (identifier) @definition)
(enum_variant name: (identifier) @other)
(macro_definition name: (identifier) @definition)
(type_parameter name: (type_identifier) @definition.everywhere)
(const_parameter name: (identifier) @definition)

; Patterns and parameters; a constant in a pattern looks like a binding.
(parameter pattern: (identifier) @definition)
(closure_parameters (identifier) @definition)
(let_declaration pattern: (identifier) @definition)
(let_condition pattern: (identifier) @definition)
(for_expression pattern: (identifier) @definition)
(match_pattern . (identifier) @definition)
(tuple_pattern (identifier) @definition)
(slice_pattern (identifier) @definition)
(tuple_struct_pattern type: (identifier) (identifier) @definition)
(tuple_struct_pattern type: (scoped_identifier) (identifier) @definition)
(field_pattern pattern: (identifier) @definition)
(field_pattern name: (shorthand_field_identifier) @definition)
(mut_pattern (identifier) @definition)
(ref_pattern (identifier) @definition)
(reference_pattern (identifier) @definition)
(captured_pattern . (identifier) @definition)
(or_pattern (identifier) @definition)

[
  (function_item)
  (function_signature_item)
  (closure_expression)
] @scope

; Names that come from nowhere.
(source_file (use_declaration argument: (use_wildcard)) @silent)
(mod_item body: (declaration_list (use_declaration argument: (use_wildcard)))) @silent.inside
(block (use_declaration argument: (use_wildcard))) @silent.inside
(use_list (use_wildcard) @silent)
((macro_invocation macro: (identifier) @_include) @silent
  (#eq? @_include "include"))
((attribute_item (attribute (identifier) @_use)) @silent
  (#eq? @_use "macro_use"))
