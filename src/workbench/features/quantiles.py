"""Robust quantiles of a measure by group: what is usual, so that what is unusual can be seen.

Known at lodgement. Learnt from all past declarations, controlled or not: no label is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from workbench.features.past import Past
from workbench.scorer.risk.featureset import Recipe
from workbench.scorer.risk.lookups import Lookup, Values, stem

QUANTILES = {"p25": 0.25, "median": 0.5, "p75": 0.75}

LEAST_SUPPORT = 5
"""Groups of fewer rows have no quantiles worth comparing with; they answer 'not known'."""


@dataclass(frozen=True)
class MeasureQuantiles:
    """Quartiles of `measure` in the groups that `columns` form, and how far a declaration lies from them.

    Parameters
    ----------
    columns
        The cross, for example ``("hs6", "origin_country_code")``.
    measure
        A positive numeric column such as ``unit_value_usd_per_kg``; rows where it is missing or zero teach nothing.
    """

    columns: tuple[str, ...]
    measure: str

    @property
    def name(self) -> str:
        """Name of the lookup."""
        return f"{stem(self.columns)}__{self.measure}"

    @property
    def values(self) -> tuple[str, ...]:
        """Names of what the table holds of each group."""
        return tuple(f"{name}_{self.measure}" for name in QUANTILES)

    def learn(self, past: Past) -> tuple[Lookup, Mapping[str, Values]]:
        """Take the quartiles of each group; a training row's quartiles leave its own fold out."""
        values = past.frame[self.measure].cast(pl.Float64).fill_null(np.nan).to_numpy()
        usable = np.isfinite(values) & (values > 0)
        groups = past.groups(self.columns)
        ordered = _Ordered.by_group(groups.places[usable], values[usable], past.folds[usable], groups.count)
        support, quartiles = ordered.quartiles()
        enough = support >= LEAST_SUPPORT
        names = self.values
        table = pl.DataFrame(
            {"key": groups.keys[enough]} | {name: column[enough] for name, column in zip(names, quartiles, strict=True)}
        )
        own, fold = groups.places[past.labelled], past.folds[past.labelled]
        others = [ordered.without(left_out).quartiles()[1] for left_out in range(past.fold_count)]
        by_name = zip(names, zip(*others, strict=True), strict=True)
        out_of_fold = {name: np.stack(by_fold)[fold, own] for name, by_fold in by_name}
        return Lookup(self.name, self.columns, table, dict.fromkeys(names, np.nan)), out_of_fold

    def recipes(self) -> list[Recipe]:
        """Return the log distance from the group's median, plain and in units of the group's spread."""
        group, value = stem(self.columns), f"median_{self.measure}"
        return [
            Recipe(f"{group}_{self.measure}_deviation", "deviation", self.measure, self.name, value),
            Recipe(f"{group}_{self.measure}_robust_deviation", "robust_deviation", self.measure, self.name, value),
        ]


@dataclass(frozen=True)
class _Ordered:
    """Rows sorted by group, then value: quantiles of all groups are a few gathers, and a fold is left out by a mask."""

    places: np.ndarray
    values: Values
    folds: np.ndarray
    group_count: int

    @classmethod
    def by_group(cls, places: np.ndarray, values: Values, folds: np.ndarray, group_count: int) -> _Ordered:
        by_value = np.argsort(values, kind="stable")
        rank = np.empty(len(values), dtype=np.int64)
        rank[by_value] = np.arange(len(values))
        # Group and rank in one integer: a plain sort of integers is several times faster than a sort by two keys.
        order = by_value[np.sort(places * len(values) + rank) % max(len(values), 1)]
        return cls(places[order], values[order], folds[order], group_count)

    def without(self, fold: int) -> _Ordered:
        kept = self.folds != fold
        return _Ordered(self.places[kept], self.values[kept], self.folds[kept], self.group_count)

    def quartiles(self) -> tuple[np.ndarray, list[Values]]:
        """Return rows by group and its quartiles (NaN below the least support), interpolated linearly."""
        support = np.bincount(self.places, minlength=self.group_count)
        starts = np.cumsum(support) - support
        return support, [self._quantile(share, support, starts) for share in QUANTILES.values()]

    def _quantile(self, share: float, support: np.ndarray, starts: np.ndarray) -> Values:
        enough = support >= LEAST_SUPPORT
        position = share * (support[enough] - 1)
        low = np.floor(position).astype(np.int64)
        first = starts[enough] + low
        second = np.minimum(first + 1, starts[enough] + support[enough] - 1)
        result = np.full(self.group_count, np.nan)
        result[enough] = self.values[first] + (position - low) * (self.values[second] - self.values[first])
        return result
