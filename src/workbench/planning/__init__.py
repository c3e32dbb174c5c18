"""Planning: what a rate of inspection finds, the lowest that keeps detection, and a path over years."""

from .frontier import Frontier, frontier
from .ground import Ground
from .keeping import Kept, lowest_rates
from .path import path
from .plan import Plan, make_plan

__all__ = ["Frontier", "Ground", "Kept", "Plan", "frontier", "lowest_rates", "make_plan", "path"]
