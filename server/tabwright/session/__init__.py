"""What is true right now: settings, open documents and the model; the only mutable state."""
