(module name: (_) @name) @definition.module
(module body: (_) @body)
(module "end" @body)
(class name: (_) @name) @definition.class
(class body: (_) @body)
(class "end" @body)
(method name: (_) @name) @definition.function
(method body: (_) @body)
(method "end" @body)
(singleton_method name: (_) @name) @definition.function
(singleton_method body: (_) @body)
(singleton_method "end" @body)
(assignment left: (constant) @name) @definition.constant
(assignment left: (instance_variable) @name) @definition.attribute
((call
  method: (identifier) @_attr
  arguments: (argument_list (simple_symbol) @name)) @definition.field
  (#any-of? @_attr "attr_accessor" "attr_reader" "attr_writer"))
