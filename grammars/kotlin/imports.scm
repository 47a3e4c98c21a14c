(import (qualified_identifier) @import.path) @import
(import "*" @import.name)
(import "as" (identifier) @import.alias)
