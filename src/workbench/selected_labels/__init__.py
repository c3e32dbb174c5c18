"""Selected labels: training where only what was controlled has a label, and what reject inference makes of the rest."""

from .compare import GOODS, LEAST_VIOLATIONS, NOTES, Comparison, compare
from .variants import VARIANTS, Ground, TrainingSet, Variant

__all__ = [
    "GOODS",
    "LEAST_VIOLATIONS",
    "NOTES",
    "VARIANTS",
    "Comparison",
    "Ground",
    "TrainingSet",
    "Variant",
    "compare",
]
