"""Criteria's draws: which declarations each criterion hits, and which of its hits are selected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from ..criteria import Criterion
from .draw import uniforms
from .forced import force, selection_probabilities
from .policy import Shares
from .room import Counts, Flags


@dataclass(frozen=True)
class CriterionDraw:
    """What one criterion hits and takes; a declaration counts once, on whichever of its items the hit is.

    Parameters
    ----------
    criterion
        The criterion.
    declarations
        Place of each declaration hit, ascending.
    selected
        Whether the hit percentage, or the force after too many hits passed over, takes each of them.
    forced
        Whether it was the force.
    probability
        Probability of being selected, before anything is drawn.
    passed_over
        Hits passed over in a row at the end; ``None`` for a criterion that forces nothing.
    """

    criterion: Criterion
    declarations: Counts
    selected: Flags
    forced: Flags
    probability: Shares
    passed_over: int | None

    @classmethod
    def of(
        cls, criterion: Criterion, hit: Counts, declarations: pl.DataFrame, key: bytes, passed_over: int = 0
    ) -> CriterionDraw:
        """Draw the hit percentage of a criterion.

        Parameters
        ----------
        criterion
            The criterion.
        hit
            Place of each declaration hit, ascending.
        declarations
            ``declaration_id`` and ``lodged_at`` of all declarations.
        key
            Secret of the draws.
        passed_over
            Hits passed over in a row before these.
        """
        share = criterion.hit_percentage / 100.0
        drawn = _drawn(criterion.id, share, declarations["declaration_id"][hit], key)
        nowhere = np.zeros(len(hit), dtype=bool)
        if criterion.forced_after is None:
            # One number seen from every place: a hundred criteria that hit a million declarations cost nothing.
            return cls(criterion, hit, drawn, nowhere, np.broadcast_to(np.float64(share), len(hit)), None)
        turn = declarations[hit].select(pl.arg_sort_by("lodged_at", "declaration_id", nulls_last=True))
        order = turn.to_series().to_numpy()
        forced, probability = nowhere, np.empty(len(hit))
        forced[order], left = force(drawn[order], criterion.forced_after, passed_over)
        probability[order] = selection_probabilities(len(hit), share, criterion.forced_after, passed_over)
        return cls(criterion, hit, drawn | forced, forced, probability, left)


def _drawn(name: str, share: float, numbers: pl.Series, key: bytes) -> Flags:
    if share in (0.0, 1.0):
        return np.full(len(numbers), share == 1.0)
    drawn: Flags = uniforms(key, f"criterion:{name}", numbers.to_list()) < share
    return drawn
