"""Resolution: from hits and scores of a table's rows to one lane a declaration, and the record of every hit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from ..criteria import CriteriaSet
from .candidates import HIT, declarations_of, hit_by
from .drawing import CriterionDraw
from .policy import SelectionPolicy
from .proposals import POINTS, proposals
from .record import hits_table, points_told
from .room import Counts
from .selection import CANDIDATE_TYPES, select


@dataclass(frozen=True)
class Resolution:
    """What became of every declaration, and what every criterion did.

    Parameters
    ----------
    decisions
        What :func:`.selection.select` gives: one row a declaration, in the order in which the declarations first
        appear among the rows.
    place
        The declaration (row of `decisions`) that each row belongs to.
    draws
        What each criterion hit and took, in the order of the set, those in shadow included.
    rows, criteria
        What was resolved.
    """

    decisions: pl.DataFrame
    place: Counts
    draws: tuple[CriterionDraw, ...]
    rows: pl.DataFrame
    criteria: CriteriaSet

    @cached_property
    def hits(self) -> pl.DataFrame:
        """Every hit, a row a declaration, item and criterion (see :func:`.record.hits_table`), made when asked for."""
        return hits_table(self.rows, self.place, self.draws, self.criteria.shadow)

    @property
    def counters(self) -> dict[str, int]:
        """By criterion that forces a selection, the hits passed over in a row at the end: where the next day starts."""
        return {one.criterion.id: one.passed_over for one in self.draws if one.passed_over is not None}

    @property
    def by_criterion(self) -> pl.DataFrame:
        """Counts by criterion.

        ``criterion``, ``mode``, items hit (``hits``), declarations hit (``declarations_hit``), those that the hit
        percentage or force took (``drawn``; in shadow: would have taken), and by force alone (``forced``).
        """
        rows = [
            (
                one.criterion.id,
                "shadow" if one.criterion.id in self.criteria.shadow else "active",
                int(self.rows[f"{HIT}{one.criterion.id}"].sum()),
                len(one.declarations),
                int(one.selected.sum()),
                int(one.forced.sum()),
            )
            for one in self.draws
        ]
        names = ["criterion", "mode", "hits", "declarations_hit", "drawn", "forced"]
        return pl.DataFrame(rows, schema=names, orient="row")

    @cached_property
    def points_told(self) -> pl.DataFrame:
        """``declaration_id`` and ``told``: the sentence for each declaration whose lane follows from its points."""
        by_points = (self.decisions["cause"] == POINTS).to_numpy()
        active = [one for one in self.criteria.criteria if one.points and one.id not in self.criteria.shadow]
        draws = [one for one in self.draws if one.criterion in active]
        is_told = by_points[self.place]
        hits = hits_table(self.rows.filter(is_told), self.place[is_told], draws, ())
        return points_told(hits, [(one.id, one.points) for one in active])


def resolve(
    rows: pl.DataFrame,
    criteria: CriteriaSet,
    policy: SelectionPolicy,
    counters: Mapping[str, int] | None = None,
) -> Resolution:
    """Give every declaration a lane: criteria, the top-up from would-be green, then the random arm.

    Parameters
    ----------
    rows
        Key, ``office_id``, ``regime_code``, ``lodged_at`` (or ``lodged_on``), ``score`` (nullable) and one Boolean
        column ``hit:<id>`` a criterion, one row an item. The order within a day matters to forced selection only.
    criteria
        The criteria behind the hits. Those in ``criteria.shadow`` are drawn and recorded and change no decision.
    policy
        The policy in force.
    counters
        By criterion, the hits passed over in a row before these rows; 0 for criteria that are not named.

    Raises
    ------
    BundleError
        A column is missing.
    """
    place, declarations = declarations_of(rows)
    draws = tuple(
        CriterionDraw.of(
            one,
            hit_by(rows, one.id, place, declarations.height),
            declarations,
            policy.key,
            (counters or {}).get(one.id, 0),
        )
        for one in criteria.criteria
    )
    active = [draw for draw in draws if draw.criterion.id not in criteria.shadow]
    proposed = proposals(active, criteria.points, declarations.height)
    candidates = declarations.hstack(proposed).select(list(CANDIDATE_TYPES))
    return Resolution(select(candidates, policy), place, draws, rows, criteria)
