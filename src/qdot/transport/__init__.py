"""Synthetic transport studies: learned maps against maps known in closed form."""
