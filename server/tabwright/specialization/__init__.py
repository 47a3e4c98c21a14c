"""Small models made for a language or a code base, and the evidence that they are better."""
