"""When declarations are lodged: weekdays, hours, Tet, the year's end and growth over the years."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from workbench.synthetic.config import ANNUAL_GROWTH, Extent
from workbench.synthetic.draws import Floats, Ints, stream

# First day of the lunar year in Vietnam (UTC+7); 2030 is a day before China's.
TET = (
    *(date(2017, 1, 28), date(2018, 2, 16), date(2019, 2, 5), date(2020, 1, 25), date(2021, 2, 12), date(2022, 2, 1)),
    *(date(2023, 1, 22), date(2024, 2, 10), date(2025, 1, 29), date(2026, 2, 17), date(2027, 2, 6), date(2028, 1, 26)),
    *(date(2029, 2, 13), date(2030, 2, 2), date(2031, 1, 23), date(2032, 2, 11), date(2033, 1, 31), date(2034, 2, 19)),
    date(2035, 2, 8),
)
TET_HOLIDAYS = (-2, 5)  # days from the first day of Tet in which offices are nearly closed
TET_RUSH = (-23, -2)  # stocking up before the holidays
WEEKDAY_WEIGHTS = (1.0, 1.05, 1.05, 1.02, 1.08, 0.48, 0.14)
HOUR_WEIGHTS = (1, 1, 1, 1, 1, 2, 5, 20, 55, 75, 72, 50, 22, 48, 72, 74, 62, 34, 14, 9, 7, 5, 3, 2)
MONTH_WEIGHTS = (0.97, 0.93, 1.0, 0.99, 1.0, 0.98, 0.99, 1.02, 1.03, 1.06, 1.1, 1.16)
# Most declarations carry one goods line; the tail reaches eight.
ITEM_COUNT_WEIGHTS = (0.70, 0.16, 0.07, 0.03, 0.02, 0.01, 0.006, 0.004)


@dataclass(frozen=True)
class LodgementPlan:
    """Every declaration's moment and number of items: small enough to hold for ten million rows.

    Parameters
    ----------
    lodged_at_us
        Microseconds since 1970-01-01, ascending; one a declaration.
    month
        Month of the period, from 0.
    items
        Number of goods items, 1 to 8; they sum to the rows asked for.
    """

    lodged_at_us: Ints
    month: Ints
    items: Ints

    def __len__(self) -> int:
        """Return the number of declarations."""
        return len(self.items)

    def cut(self, begin: int, end: int) -> LodgementPlan:
        """Return the declarations `begin` to `end`, the end excluded."""
        return LodgementPlan(self.lodged_at_us[begin:end], self.month[begin:end], self.items[begin:end])


def month_starts(extent: Extent) -> list[date]:
    """Return the first day of every month of the period, and the day after its end.

    >>> month_starts(Extent(rows=1, months=2, seed=0, start=date(2025, 12, 1)))[-1]
    datetime.date(2026, 2, 1)
    """
    first = extent.start.year * 12 + extent.start.month - 1
    return [date(number // 12, number % 12 + 1, 1) for number in range(first, first + extent.months + 1)]


def day_weight(day: date, first: date) -> float:
    """Return how busy `day` is, relative to an ordinary Monday at the start of the period.

    Parameters
    ----------
    day
        The day; Tet is known for 2017 to 2035, other years have none.
    first
        First day of the period, from which growth is counted.

    Examples
    --------
    >>> day_weight(date(2025, 1, 30), date(2025, 1, 1)) < 0.1  # second day of Tet
    True
    """
    weight = WEEKDAY_WEIGHTS[day.weekday()] * MONTH_WEIGHTS[day.month - 1]
    weight *= math.exp((day - first).days / 365.25 * math.log1p(ANNUAL_GROWTH))
    from_tet = min(((day - tet).days for tet in TET), key=abs)
    if TET_HOLIDAYS[0] <= from_tet <= TET_HOLIDAYS[1]:
        return weight * 0.06
    if TET_RUSH[0] <= from_tet < TET_RUSH[1]:
        return weight * 1.22
    if day.month == 12 and day.day >= 15:
        return weight * 1.12
    return weight


def plan_lodgements(extent: Extent) -> LodgementPlan:
    """Draw the number of items and the moment of every declaration.

    The moments are stratified: each hour holds its expected share to within a declaration, so that the busy and the
    quiet days stand out at any size.
    """
    rng = stream(extent.seed, "plan")
    items = _item_counts(extent.rows, rng)
    months = month_starts(extent)
    days = (months[-1] - months[0]).days
    weights = np.array([day_weight(months[0] + timedelta(days=day), months[0]) for day in range(days)])
    hourly = np.outer(weights, HOUR_WEIGHTS).ravel()
    lodged_at_us = _epoch_us(months[0]) + _moments(hourly, len(items), rng)
    edges = np.array([_epoch_us(month) for month in months[1:-1]], dtype=np.int64)
    return LodgementPlan(lodged_at_us, np.searchsorted(edges, lodged_at_us, side="right").astype(np.int64), items)


def _item_counts(rows: int, rng: np.random.Generator) -> Ints:
    counts = np.arange(1, len(ITEM_COUNT_WEIGHTS) + 1)
    # `rows` declarations are always enough, since each has an item; far fewer are kept.
    drawn = rng.choice(counts, size=min(rows, int(rows * 0.7) + 100), p=ITEM_COUNT_WEIGHTS)
    total = np.cumsum(drawn)
    last = int(np.searchsorted(total, rows))
    if last == len(drawn):
        return np.append(drawn, np.ones(rows - int(total[-1]), dtype=np.int64)).astype(np.int64)
    drawn[last] -= total[last] - rows
    return drawn[: last + 1].astype(np.int64)


def _moments(hourly: Floats, count: int, rng: np.random.Generator) -> Ints:
    share = np.concatenate([[0.0], np.cumsum(hourly)]) / hourly.sum()
    position = (np.arange(count) + rng.random(count)) / count
    hours = np.interp(position, share, np.arange(len(share)))
    return np.minimum(np.floor(hours * 3600), len(hourly) * 3600 - 1).astype(np.int64) * 1_000_000


def _epoch_us(day: date) -> int:
    return (day - date(1970, 1, 1)).days * 86_400_000_000
