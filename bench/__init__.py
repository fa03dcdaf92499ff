"""Measurements of the promises in docs/architecture.md: `make bench`. Never imported by the program."""
