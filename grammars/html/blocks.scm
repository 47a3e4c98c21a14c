; Elements are no blocks of code.
