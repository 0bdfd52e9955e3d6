"""Training: all seeds of one (dataset, algorithm) at once."""
