; Mappings without a value have no node for it.
