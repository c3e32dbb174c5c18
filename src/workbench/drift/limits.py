"""Limits: what was learnt on a reference, as a table that can be kept in a file and gone by later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

WEEKS_A_YEAR = 52
LEAST_WEEKS = 13
"""Weeks with a statistic that a subject needs; as many as a quarter of a year."""

LIMITS = pl.Schema(
    {
        "code": pl.String(),
        "subject": pl.String(),
        "dimension": pl.String(),
        "group": pl.String(),
        "centre": pl.Float64(),
        "spread": pl.Float64(),
        "week_limit": pl.Float64(),
        "sum_limit": pl.Float64(),
        "weeks": pl.Int64(),
    }
)
SUBJECT = ["subject", "dimension", "group"]
"""Columns that name a subject."""

PROTOCOL = 1
"""Version of what :meth:`Thresholds.to_dict` gives."""


@dataclass(frozen=True)
class Refused:
    """A detector that watches nothing, and why: too little is known of what it would look at."""

    code: str
    reason: str


@dataclass(frozen=True)
class Thresholds:
    """What was learnt on a reference.

    Parameters
    ----------
    start, end
        First moment of the reference, and the moment after it.
    weeks, items
        Its whole weeks and goods.
    baseline
        Weeks that each week was compared with, the ones right before it.
    false_alarms_per_year
        Expected number of findings, over all detectors and subjects together, in a year in which nothing drifts.
    limits
        One row a detector and subject: usual level and spread of its residuals, and in spreads the limit of a week by
        itself and that of weeks added up, null where they are not.
    refused
        Detectors that watch nothing.
    """

    start: datetime
    end: datetime
    weeks: int
    items: int
    baseline: int
    false_alarms_per_year: float
    limits: pl.DataFrame
    refused: tuple[Refused, ...]

    @property
    def lacks_seasons(self) -> bool:
        """Whether it was learnt on less than a year: its first `baseline` weeks are only compared with."""
        return self.weeks - self.baseline < WEEKS_A_YEAR

    @property
    def not_watched(self) -> list[str]:
        """Codes of the detectors that watch nothing."""
        return [one.code for one in self.refused]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        return {
            "protocol": PROTOCOL,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "weeks": self.weeks,
            "items": self.items,
            "baseline": self.baseline,
            "false_alarms_per_year": self.false_alarms_per_year,
            "limits": self.limits.to_dicts(),
            "refused": [vars(one) for one in self.refused],
        }
