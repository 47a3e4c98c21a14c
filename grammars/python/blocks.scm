(block) @body

; A colon that opens no block.
[
  (pair ":" @other)
  (lambda ":" @other)
  (slice ":" @other)
  (typed_parameter ":" @other)
  (typed_default_parameter ":" @other)
]

; A lambda that is still being typed.
(ERROR "lambda" . (lambda_parameters)? . ":" @other)
