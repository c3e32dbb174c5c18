"""Estimates: what controls by design say of all goods, with intervals, and of policies that were not in force."""
