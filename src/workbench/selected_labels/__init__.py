"""Selected labels: training where only what was controlled has a label, and what reject inference makes of the rest."""

from .compare import GOODS, Comparison, compare
from .variants import VARIANTS, Ground, TrainingSet, Variant

__all__ = ["GOODS", "VARIANTS", "Comparison", "Ground", "TrainingSet", "Variant", "compare"]
