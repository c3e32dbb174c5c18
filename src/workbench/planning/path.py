"""Path: from today's rate of inspection to another over years, with the uncertainty of each step."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, hypot, log, sqrt
from typing import Any

import polars as pl

from workbench.errors import ConfigError
from workbench.evaluation import Estimate
from workbench.planning.frontier import Frontier, three
from workbench.planning.ground import Today

ANNUAL_GROWTH = 3.68 ** (1 / 10) - 1
"""Declarations grew by 268 % in ten years (Vietnam): 13.9 % a year."""

YEARLY_CHANGE = 0.10
"""Assumed: by how much (one standard deviation of the logarithm) what a rate finds strays in a year from what it found
the year before, beyond sampling: trade, schemes and the model's age."""

MOST_CHANGE = 10.0
"""Most that growth and yearly change may be: tenfold in a year."""

_Z95, _Z_ONE_SIDED, _Z_POWER = 1.959964, 1.644854, 0.841621
_TYPES = {
    "year": pl.Int64,
    "rate": pl.Float64,
    "declarations": pl.Float64,
    "controls": pl.Float64,
    "found": pl.Float64,
    "found_low_95": pl.Float64,
    "found_high_95": pl.Float64,
    "change": pl.Float64,
    "change_low_95": pl.Float64,
    "change_high_95": pl.Float64,
    "drawn_by_lot": pl.Float64,
    "noticed_rise": pl.Float64,
}


def path(
    found: Frontier,
    today: Today,
    rates: tuple[float, ...],
    *,
    random_share: float,
    growth: float = ANNUAL_GROWTH,
    yearly_change: float = YEARLY_CHANGE,
) -> pl.DataFrame:
    """Lay out a path of yearly steps.

    Parameters
    ----------
    found
        Frontier that has every rate of the path.
    today
        What the service did in the frontier's period.
    rates
        Rate of inspection of each coming year, the first for the year after the period; none gives no row.
    random_share
        Share of declarations that the random arm draws.
    growth
        Growth of declarations a year; violations are taken to grow alike.
    yearly_change
        See `YEARLY_CHANGE`; it adds up over the years as a random walk does.

    Returns
    -------
    polars.DataFrame
        One row a year: ``year`` from 1, ``rate``, ``declarations`` and ``controls`` of the year, ``found`` violations
        with bounds (sampling and yearly change together), ``change`` of detection against today's controls (-0.1 is a
        tenth less of the same goods' violations found) with bounds, ``drawn_by_lot`` declarations, and
        ``noticed_rise``: the smallest relative rise of the rate of undetected violations that the year's random arm
        would notice with a probability of 80 % (one-sided test at 5 %). Null where the frontier was refused.

    Raises
    ------
    ConfigError
        A dial is outside its domain.
    """
    refuse_dials(growth, yearly_change)
    yearly = 365.0 / today.days
    steps = (
        dict(_step(found, today, (year, rate), random_share, (yearly * (1 + growth) ** year, yearly_change)))
        for year, rate in enumerate(rates, start=1)
    )
    return pl.DataFrame(list(steps), schema=_TYPES)


def refuse_dials(growth: float, yearly_change: float) -> None:
    """Raise :class:`ConfigError` for dials outside their domain: what is not finite or absurd gives no path."""
    if not -1 < growth <= MOST_CHANGE:
        raise ConfigError(
            f"growth is {growth:g}, expected a share a year above -1 and at most {MOST_CHANGE:g}, such as 0.139."
        )
    if not 0 <= yearly_change <= MOST_CHANGE:
        raise ConfigError(
            f"yearly_change is {yearly_change:g}, expected a share from 0 to {MOST_CHANGE:g}, such as 0.1."
        )


def _step(
    found: Frontier, today: Today, step: tuple[int, float], random_share: float, dials: tuple[float, float]
) -> Iterator[tuple[str, Any]]:
    (year, rate), (volume, yearly_change) = step, dials
    declarations, estimate = today.declarations * volume, found.estimate(rate)
    yield from (("year", year), ("rate", rate), ("declarations", declarations), ("controls", declarations * rate))
    yield "drawn_by_lot", declarations * random_share
    if estimate.value is None:
        return
    strayed = _strayed(estimate, yearly_change * sqrt(year))
    yield from three("found", strayed.scaled(volume))
    if today.violations:
        change = strayed.scaled(1.0 / today.violations)
        yield from three("change", Estimate(*(None if one is None else one - 1.0 for one in vars(change).values())))
    detection = found.estimate(rate, "detection").value
    if detection:
        missed = estimate.value / detection * (1.0 - detection) * volume
        drawn = min(random_share / max(1.0 - (rate - random_share), random_share), 0.999) if random_share else 0.0
        # What is missed is what the random arm left of the rest: its own findings are the part drawn to the part left.
        yield "noticed_rise", noticed_rise(missed * drawn / (1.0 - drawn))


def _strayed(estimate: Estimate, change: float) -> Estimate:
    """Widen an interval by what strays beyond sampling; both are independent, so their logarithms add as squares."""
    value, low, high = (float(bound or 0.0) for bound in vars(estimate).values())
    if value <= 0:
        return estimate
    spread = _Z95 * change
    above = value * exp(hypot(log(max(high, value) / value), spread))
    return Estimate(value, value * exp(-hypot(log(value / low), spread)) if low > 0 else 0.0, above)


def noticed_rise(findings: float) -> float | None:
    """Return the smallest relative rise of a count that is noticed in 80 of 100 cases; ``None`` where none is expected.

    Parameters
    ----------
    findings
        Findings that the random arm expects in a year among what would else have gone undetected.

    Notes
    -----
    A Poisson count of mean m is told from m (1 + d) by a one-sided test at 5 % with a power of 80 % where
    ``d m = 1.645 sqrt(m) + 0.842 sqrt(m (1 + d))``: a quadratic equation in d.

    Examples
    --------
    >>> round(noticed_rise(100.0), 2), round(noticed_rise(400.0), 2)
    (0.26, 0.13)
    """
    if findings <= 0:
        return None
    # With s = sqrt(1 + d): m s^2 - 0.842 sqrt(m) s - (m + 1.645 sqrt(m)) = 0.
    root = sqrt(findings)
    constant = findings + _Z_ONE_SIDED * root
    s = (_Z_POWER * root + sqrt(_Z_POWER**2 * findings + 4.0 * findings * constant)) / (2.0 * findings)
    return s * s - 1.0
