(import_statement source: (string (string_fragment) @import.module)) @import
(import_clause (identifier) @import.default)
(namespace_import (identifier) @import.namespace)
(import_specifier name: (_) @import.name)
(import_specifier alias: (_) @import.alias)

(export_statement source: (string (string_fragment) @import.module)) @import
(export_statement "*" @import.name source: (_))
(export_statement
  (export_clause (export_specifier name: (_) @import.name)) source: (_))
(export_statement
  (export_clause (export_specifier alias: (_) @import.alias)) source: (_))

((call_expression
  function: (_) @_require
  arguments: (arguments . (string (string_fragment) @import.module) .)) @import
  (#any-of? @_require "require" "import"))
((variable_declarator
  name: (identifier) @import.namespace
  value: (call_expression
    function: (identifier) @_require
    arguments: (arguments . (string (string_fragment) @import.module) .))) @import
  (#eq? @_require "require"))
((variable_declarator
  name: (object_pattern [
    (shorthand_property_identifier_pattern) @import.name
    (pair_pattern key: (property_identifier) @import.name value: (identifier) @import.alias)
  ])
  value: (call_expression
    function: (identifier) @_require
    arguments: (arguments . (string (string_fragment) @import.module) .))) @import
  (#eq? @_require "require"))
