[
  (block)
  (field_declaration_list)
  (expression_switch_statement)
  (type_switch_statement)
  (select_statement)
] @body

(statement_list) @list
