; A keyword in a place where the parser takes it for a name.
((identifier) @fault
  (#any-of? @fault
    "and" "break" "do" "else" "elseif" "end" "for" "function" "if" "in" "local" "not" "or" "repeat"
    "return" "then" "until" "while"))
