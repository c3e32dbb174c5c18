"""Two sets of criteria set against each other: what was changed in them, and which declarations change lane."""

from .compare import diff
from .results import Diff

__all__ = ["Diff", "diff"]
