"""Threshold tuning: what a criterion would cost and find at each value of its parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.criteria.history import History
from workbench.errors import ConfigError, did_you_mean
from workbench.evaluation.intervals import wilson_interval, with_rate
from workbench.progress import Tell
from workbench.scorer.criteria import CriteriaSet, Criterion

Bools = npt.NDArray[np.bool_]

FLATTERS = "It was chosen on these goods, so its rate here flatters: back-test it on a period that had no part in it."
"""To be said beside every suggested point: the best of many on the same rows is better there than it will be."""

WORTHWHILE = 2.0
"""A control is worth its place when it finds violations at this many times the rate of all controls."""

_MOST_PARAMETERS = 2
_DECADE = 10.0
_DIGITS = 2


@dataclass(frozen=True)
class Sweep:
    """A criterion at many values of its parameters.

    Parameters
    ----------
    criterion
        As it stands.
    table
        One row a point, in ascending order of the parameters: a column a parameter (by its name, with a colon before
        it, as in the condition) and

        - ``current``: whether these are the values as they stand,
        - ``hits``, ``declarations``, ``expected_controls`` (declarations times the hit percentage), ``not_evaluable``,
        - ``labelled_hits``, ``known_violations``, ``hit_rate_of_controlled`` with ``low_95`` and ``high_95``,
          ``violations_per_100_controls``, ``known_recovered_duty_usd`` (null where the source has no revenue): known
          for controlled goods only,
        - ``added_hits``, ``added_known_violations``: beyond the other criteria of the set,
        - ``best_for_violations``, ``best_for_duty``: on the frontier: no other point finds as much with fewer controls.
    base_rate
        Hit rate of all controlled goods of the period; ``None`` where nothing was controlled.
    suggested
        Values of the suggested point, ``None`` where no point clearly finds `WORTHWHILE` times what controls find
        anyway. It is the one with most violations beyond those that as many controls find at that rate, its own rate
        taken at the lower bound: a wider point has to earn its controls.
    """

    criterion: Criterion
    table: pl.DataFrame
    base_rate: float | None
    suggested: Mapping[str, float] | None

    @property
    def frontier(self) -> pl.DataFrame:
        """The points worth choosing among, by violations or by duty."""
        return self.table.filter(pl.col("best_for_violations") | pl.col("best_for_duty"))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        return {
            "criterion": self.criterion.id,
            "points": self.table.to_dicts(),
            "base_rate": self.base_rate,
            "suggested": None if self.suggested is None else dict(self.suggested),
        }

    def describe(self) -> str:
        """Return the frontier and the suggestion as a few lines for a terminal."""
        names = list(self.criterion.parameters.keys() & {name.removeprefix(":") for name in self.table.columns})
        lines = [f"{self.criterion.id}: {self._counted()}"]
        pays = bool(self.table["known_recovered_duty_usd"].sum())
        for row in self.frontier.iter_rows(named=True):
            lines.append("  " + _line(row, sorted(names), pays=pays))
        rate = "unknown" if self.base_rate is None else f"{self.base_rate:.2%}"
        everything = (self.table["labelled_hits"] == self.table["hits"]).all()
        known = "" if everything else " Violations are known for controlled goods only."
        lines.append(f"Hit rate of all controlled goods: {rate}.{known}")
        if self.suggested is None:
            lines.append(f"No point clearly finds {WORTHWHILE:g} times that rate: nothing is suggested.")
        else:
            values = ", ".join(f"{name} = {value:g}" for name, value in self.suggested.items())
            lines.append(f"Suggested: {values}: most violations beyond {WORTHWHILE:g} times that rate, by lower bound.")
            lines.append(FLATTERS)
        return "\n".join(lines)

    def _counted(self) -> str:
        points, kept = self.table.height, self.frontier.height
        if 1 < kept == points:
            return f"{points} points, none beaten by another: the more controls, the more is found"
        return f"{points} {'point' if points == 1 else 'points'}, {kept} beaten by no other"


def sweep(
    criterion: Criterion,
    history: History,
    *,
    criteria: CriteriaSet | None = None,
    points: int = 25,
    parameters: Sequence[str] | None = None,
    tell: Tell | None = None,
) -> Sweep:
    """Evaluate a criterion at many values of one or two of its parameters.

    Parameters
    ----------
    criterion
        With numeric parameters. Each is swept over its range, or from half to twice its value where it has none:
        evenly, or by equal factors where the range spans ten times or more.
    history
        Goods of a period as known at lodgement, with what controls found.
    criteria
        The set that the criterion belongs to, or will: its lists are used, and its other criteria are what the
        points are compared with. Nothing else is in force for ``None``.
    points
        Points in all, about; two parameters share them as a grid. The values as they stand are always among them.
    parameters
        Names of one or two parameters; the first two that are numbers for ``None``.
    tell
        Told the number of points done.

    Raises
    ------
    ConfigError
        A parameter is unknown or not a number, there is none or there are more than two, or fewer than 2 points.
    RefusedCriterionError
        The criterion does not fit the history's columns.

    Examples
    --------
    >>> from datetime import datetime
    >>> rows = pl.DataFrame({"declaration_id": ["A", "B", "C"], "net_mass_kg": [1.0, 20.0, 30.0],
    ...     "violation": [0, 1, None], "recovered_duty_usd": [0.0, 9.0, None]})
    >>> history = History(rows, {"net_mass_kg": pl.Float64()}, datetime(2025, 1, 1), datetime(2025, 2, 1))
    >>> heavy = Criterion("heavy", "Heavy", "net_mass_kg >= :least", "red", parameters={"least": 20})
    >>> sweep(heavy, history, points=3).table.select(":least", "hits", "known_violations").rows()
    [(10.0, 2, 1), (20.0, 2, 1), (25.0, 1, 0), (40.0, 0, 0)]
    """
    chosen = _chosen(criterion, parameters, points)
    whole = criteria or CriteriaSet()
    # A range that the check refuses, the wrong way round or without end, is nothing to go along.
    replace(whole, criteria=(criterion,)).compile(history.columns)
    grid, variants = _reachable(criterion, _grid(criterion, chosen, points), whole, history)
    matrix = history.hits(replace(whole, criteria=tuple(variants))).matrix
    others = tuple(one for one in whole.criteria if one.id != criterion.id)
    ground = _Ground.of(history, replace(whole, criteria=others), criterion.selection_rate)
    rows = []
    for number, (at, variant) in enumerate(zip(grid, variants, strict=True), start=1):
        current = all(at[name] == criterion.parameters[name] for name in at)
        values = {f":{name}": value for name, value in at.items()}
        rows.append({**values, "current": current, **ground.counts(matrix[variant.id])})
        if tell:
            tell("points", number)
    counted = pl.DataFrame(rows, schema_overrides={"known_recovered_duty_usd": pl.Float64})
    table = _with_frontier(with_rate(counted, "hit_rate_of_controlled", "known_violations", "labelled_hits"))
    return Sweep(criterion, table, ground.base_rate, _suggested(table, chosen, ground.base_rate))


def _reachable(
    criterion: Criterion, grid: Sequence[dict[str, float]], whole: CriteriaSet, history: History
) -> tuple[list[dict[str, float]], list[Criterion]]:
    """Return the points at which the condition can be true, with their criteria: two thresholds may cross.

    The values as they stand are among them: the criterion has been checked with them.
    """
    kept: list[dict[str, float]] = []
    variants: list[Criterion] = []
    for number, at in enumerate(grid):
        variant = replace(criterion, id=f"point-{number}", parameters={**criterion.parameters, **at})
        current = all(at[name] == criterion.parameters[name] for name in at)
        faults = [] if current else replace(whole, criteria=(variant,)).check(history.columns)
        if all(fault.warning for fault in faults):
            kept.append(at)
            variants.append(variant)
    return kept, variants


@dataclass(frozen=True)
class _Ground:
    """What every point is counted on: arrays of one element a row of the history."""

    declaration: npt.NDArray[np.int64]
    labelled: Bools
    violations: Bools
    duty_usd: npt.NDArray[np.float64] | None
    taken: Bools
    control_share: float

    @classmethod
    def of(cls, history: History, others: CriteriaSet, control_share: float) -> _Ground:
        rows, amounts = history.rows, history.rows["recovered_duty_usd"]
        matrix = history.hits(others).matrix
        any_hit = pl.any_horizontal(pl.all().fill_null(False))
        return cls(
            rows["declaration_id"].rank("dense").cast(pl.Int64).to_numpy() - 1,
            rows["violation"].is_not_null().to_numpy(),
            (rows["violation"] == 1).fill_null(False).to_numpy(),
            amounts.fill_null(0.0).to_numpy() if amounts.count() else None,
            matrix.select(any_hit).to_series().to_numpy() if matrix.width else np.zeros(rows.height, dtype=np.bool_),
            control_share,
        )

    @property
    def base_rate(self) -> float | None:
        return wilson_interval(float(self.violations.sum()), float(self.labelled.sum())).value

    def counts(self, hits: pl.Series) -> dict[str, Any]:
        hit: Bools = hits.fill_null(False).to_numpy()
        declarations = int(np.count_nonzero(np.bincount(self.declaration[hit])))
        labelled, found = int((hit & self.labelled).sum()), int((hit & self.violations).sum())
        return {
            "hits": int(hit.sum()),
            "declarations": declarations,
            "expected_controls": declarations * self.control_share,
            "not_evaluable": hits.null_count(),
            "labelled_hits": labelled,
            "known_violations": found,
            "violations_per_100_controls": 100 * found / labelled if labelled else None,
            "known_recovered_duty_usd": None if self.duty_usd is None else float(self.duty_usd[hit].sum()),
            "added_hits": int((hit & ~self.taken).sum()),
            "added_known_violations": int((hit & ~self.taken & self.violations).sum()),
        }


def _chosen(criterion: Criterion, parameters: Sequence[str] | None, points: int) -> list[str]:
    numeric = [name for name, value in criterion.parameters.items() if not isinstance(value, str)]
    names = list(dict.fromkeys(numeric[:_MOST_PARAMETERS] if parameters is None else parameters))
    for name in names:
        if name not in numeric:
            raise ConfigError(
                f"The criterion {criterion.id!r} has no numeric parameter {name!r}{did_you_mean(name, numeric)}. "
                f"It has: {', '.join(numeric) or 'none'}."
            )
    if not 1 <= len(names) <= _MOST_PARAMETERS:
        raise ConfigError(
            f"The criterion {criterion.id!r} is to be swept over {len(names)} parameters; name one or two that are "
            "numbers. A number in the condition becomes one as :name, with its value under parameters."
        )
    if points < 2:
        raise ConfigError(f"points is {points}; a sweep needs 2 or more.")
    return names


def _grid(criterion: Criterion, names: Sequence[str], points: int) -> list[dict[str, float]]:
    each = max(round(points ** (1 / len(names))), 2)
    axes = [_axis(criterion, name, each) for name in names]
    return [dict(zip(names, values, strict=True)) for values in product(*axes)]


def _axis(criterion: Criterion, name: str, count: int) -> list[float]:
    value = float(criterion.parameters[name])
    low, high = criterion.ranges.get(name) or sorted((value / 2, value * 2))
    # A rounded end may lie outside the range; the ends are those of the range itself.
    inner = (_rounded(one, high - low) for one in _spaced(low, high, count))
    return sorted({value, low, high, *(one for one in inner if low < one < high)})


def _spaced(low: float, high: float, count: int) -> Iterator[float]:
    if low > 0 and high >= _DECADE * low:
        yield from np.geomspace(low, high, count).tolist()
    else:
        yield from np.linspace(low, high, count).tolist()


def _rounded(value: float, span: float) -> float:
    """Round to two significant digits, or as many as tell the points apart where a range is narrow."""
    if value == 0 or span == 0:
        return value
    finest = min(abs(value), span)
    return round(value, _DIGITS - 1 - math.floor(math.log10(finest)))


def _with_frontier(table: pl.DataFrame) -> pl.DataFrame:
    cost = table["expected_controls"].to_numpy()
    return table.with_columns(
        pl.Series("best_for_violations", _undominated(cost, table["known_violations"].to_numpy())),
        pl.Series("best_for_duty", _undominated(cost, table["known_recovered_duty_usd"].fill_null(0.0).to_numpy())),
    )


def _undominated(cost: npt.NDArray[Any], gain: npt.NDArray[Any]) -> Bools:
    """Return which points no other beats: at least as much for at most the cost, and one of the two better."""
    as_good = (cost[:, None] <= cost) & (gain[:, None] >= gain)
    better = as_good & ((cost[:, None] < cost) | (gain[:, None] > gain))
    undominated: Bools = ~better.any(axis=0) & (gain > 0)
    return undominated


def _suggested(table: pl.DataFrame, names: Sequence[str], base_rate: float | None) -> dict[str, float] | None:
    if base_rate is None:
        return None
    beyond = (table["labelled_hits"] * (table["low_95"] - WORTHWHILE * base_rate)).fill_null(0.0).to_numpy()
    best = int(beyond.argmax())
    return {name: float(table[f":{name}"][best]) for name in names} if beyond[best] > 0 else None


def _line(row: Mapping[str, Any], names: Sequence[str], *, pays: bool) -> str:
    values = ", ".join(f"{name} = {row[f':{name}']:g}" for name in names)
    # Controls are expected ones, the hit percentage counted in; findings are of all hits that were controlled.
    found = "no hit was controlled"
    if row["hit_rate_of_controlled"] is not None:
        found = (
            f"violations in {row['known_violations']:,} of {row['labelled_hits']:,} controlled hits, "
            f"{row['hit_rate_of_controlled']:.2%} ({row['low_95']:.2%} to {row['high_95']:.2%})"
        )
    now = " (now)" if row["current"] else ""
    duty = f", duty {row['known_recovered_duty_usd']:,.0f} USD" if pays else ""
    return f"{values}{now}: {row['expected_controls']:,.0f} controls expected; {found}{duty}"
