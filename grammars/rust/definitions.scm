(struct_item name: (_) @name) @definition.class
(struct_item body: (field_declaration_list) @body)
(union_item name: (_) @name body: (_) @body) @definition.class
(enum_item name: (_) @name body: (_) @body) @definition.class
(enum_variant name: (_) @name) @definition.field
(trait_item name: (_) @name body: (_) @body) @definition.class
(impl_item type: [
  (type_identifier) @name
  (generic_type type: (type_identifier) @name)
  (scoped_type_identifier name: (type_identifier) @name)
]) @scope
(function_item name: (_) @name body: (_) @body) @definition.function
(function_signature_item name: (_) @name) @definition.function
(field_declaration name: (_) @name) @definition.field
(const_item name: (_) @name) @definition.constant
(static_item name: (_) @name) @definition.constant
(type_item name: (_) @name) @definition.type
(associated_type name: (_) @name) @definition.type
(mod_item name: (_) @name) @definition.module
(mod_item body: (_) @body)
(macro_definition name: (_) @name "{"? @body "("? @body) @definition.macro
(attribute_item) @before
