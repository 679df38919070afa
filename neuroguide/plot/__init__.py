"""Pictures of RDMs, scores and searches; each function takes a matplotlib Axes or makes one, and returns it."""
