"""From a snapshot to a suggestion: pure, without I/O, protocol or state."""
