"""Intake: from a raw table to canonical rows, each good to be decided or set aside with its reason."""
