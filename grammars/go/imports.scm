(import_spec path: (interpreted_string_literal (interpreted_string_literal_content) @import.module))
  @import
(import_spec name: (package_identifier) @import.namespace)
(import_spec name: (dot) @import.everything)
