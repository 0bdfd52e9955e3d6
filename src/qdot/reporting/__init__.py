"""The report: one self-contained page from a study's tables. It computes no metric and imports no torch."""
