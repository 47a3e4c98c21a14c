(import_declaration) @import
(import_declaration (identifier) @import.path)
(import_declaration (namespace_wildcard) @import.everything)
(import_declaration (namespace_selectors (identifier) @import.name))
(import_declaration (namespace_selectors (_ name: (_) @import.name alias: (_) @import.alias)))
(import_declaration (namespace_selectors (namespace_wildcard) @import.everything))
(import_declaration (as_renamed_identifier name: (_) @import.name alias: (_) @import.alias))
