"""Inspection-rate plans: how the share of goods controlled comes down to its target, and the seats of a week.

`direct` has the target from the first week. `linear` falls from the start rate in the first week to the target in the
last, by the same step every week. `fast` does so within ten weeks and stays at the target. The published simulations of
the field have these three (Kim et al. 2022, TKDE, arXiv 2010.14282).
"""

from __future__ import annotations

import math

from workbench.scorer.lanes.draw import uniforms

from .settings import Settings

FAST_WEEKS = 10


def rate_of_week(settings: Settings, week: int, weeks: int) -> float:
    """Return the share of goods controlled in a week, in [0, 1].

    Parameters
    ----------
    settings
        Plan, target and start rate.
    week
        From 0.
    weeks
        Number of weeks simulated.

    Examples
    --------
    >>> from types import SimpleNamespace as Given
    >>> linear = Given(plan="linear", rate=0.1, start_rate=0.5)
    >>> [round(rate_of_week(linear, week, 5), 3) for week in range(5)]
    [0.5, 0.4, 0.3, 0.2, 0.1]
    """
    falling = {"direct": 1, "linear": weeks, "fast": min(FAST_WEEKS, weeks)}[settings.plan]
    if week >= falling - 1:
        return settings.rate
    return settings.start_rate + (settings.rate - settings.start_rate) * week / (falling - 1)


def seats_of_week(rate: float, goods: int, key: bytes, week: int) -> int:
    """Return the controls of a week: rate x goods, a fraction rounded by lot, so that small weeks get their share.

    The lot hangs on the key and the week alone: every policy has the same seats.

    >>> seats_of_week(0.10, 700, b"key", 3), sum(seats_of_week(0.10, 5, b"key", week) for week in range(100))
    (70, 47)
    """
    lot = float(uniforms(key, "seats", [str(week)])[0])
    # 0.07 x 100 is a little more than 7 as a binary fraction.
    return min(math.floor(round(rate * goods, 9) + lot), goods)
