(use_declaration argument: (identifier) @import @import.module)
(use_declaration argument: (scoped_identifier path: (_) @import.module name: (_) @import.name))
  @import
(use_declaration argument: (use_as_clause path: (identifier) @import.module)) @import
(use_declaration argument: (use_list)) @import
(use_declaration argument: (scoped_use_list path: (_) @import.module) @import)
(use_declaration argument: (use_wildcard (_) @import.module "*" @import.name) @import)

(use_list [(identifier) (self)] @import.name)
(use_list (scoped_identifier path: (_) @import.module name: (_) @import.name) @import)
(use_list (scoped_use_list path: (_) @import.module) @import)
(use_list (use_wildcard (_) @import.module "*" @import.name) @import)
(use_list (use_as_clause path: [(identifier) (self)] @import.name))
(use_as_clause
  path: (scoped_identifier path: (_) @import.module name: (_) @import.name)) @import
(use_as_clause alias: (identifier) @import.alias)
(extern_crate_declaration name: (_) @import.module) @import
(extern_crate_declaration alias: (_) @import.alias)
