"""Policies: what chooses the goods of a week, one kind a module."""
