"""Plan: the frontier, the lowest rates that keep detection, and a path, together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from workbench.errors import ConfigError
from workbench.planning.frontier import Frontier, frontier
from workbench.planning.ground import Ground, Today
from workbench.planning.keeping import Kept, counted, lowest_rates
from workbench.planning.path import ANNUAL_GROWTH, YEARLY_CHANGE, path, refuse_dials
from workbench.progress import Tell

RATES = (0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.10, 0.15, 0.20, 0.30)
"""Rates that a frontier shows where nobody asks for others."""

_NAMED = 4
_MOST_KEPT = 1_000.0


@dataclass(frozen=True)
class Plan:
    """A plan of inspection.

    Parameters
    ----------
    today
        What the service did in the period.
    period
        First and last day of the period, in ISO.
    missing
        Declarations drawn for a full control in the period without a complete result of one: all intervals hold
        whatever these would have shown.
    frontier
        What each rate would have found.
    kept
        Lowest rates that keep a detection: today's, and others that were asked for.
    path
        Yearly steps (see :func:`.path.path`); without rows where no path was asked for.
    random_share
        Share of declarations that every policy of the plan leaves to the random arm.
    growth, yearly_change
        What the path assumes.
    """

    today: Today
    period: tuple[str, str]
    missing: int
    frontier: Frontier
    kept: tuple[Kept, ...]
    path: pl.DataFrame
    random_share: float
    growth: float
    yearly_change: float

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain JSON values."""
        return {
            "today": asdict(self.today),
            "period": list(self.period),
            "missing": self.missing,
            "frontier": self.frontier.table.to_dicts(),
            "kept": [one.to_dict() for one in self.kept],
            "path": self.path.to_dicts(),
            "random_share": self.random_share,
            "growth": self.growth,
            "yearly_change": self.yearly_change,
        }

    def describe(self) -> str:
        """Return the plan as text."""
        today, estimated = self.today, self.frontier.estimated
        lines = [
            f"{self.period[0]} to {self.period[1]}: {today.controlled:,} of {today.declarations:,} declarations were "
            f"inspected ({100 * today.rate:.2f} %), with {counted(today.violations)}.",
            "",
        ]
        if estimated.height:
            lines.append(f"{'rate':>8}{'found (95 %)':>26}{'detection':>11}{'hit rate':>10}{'duty, USD':>14}")
            lines += map(_rate_line, estimated.to_dicts())
        if estimated.height and self.missing:
            lines.append(f"Intervals hold whatever the {self.missing:,} missing results of controls would have shown.")
        lines += [f"Not estimated at {_listed(rates)}: {advice}" for advice, rates in self.frontier.refused.items()]
        if not estimated.height:
            return "\n".join([*lines, "Without an estimate there is no lowest rate and no path."])
        lines += ["", *(one.describe() for one in self.kept)]
        if self.path.height:
            lines += ["", f"{'year':>6}{'rate':>8}{'found (95 %)':>26}{'change':>9}{'random arm notices':>20}"]
            lines += map(_year_line, self.path.to_dicts())
        return "\n".join(lines)


def _listed(rates: Sequence[float]) -> str:
    """Name some rates; of many the first and the last."""
    told = [f"{100 * rate:.3g} %" for rate in rates]
    return ", ".join(told) if len(told) <= _NAMED else f"{len(told)} rates from {told[0]} to {told[-1]}"


def _rate_line(row: dict[str, Any]) -> str:
    detection = "" if row["detection"] is None else f"{100 * row['detection']:.1f}%"
    duty = "" if row["duty_usd"] is None else f"{row['duty_usd']:,.0f}"
    hit_rate = f"{100 * row['hit_rate']:.2f}%"
    return f"{100 * row['rate']:>7.2f}%{_found(row):>26}{detection:>11}{hit_rate:>10}{duty:>14}"


def _year_line(row: dict[str, Any]) -> str:
    if row["found"] is None:
        return f"{row['year']:>6}{100 * row['rate']:>7.2f}%  not estimated"
    change = "" if row["change"] is None else f"{100 * row['change']:+.0f}%"
    noticed = "" if row["noticed_rise"] is None else f"+{100 * row['noticed_rise']:.0f}%"
    return f"{row['year']:>6}{100 * row['rate']:>7.2f}%{_found(row):>26}{change:>9}{noticed:>20}"


def _found(row: dict[str, Any]) -> str:
    return f"{row['found']:,.0f} ({row['found_low_95']:,.0f} to {row['found_high_95']:,.0f})"


def make_plan(
    ground: Ground,
    *,
    keep: Sequence[float] = (),
    steps: Sequence[float] = (),
    growth: float = ANNUAL_GROWTH,
    yearly_change: float = YEARLY_CHANGE,
    tell: Tell | None = None,
) -> Plan:
    """Estimate the frontier of `ground` and read off it what keeps detection, and a path.

    Parameters
    ----------
    ground
        Goods, probabilities and rates; every rate of `steps` is among its rates.
    keep
        Further detections to keep, as multiples of what today's full controls found: 1.1 is a tenth more.
    steps
        Rate of inspection of each coming year.
    growth, yearly_change
        See :func:`.path.path`.
    tell
        Told each rate that is done.

    Raises
    ------
    ConfigError
        A dial is outside its domain.
    """
    refuse_dials(growth, yearly_change)
    for one in keep:
        if not 0 < one <= _MOST_KEPT:
            raise ConfigError(
                f"A detection to keep is {one:g} times today's, expected above 0 and at most {_MOST_KEPT:,.0f}, such "
                "as 1.1 for a tenth more."
            )
    found, today = frontier(ground, tell=tell), ground.today
    kept = [lowest_rates(found, today.violations, "what today's controls found")]
    kept += [lowest_rates(found, one * today.violations, f"{one:g} times what today's controls found") for one in keep]
    made = path(
        found, today, tuple(steps), random_share=ground.random_share, growth=growth, yearly_change=yearly_change
    )
    missing = int(ground.record.is_missing.sum())
    return Plan(today, ground.period, missing, found, tuple(kept), made, ground.random_share, growth, yearly_change)
