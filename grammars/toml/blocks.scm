; Tables have no bodies of their own.
