"""Compliance: how many goods comply, what went undetected, and what it cost, estimated from the random arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from workbench.evaluation.intervals import Estimate
from workbench.evaluation.refusal import Refusal

from .frame import Group
from .nonresponse import NonResponse, readings, spanned
from .record import ControlRecord
from .revenue import Revenue, less, revenue_gap
from .strata import Strata
from .totals import Found, too_little, total


@dataclass(frozen=True)
class Arm:
    """The random arm: declarations that chance drew, and what became of them.

    Parameters
    ----------
    declarations
        Declarations that it was drawn from.
    drawn, known
        Of them drawn, and drawn with a recorded result.
    items, violations
        Items of those with a result, and violations found in them.
    """

    declarations: int
    drawn: int
    known: int
    items: int
    violations: int


@dataclass(frozen=True)
class Compliance:
    """What the controls say of all goods, controlled or not; counts are of items unless said otherwise.

    Parameters
    ----------
    speaks_for
        Goods that the estimates speak of, in words.
    goods, left_out
        Their number, and the number of those they do not speak of, by reason.
    arm
        The random arm.
    missing
        Declarations drawn for a full control, by the random arm or not, without a complete result of one.
    nonresponse
        What they can hide; ``None`` where none is missing. Values take them to be like the others of their
        stratum, intervals hold whatever they would have shown.
    violations
        Violations that full controls of all goods would find.
    violation_rate, compliance_rate
        Share of goods with such a violation, and without.
    found
        Violations that controls of any kind did find.
    undetected
        `violations` less `found`: never below 0.
    revenue
        What it costs; a `Refusal` where findings are too few for amounts, ``None`` where the source has no amounts.
    strata
        Table of :class:`.strata.Strata`.
    """

    speaks_for: str
    goods: int
    left_out: dict[str, int]
    arm: Arm
    missing: int
    nonresponse: NonResponse | None
    violations: Estimate
    violation_rate: Estimate
    compliance_rate: Estimate
    found: int
    undetected: Estimate
    revenue: Revenue | Refusal | None
    strata: pl.DataFrame

    def describe(self) -> str:
        """Return the estimates as a few lines for a terminal."""
        rate, undetected = _shown(self.violation_rate.scaled(100), 3), _shown(self.undetected, 0)
        lines = [
            f"Of {self.speaks_for} ({self.goods:,} items) full controls would find a violation in {rate} %.",
            f"Controls found {self.found:,}; undetected: {undetected}.",
        ]
        if isinstance(self.revenue, Revenue):
            lines.append(f"Revenue gap: {_shown(self.revenue.gap_usd, 0)} USD.")
        elif self.revenue is not None:
            lines.append(f"Revenue gap: {self.revenue.describe()}")
        arm = self.arm
        lines.append(
            f"Rests on {arm.known:,} of {arm.drawn:,} declarations drawn for the random arm, with {arm.violations:,} "
            f"violations; {self.missing:,} results missing."
        )
        if self.nonresponse is not None:
            lines.append(f"Missing are {self.nonresponse.describe()} All intervals hold all three.")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON values, ``status`` "estimated"; strata as counts and names."""
        collapsed = self.strata.filter("is_collapsed")
        undrawn = self.strata.filter(pl.col("known") == 0)
        strata = {
            "cells": self.strata.height,
            "strata": self.strata["stratum"].n_unique(),
            "collapsed": collapsed.height,
            "without_a_result": undrawn.height,
            "declarations_without_a_result": int(undrawn["declarations"].sum()),
        }
        told = {name: _plain(value) for name, value in vars(self).items() if name != "strata"}
        return {"status": "estimated", **told, "arm": asdict(self.arm), "strata": strata}


def compliance(record: ControlRecord) -> Compliance | Refusal:
    """Estimate the rate of compliance, violations that went undetected, and the revenue gap.

    Parameters
    ----------
    record
        Decided goods. Where its items have ``declared_duty_usd``, the revenue gap is given as a share of it too.

    Returns
    -------
    Compliance or Refusal
        Refused with ``random_arm_too_small`` below 30 results of the arm, and with ``results_missing`` where more than
        a fifth of the results are: a refusal is a result to show, not an error. Intervals hold for the goods of this
        period (finite population), not for the next one, and for whatever missing results would have shown.

    References
    ----------
    Compliance measurement by random controls: WCO Risk Management Guide 4.2. Estimators and intervals: `.strata`,
    `.intervals`; measured coverage: docs/decisions/0025.

    Examples
    --------
    A hundred declarations drawn at random from 5,000, two of them with a violation:

    >>> table = pl.DataFrame({"declaration_id": [f"D{n:04}" for n in range(5000)], "item_no": 1, "office_id": "A",
    ...     "regime_code": "40", "lane": ["red"] * 100 + ["green"] * 4900,
    ...     "cause": ["random"] * 100 + ["none"] * 4900,
    ...     "violation": [1, 1] + [0] * 98 + [None] * 4900})
    >>> found = compliance(ControlRecord.from_history(table, lot_frame="all"))
    >>> found.violations.value, found.undetected.value, round(found.compliance_rate.low_95, 2)
    (100.0, 98.0, 0.94)
    """
    if (refused := too_little(record)) is not None:
        return refused
    read = [(one, Strata.of(one)) for one in readings(record)]
    counted = [total(one, strata, Found(one.violation)) for one, strata in read]
    rates = [_at_most(one.scaled(1.0 / record.items.height), 1.0) for one in counted]
    violations, rate, found = spanned(counted), spanned(rates), int(record.violation.sum())
    return Compliance(
        speaks_for=record.speaks_for,
        goods=record.items.height,
        left_out=dict(record.left_out.group_by("reason").len().sort("reason").iter_rows()),
        arm=_arm(record),
        missing=int(record.is_missing.sum()),
        nonresponse=_nonresponse(record, rates),
        violations=violations,
        violation_rate=rate,
        compliance_rate=Estimate(*(1.0 - bound for bound in _numbers(rate, "value", "high_95", "low_95"))),
        found=found,
        undetected=less(violations, found),
        revenue=revenue_gap(record, read),
        strata=read[0][1].table,
    )


def _nonresponse(record: ControlRecord, rates: Sequence[Estimate]) -> NonResponse | None:
    if len(rates) == 1:
        return None
    drawn = int(record.declarations["is_drawn"].sum())
    return NonResponse(int(record.is_missing.sum()) / drawn, *rates)


def _arm(record: ControlRecord) -> Arm:
    violations = pl.Series(record.by_declaration(record.violation))
    counted = record.declarations.with_columns(items=pl.Series(record.sizes), violations=violations)
    of_arm = counted.filter(pl.col("group") == str(Group.ARM))
    known = of_arm.filter("is_known")
    return Arm(
        declarations=of_arm.height,
        drawn=int(of_arm["is_drawn"].sum()),
        known=known.height,
        items=int(known["items"].sum()),
        violations=int(known["violations"].sum()),
    )


def _plain(value: Any) -> Any:
    return value.to_dict() if isinstance(value, Estimate | NonResponse | Revenue | Refusal) else value


def _at_most(estimate: Estimate, most: float) -> Estimate:
    return Estimate(*(min(bound, most) for bound in _numbers(estimate)))


def _numbers(estimate: Estimate, *names: str) -> list[float]:
    bounds = [getattr(estimate, name) for name in names or ("value", "low_95", "high_95")]
    return [float(bound) for bound in bounds]


def _shown(estimate: Estimate, digits: int) -> str:
    value, low, high = (f"{bound:,.{digits}f}" for bound in _numbers(estimate))
    return f"{value} ({low} to {high})"
