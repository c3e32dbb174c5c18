"""Risk: from canonical rows to a probability, and from its parts to reasons."""
