"""Algorithms, one file per method, and what they are made of."""
