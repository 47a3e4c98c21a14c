(using_directive [(identifier) (qualified_name)] @import.module .) @import
(using_directive name: (identifier) @import.namespace)
