"""Stages of a run, one module each in the order of the data; notebooks call them and show what they return."""
