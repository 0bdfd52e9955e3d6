"""From recorded data to flat arrays: sources, readers, checks and what training reads."""
