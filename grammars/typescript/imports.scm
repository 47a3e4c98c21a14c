; inherits: javascript

(import_statement
  (import_require_clause (identifier) @import.namespace source: (string (string_fragment) @import.module)))
  @import
