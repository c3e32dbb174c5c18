"""Selectivity workbench: decide which declarations customs controls, learn from the controls, and prove it."""

__version__ = "0.1.0"
