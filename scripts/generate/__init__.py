"""Writes the generated files of the repository, a module a kind; `python -m scripts.generate` runs all."""
