"""Proposals: of all criteria that take a declaration the most severe wins, and points add up beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from ..schema import Lane
from .drawing import CriterionDraw
from .policy import Shares
from .room import Counts

POINTS = "points"
"""Cause of a lane that follows from a sum of points."""

PROPOSAL_TYPES = {
    "proposed_severity": pl.Int8(),
    "proposed_cause": pl.String(),
    "priority": pl.Int32(),
    "criteria_probability": pl.Float64(),
    "severity_if_drawn": pl.Int8(),
    "priority_if_drawn": pl.Int32(),
}
"""What criteria propose for a declaration.

``proposed_severity`` is 0 and ``proposed_cause`` null where they propose nothing; ``priority`` is that of the winner,
0 for points. ``criteria_probability`` is the probability that any of them proposes a lane, before anything is drawn:
the draws of one criterion know nothing of those of another. ``severity_if_drawn`` and ``priority_if_drawn`` are of the
proposal that would have won had every draw taken the declaration.
"""


def proposals(draws: Sequence[CriterionDraw], points: Mapping[str, float], declarations: int) -> pl.DataFrame:
    """Return what criteria propose, one row a declaration with the columns of `PROPOSAL_TYPES`.

    Parameters
    ----------
    draws
        Draws of the active criteria.
    points
        Sum of points from which a declaration gets a lane, by lane.
    declarations
        How many declarations there are.
    """
    # To release is to select nothing.
    proposing = [draw for draw in draws if draw.criterion.lane != Lane.GREEN]
    proposing.sort(key=_most_severe_first)
    winner, likely = np.full(declarations, len(proposing)), np.zeros(declarations)
    if_drawn = winner.copy()
    for place in reversed(range(len(proposing))):
        draw = proposing[place]
        winner[draw.declarations[draw.selected]] = place
        if_drawn[draw.declarations[draw.probability > 0]] = place
        # Added up, not taken from one: a probability below the last bit of one must not become nought.
        likely[draw.declarations] += draw.probability * (1.0 - likely[draw.declarations])
    table, by_points = _table(proposing), severity_by_points(points_of(draws, declarations), points)
    would_win = table[if_drawn].select(severity_if_drawn="proposed_severity", priority_if_drawn="priority")
    proposed = table[winner].with_columns(criteria_probability=np.where(by_points > 0, 1.0, likely))
    proposed = proposed.hstack(would_win)
    return _raised_by_points(proposed, by_points) if by_points.any() else proposed


def points_of(draws: Sequence[CriterionDraw], declarations: int) -> Shares:
    """Return each declaration's sum of points: every criterion that hits it counts once, drawn or not."""
    sums = np.zeros(declarations)
    for draw in draws:
        if draw.criterion.points:
            sums[draw.declarations] += draw.criterion.points
    return sums


def severity_by_points(sums: Shares, points: Mapping[str, float]) -> Counts:
    """Return the severity of the most severe lane whose sum is reached, 0 for none.

    >>> severity_by_points(np.array([10.0, 0.1 + 0.7, 99.0]), {"yellow": 0.8, "red": 60.0}).tolist()
    [2, 2, 4]
    """
    severity = np.zeros(len(sums), dtype=np.int64)
    # 0.1 and 0.7 are to reach 0.8, which their sum as binary fractions does not.
    reached = np.round(sums, 9)
    for lane, least in points.items():
        severity = np.where(reached >= least, np.maximum(severity, Lane(lane).severity), severity)
    return severity


def _raised_by_points(proposed: pl.DataFrame, severity: Counts) -> pl.DataFrame:
    """Let points win where their lane is more severe; a criterion that names the same lane is the better reason."""
    beside = proposed.with_columns(by_points=pl.Series(severity, dtype=pl.Int8))
    wins = pl.col("by_points") > pl.col("proposed_severity")
    return beside.select(
        pl.when(wins).then("by_points").otherwise("proposed_severity").alias("proposed_severity"),
        pl.when(wins).then(pl.lit(POINTS)).otherwise("proposed_cause").alias("proposed_cause"),
        pl.when(wins).then(pl.lit(0, pl.Int32)).otherwise("priority").alias("priority"),
        "criteria_probability",
        pl.max_horizontal("severity_if_drawn", "by_points"),
        "priority_if_drawn",
    )


def _most_severe_first(draw: CriterionDraw) -> tuple[int, int]:
    return -Lane(draw.criterion.lane).severity, -draw.criterion.priority


def _table(draws: Sequence[CriterionDraw]) -> pl.DataFrame:
    """Return what each criterion proposes, one row each, and behind them a row that proposes nothing."""
    criteria = [draw.criterion for draw in draws]
    rows = [(Lane(one.lane).severity, f"criterion:{one.id}", one.priority) for one in criteria]
    types = {name: PROPOSAL_TYPES[name] for name in ("proposed_severity", "proposed_cause", "priority")}
    return pl.DataFrame([*rows, (0, None, 0)], schema=types, orient="row")
