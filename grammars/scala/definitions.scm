(package_clause name: (_) @name) @definition.module
(class_definition name: (_) @name) @definition.class
(class_definition body: (_) @body)
(object_definition name: (_) @name) @definition.class
(object_definition body: (_) @body)
(trait_definition name: (_) @name) @definition.class
(trait_definition body: (_) @body)
(enum_definition name: (_) @name body: (_) @body) @definition.class
(simple_enum_case name: (_) @name) @definition.field
(full_enum_case name: (_) @name) @definition.field
(function_definition name: (_) @name body: (_) @body) @definition.function
(function_declaration name: (_) @name) @definition.function
(val_definition pattern: (identifier) @name) @definition.constant
(var_definition pattern: (identifier) @name) @definition.constant
(val_declaration name: (identifier) @name) @definition.constant
(var_declaration name: (identifier) @name) @definition.constant
(given_definition name: (_) @name) @definition.constant
(type_definition name: (_) @name) @definition.type
(class_parameter name: (identifier) @name) @definition.attribute
