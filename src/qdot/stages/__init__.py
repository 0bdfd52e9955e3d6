"""The stages' commands: each reads a recipe, does what is due, writes manifests. No mathematics lives here."""
