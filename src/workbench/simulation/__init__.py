"""Simulation: week by week, select under capacity, reveal what was selected, learn, go on."""
