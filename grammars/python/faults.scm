; A keyword in a place where the parser takes it for a name.
((identifier) @fault
  (#any-of? @fault
    "if" "else" "elif" "for" "while" "def" "class" "return"
    "import" "from" "with" "try" "except" "finally" "lambda" "in"
    "is" "not" "and" "or" "pass" "del" "raise" "yield"
    "as" "assert" "global" "nonlocal" "break" "continue"))
