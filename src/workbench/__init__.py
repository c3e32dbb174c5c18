"""Selectivity workbench: decide which declarations customs controls, learn from the controls, prove that it decides well."""

__version__ = "0.1.0"
