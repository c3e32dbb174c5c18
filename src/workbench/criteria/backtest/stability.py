"""How steady criteria are over the months, and whether they fell in the later half."""

from __future__ import annotations

from datetime import date
from statistics import NormalDist
from typing import Any

import numpy as np
import polars as pl

from workbench.criteria.backtest.bits import Counts
from workbench.criteria.backtest.ground import Amounts, Ground
from workbench.criteria.backtest.tally import Tally
from workbench.criteria.backtest.worth import FOUND, LABELLED, by_state
from workbench.scorer.criteria import Criterion

_LEAST_EXPECTED = 5


def stability_table(tally: Tally, months: pl.DataFrame) -> pl.DataFrame:
    """Return the steadiness of every criterion (see `Backtest.stability`).

    Parameters
    ----------
    tally
        The counts by day.
    months
        Hits by criterion and month.
    """
    ground = tally.ground
    items = ground.counted().sum((1, 2))
    halves = [
        _halves(by_state(tally.cells[at].sum(1)), items, ground, one) for at, one in enumerate(tally.criteria.criteria)
    ]
    monthly = [_monthly(part) for _, part in months.group_by("criterion", maintain_order=True)]
    rows = [{"criterion": name} | steady | fall for name, steady, fall in zip(tally.ids, monthly, halves, strict=True)]
    return pl.DataFrame(rows, infer_schema_length=None)


def _monthly(months: pl.DataFrame) -> dict[str, Any]:
    items, hits = (months[name].cast(pl.Float64).to_numpy() for name in ("items", "hits"))
    labelled, found = (months[name].cast(pl.Float64).to_numpy() for name in (LABELLED, FOUND))
    share = hits[items > 0] / items[items > 0]
    return {
        "months": len(share),
        "hits_cv": _variation(share),
        "hit_rate_cv": _variation(found[labelled > 0] / labelled[labelled > 0]),
        "hits_psi": population_stability(hits, items),
        "hits_trend_per_month": _trend(share),
    }


def _variation(values: Amounts) -> float | None:
    return float(values.std(ddof=1) / values.mean()) if len(values) > 1 and values.mean() > 0 else None


def _trend(values: Amounts) -> float | None:
    if len(values) < 2 or values.mean() == 0:
        return None
    return float(np.polynomial.polynomial.polyfit(np.arange(len(values)), values, 1)[1] / values.mean())


def population_stability(found: Amounts, expected: Amounts) -> float | None:
    """Return the population stability index of two distributions over the same cells; 0 where they are alike.

    The sum over cells of ``(a - e) ln(a / e)``, a and e being shares of their totals. Half a count is added to each
    cell, so that an empty one does not make it infinite.

    Source: Siddiqi (2006), Credit Risk Scorecards; below 0.1 is held to be steady, above 0.25 shifted.

    Examples
    --------
    >>> round(population_stability(np.array([30.0, 10.0]), np.array([200.0, 200.0])), 3)
    0.26
    """
    if not found.sum() or not expected.sum():
        return None
    a, e = ((counts + 0.5) / (counts + 0.5).sum() for counts in (found, expected))
    return float(((a - e) * np.log(a / e)).sum())


def _halves(states: dict[str, Counts], items: Counts, ground: Ground, criterion: Criterion) -> dict[str, Any]:
    """Set the two halves of the days on which the criterion was valid against each other."""
    first, last = _valid_days(criterion, ground)
    middle = (first + last) // 2
    earlier, later = slice(first, middle), slice(middle, last)
    sums = {
        name: (int(days[earlier].sum()), int(days[later].sum())) for name, days in (states | {"items": items}).items()
    }
    shares, share_p = _fall(sums["hits"], sums["items"])
    rates, rate_p = _fall(sums[FOUND], sums[LABELLED])
    return {
        "earlier_hit_share": shares[0],
        "later_hit_share": shares[1],
        "hits_fall_p": share_p,
        "earlier_hit_rate_of_controlled": rates[0],
        "later_hit_rate_of_controlled": rates[1],
        "hit_rate_fall_p": rate_p,
    }


def _valid_days(criterion: Criterion, ground: Ground) -> tuple[int, int]:
    """Return the first day of the period on which the criterion was valid, and the day after the last one."""

    def number(day: date) -> int:
        return min(max((day - ground.first_day).days, 0), ground.days)

    first = number(criterion.valid_from) if criterion.valid_from else 0
    last = min(number(criterion.valid_to) + 1, ground.days) if criterion.valid_to else ground.days
    return first, max(first, last)


def _fall(successes: tuple[int, int], trials: tuple[int, int]) -> tuple[list[float | None], float | None]:
    """Return both proportions and the one-sided p-value of a two-proportion z-test that the later one is lower.

    There is no p-value where fewer than five successes or failures are expected in either half: the normal
    distribution does not hold for so few (Cochran 1954, Biometrics 10, 417-451).
    """
    shares = [s / n if n else None for s, n in zip(successes, trials, strict=True)]
    pooled = sum(successes) / max(sum(trials), 1)
    enough = min(pooled, 1 - pooled) * min(trials) >= _LEAST_EXPECTED
    if shares[0] is None or shares[1] is None or not enough:
        return shares, None
    error = float(np.sqrt(pooled * (1 - pooled) * (1 / trials[0] + 1 / trials[1])))
    return shares, NormalDist().cdf((shares[1] - shares[0]) / error)
