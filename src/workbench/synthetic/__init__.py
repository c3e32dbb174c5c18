"""Embedded data: a synthetic customs service with traders, goods, planted schemes and a history of controls.

One module a table; :func:`generate` writes them, :func:`simulate_world` returns them. The truth about every item is a
table of its own, for tests and simulations only.
"""

from workbench.synthetic.config import SCHEMES, GenerationError, SchemeChange, WorldConfig
from workbench.synthetic.generate import generate
from workbench.synthetic.summary import GenerationSummary
from workbench.synthetic.world import Tables, simulate_world

__all__ = [
    "SCHEMES",
    "GenerationError",
    "GenerationSummary",
    "SchemeChange",
    "Tables",
    "WorldConfig",
    "generate",
    "simulate_world",
]
