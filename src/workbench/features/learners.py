"""The contract of a feature learner; each kind of feature is one module that implements it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from workbench.features.past import Past
from workbench.scorer.risk.featureset import Recipe
from workbench.scorer.risk.lookups import Lookup, Values


class Learner(Protocol):
    """Learns one lookup table from the past and says which features come of it."""

    @property
    def name(self) -> str:
        """Name of the lookup; unique within a feature set."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The cross whose groups it learns of."""
        ...

    @property
    def values(self) -> tuple[str, ...]:
        """Names of what the table holds of each group."""
        ...

    def learn(self, past: Past) -> tuple[Lookup, Mapping[str, Values]]:
        """Return the table learnt from all of `past`, and for each labelled row its values learnt without its fold."""
        ...

    def recipes(self) -> list[Recipe]:
        """Return the features that read the table."""
        ...
