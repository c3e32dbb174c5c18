"""The weeks of all policies side by side: ratios of sums and means with intervals, differences, ranks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from workbench.evaluation import Estimate

from .policies.registry import explores
from .policy import Values
from .uncertainty import Draws, Sums, mean_over_weeks, ratio_over_weeks

METRICS = ("precision", "recall", "revenue")
"""What a week is measured by; larger is better, each in [0, 1]."""

WHOLE = slice(None)

_JUDGED = pl.col("controls") - pl.col("controls_unknown")
_SUMS = {
    "precision": (pl.col("violations_found"), _JUDGED),
    "recall": (pl.col("violations_found"), pl.col("violations")),
    "revenue": (pl.col("duty_found_usd"), pl.col("duty_usd")),
}
"""What each metric divides by what."""


@dataclass(frozen=True)
class Compared:
    """The weeks of all policies side by side.

    Parameters
    ----------
    weeks
        The table of weeks, see `simulation.metrics.WEEK_COLUMNS`: the same weeks for each policy and replication.
    arms
        The table of arms, see `simulation.metrics.ARM_COLUMNS`.
    reacts
        Whether the world reacts to controls: policies then meet other violations in the same week.
    """

    weeks: pl.DataFrame
    arms: pl.DataFrame
    reacts: bool = False

    @cached_property
    def policies(self) -> list[str]:
        """Names of the policies, in the order of the table."""
        return self.weeks["policy"].unique(maintain_order=True).to_list()

    @cached_property
    def size(self) -> tuple[int, int]:
        """Number of replications, and of weeks."""
        return self.weeks["replication"].n_unique(), self.weeks["week"].n_unique()

    @property
    def headline(self) -> str:
        """The metric that ranks: precision, or recall where controls deter, since what is deterred is not found."""
        return "recall" if self.reacts else "precision"

    def mean(self, policy: str, column: str, part: slice = WHOLE, *, less: str | None = None) -> Estimate:
        """Return a column's mean over some of the weeks; with `less`, by how much it exceeds another policy's."""
        values = self._values[policy, column][:, part]
        if less is not None:
            values = values - self._values[less, column][:, part]
        return mean_over_weeks(values, self._draws(values.shape[1]))

    def total(self, policy: str, column: str, part: slice = WHOLE, *, less: str | None = None) -> Estimate:
        """Return a metric of some of the weeks taken together, a ratio of sums; with `less`, over another policy's.

        A mean of weeks counts a week of ten violations as much as one of a hundred; this counts what was found.
        """
        sums, *others = (
            Sums(*(values[:, part] for values in self._sums[name, column]))
            for name in (policy, less)
            if name is not None
        )
        return ratio_over_weeks(sums, self._draws(sums.whole.shape[1]), less=others[0] if others else None)

    @cached_property
    def choices(self) -> pl.DataFrame:
        """The table of arms, with ``explores``, whether each row's arm chooses in order to learn."""
        names = self.arms["arm"].unique().to_list()
        known = pl.DataFrame({"arm": names, "explores": list(map(explores, names))}, {"arm": str, "explores": bool})
        return self.arms.join(known, on="arm", how="left", maintain_order="left")

    @cached_property
    def exploration(self) -> Mapping[str, float]:
        """Share of each policy's controls that arms chose in order to learn."""
        explored = pl.col("controls").filter("explores").sum()
        return dict(self.choices.group_by("policy").agg(explored / pl.col("controls").sum()).iter_rows())

    @cached_property
    def ranked(self) -> list[str]:
        """Names of the policies, the best first by the headline metric of all weeks together."""
        totals = {policy: self.total(policy, self.headline).value for policy in self.policies}
        return sorted(self.policies, key=lambda policy: -(totals[policy] or 0.0))

    @cached_property
    def reference(self) -> str | None:
        """The best of the policies that never explore; ``None`` where all do."""
        return next((policy for policy in self.ranked if not self.exploration.get(policy)), None)

    @cached_property
    def _values(self) -> Mapping[tuple[str, str], Values]:
        """Each policy's columns, shape (replications, weeks), NaN for null."""
        columns = [name for metric in METRICS for name in (metric, f"upper_{metric}", f"normalised_{metric}")]
        tables = self.weeks.sort("replication", "week").partition_by("policy", as_dict=True)
        return {
            (str(policy), name): table[name].cast(pl.Float64).fill_null(float("nan")).to_numpy().reshape(self.size)
            for (policy,), table in tables.items()
            for name in columns
        }

    @cached_property
    def _sums(self) -> Mapping[tuple[str, str], tuple[Values, Values]]:
        """What each policy's metric, its upper bound and its normalised value divide, null counting as nothing."""
        columns = {
            name: pair
            for metric, (part, whole) in _SUMS.items()
            for bound in [pl.col(f"upper_{metric}") * whole]
            for name, pair in {
                metric: (part, whole),
                f"upper_{metric}": (bound, whole),
                f"normalised_{metric}": (part, bound),
            }.items()
        }
        tables = self.weeks.sort("replication", "week").partition_by("policy", as_dict=True)
        return {
            (str(policy), name): (self._grid(table, part), self._grid(table, whole))
            for (policy,), table in tables.items()
            for name, (part, whole) in columns.items()
        }

    def _grid(self, table: pl.DataFrame, column: pl.Expr) -> Values:
        return table.select(column.cast(pl.Float64).fill_null(0.0)).to_series().to_numpy().reshape(self.size)

    def _draws(self, weeks: int) -> Draws:
        if weeks not in self._kept:
            self._kept[weeks] = Draws.of(weeks, self.size[0])
        return self._kept[weeks]

    @cached_property
    def _kept(self) -> dict[int, Draws]:
        return {}
