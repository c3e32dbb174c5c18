"""Drift: whether goods, scores and what controls find still are what the model learnt from."""
