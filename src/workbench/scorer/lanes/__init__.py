"""Lanes: from scores, criteria and capacity to decisions, with controls drawn by lot among them."""
