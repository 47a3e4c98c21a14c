"""Text generation: which model, where its weights are, and the process that runs it."""
