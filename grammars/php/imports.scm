(namespace_use_declaration
  (namespace_use_clause . [(qualified_name) (name)] @import.path) @import)
(namespace_use_declaration (namespace_name) @import.module body: (namespace_use_group)) @import
(namespace_use_group (namespace_use_clause . (name) @import.name))
(namespace_use_group (namespace_use_clause (qualified_name) @import.path) @import)
(namespace_use_clause alias: (name) @import.alias)
[
  (require_expression)
  (require_once_expression)
  (include_expression)
  (include_once_expression)
] @import
(require_expression [(string) (encapsed_string)] @import.module)
(require_once_expression [(string) (encapsed_string)] @import.module)
(include_expression [(string) (encapsed_string)] @import.module)
(include_once_expression [(string) (encapsed_string)] @import.module)
; `__DIR__ . '/lib.php'`
(require_expression (binary_expression right: (string) @import.module))
(require_once_expression (binary_expression right: (string) @import.module))
(include_expression (binary_expression right: (string) @import.module))
(include_once_expression (binary_expression right: (string) @import.module))
