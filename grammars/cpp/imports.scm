; inherits: c

(using_declaration "namespace" (_) @import.module) @import
