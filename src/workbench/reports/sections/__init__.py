"""Sections of a programme's report: each reads what a stage wrote and says it for a manager; none computes a metric."""
