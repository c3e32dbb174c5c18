"""Serving: thin adapters between the outside and the one scorer."""
