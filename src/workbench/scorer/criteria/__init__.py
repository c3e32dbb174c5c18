"""Risk criteria: conditions with a lane, a reason and a responsible owner; sets of them; the rows they hit."""

from ..expressions.terms import ListEntry
from .criteria_set import CriteriaSet
from .criterion import Criterion
from .hits import CompiledCriteria, Hits

__all__ = ["CompiledCriteria", "CriteriaSet", "Criterion", "Hits", "ListEntry"]
