"""Non-response: controls that were drawn and have no result, and what they can hide at most.

Nobody knows why a result is missing. Were it more often withheld where there was a violation, or only recorded later,
the goods with a result would not stand for the others. So every estimate is made three times: with missing results
taken to be like the others of their stratum, all compliant, and all violating. The value is that of the first; the
interval holds all three, as an auditor counts a document that nobody can show as a deviation.

A violation whose amount nobody recorded is read three times too: as costing what such violations cost on average,
nothing, and as much as the larger half of them. Without it an amount that is not known would count as none.

References
----------
W. G. Cochran (1977), Sampling Techniques, 3rd ed., 13.2 (bounds of a proportion under non-response).
C. F. Manski (2003), Partial Identification of Probability Distributions, chapter 1.
International Standard on Auditing 530, paragraph 11: an item that cannot be tested is a deviation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from workbench.evaluation.intervals import Estimate

from .record import ControlRecord


@dataclass(frozen=True)
class NonResponse:
    """Violation rates by what the missing results are taken to be; each interval is that of the sample alone.

    Parameters
    ----------
    share
        Missing results over controls drawn, in (0, 1]; counted in declarations.
    like_others
        Missing at random within their stratum.
    all_compliant, all_violating
        No violation in any of their items, and one in each.
    """

    share: float
    like_others: Estimate
    all_compliant: Estimate
    all_violating: Estimate

    def describe(self) -> str:
        """Return it in a sentence or two.

        >>> rates = (Estimate(rate, rate / 2, 2 * rate) for rate in (0.05, 0.04, 0.14))
        >>> print(NonResponse(0.1, *rates).describe())
        10 % of the controls drawn: the rate is 4 % with them compliant, 5 % like the others, 14 % violating.
        """
        compliant, alike, violating = (
            f"{100 * (one.value or 0.0):.3g} %" for one in (self.all_compliant, self.like_others, self.all_violating)
        )
        return (
            f"{100 * self.share:.2g} % of the controls drawn: the rate is {compliant} with them compliant, {alike} "
            f"like the others, {violating} violating."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)


def readings(record: ControlRecord) -> tuple[ControlRecord, ...]:
    """Return the record, and where results are missing also with all of them compliant and with all violating."""
    if not record.is_missing.any():
        return (record,)
    return record, record.completed(violating=False), record.completed(violating=True)


def priced_readings(record: ControlRecord, readings: Sequence[ControlRecord]) -> Sequence[ControlRecord]:
    """Return `readings` of a record, or three, in which no violation that a full control found lacks its amount."""
    if not record.is_unpriced.any():
        return readings
    found = record.items.filter(pl.col("is_full_control") & (pl.col("violation") == 1))["recovered_duty_usd"]
    amounts = found.drop_nulls().sort().to_numpy()
    costs = (float(amounts.mean()), 0.0, float(amounts[len(amounts) // 2 :].mean()))
    three = readings if len(readings) == len(costs) else tuple(readings) * len(costs)
    return tuple(one.priced(cost) for one, cost in zip(three, costs, strict=True))


def spanned(estimates: Sequence[Estimate]) -> Estimate:
    """Return the value of the first estimate with bounds that hold all of them.

    >>> spanned([Estimate(5.0, 3.0, 8.0), Estimate(4.0, 2.0, 7.0), Estimate(9.0, 7.0, 12.0)])
    Estimate(value=5.0, low_95=2.0, high_95=12.0)
    """
    lows, highs = ([getattr(one, name) for one in estimates] for name in ("low_95", "high_95"))
    return Estimate(estimates[0].value, min(lows), max(highs))
