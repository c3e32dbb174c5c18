"""Mining: criteria proposed from history, in the same language, each with the evidence for it."""

from .evidence import Count, Evidence
from .mine import mine
from .mined import Mined, Proposal, Saved

__all__ = ["Count", "Evidence", "Mined", "Proposal", "Saved", "mine"]
