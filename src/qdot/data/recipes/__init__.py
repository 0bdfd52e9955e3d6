"""Recipes: how a dataset that is made here is collected. Equal seed, steps, lock and machine kind give equal bytes."""
