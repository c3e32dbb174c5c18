"""The scoring runtime: everything between a raw table and its decisions, and nothing that learns.

This package is what the exported wheel ``selectivity_scorer`` carries, so it imports numpy, polars, sqlglot and xgboost
only and refers to itself by relative imports.
"""
