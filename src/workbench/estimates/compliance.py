"""Compliance: how many goods comply, what went undetected, and what it cost, estimated from the random arm."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from workbench.evaluation.intervals import Estimate
from workbench.evaluation.refusal import Refusal

from .record import ControlRecord, Group
from .strata import Strata
from .totals import Found, too_few_findings, too_little, total


@dataclass(frozen=True)
class Arm:
    """The random arm: declarations drawn by lot, and what became of them.

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
class Revenue:
    """What violations cost; USD.

    Parameters
    ----------
    recoverable_usd
        Duty that full controls of all goods would recover.
    found_usd
        Duty that controls of any kind did recover.
    gap_usd
        The difference: never below 0.
    declared_duty_usd
        Duty declared for the goods; ``None`` where not known.
    gap_share
        `gap_usd` / `declared_duty_usd`; ``None`` where not known.
    """

    recoverable_usd: Estimate
    found_usd: float
    gap_usd: Estimate
    declared_duty_usd: float | None
    gap_share: Estimate | None


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
        Declarations drawn for a full control, by lot or not, without a recorded result: taken as missing at random
        within their stratum.
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
            f"Rests on {arm.known:,} of {arm.drawn:,} declarations drawn by lot, with {arm.violations:,} violations; "
            f"{self.missing:,} results missing."
        )
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
        revenue = self.revenue
        told = revenue.to_dict() if isinstance(revenue, Refusal) else None if revenue is None else _estimated(revenue)
        plain = {name: value for name, value in vars(self).items() if name not in ("strata", "revenue", "arm")}
        estimates = {name: value.to_dict() for name, value in plain.items() if isinstance(value, Estimate)}
        return {"status": "estimated", **plain, **estimates, "arm": asdict(self.arm), "revenue": told, "strata": strata}


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
        period (finite population), not for the next one.

    References
    ----------
    Compliance measurement by random controls: WCO Risk Management Guide 4.2. Estimators and intervals: `.strata`,
    `.intervals`; measured coverage: docs/decisions/0025.

    Examples
    --------
    A hundred declarations drawn by lot from 5,000, two of them with a violation:

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
    strata = Strata.of(record)
    violations = total(record, strata, Found(record.violation))
    goods, found = record.items.height, int(record.violation.sum())
    rate = _at_most(violations.scaled(1.0 / goods), 1.0)
    comply = Estimate(*(1.0 - bound for bound in _numbers(rate, "value", "high_95", "low_95")))
    return Compliance(
        speaks_for=record.speaks_for,
        goods=goods,
        left_out=dict(record.left_out.group_by("reason").len().sort("reason").iter_rows()),
        arm=_arm(record),
        missing=int((record.declarations["is_drawn"] & ~record.declarations["is_known"]).sum()),
        violations=violations,
        violation_rate=rate,
        compliance_rate=comply,
        found=found,
        undetected=less(violations, found),
        revenue=_revenue(record, strata),
        strata=strata.table,
    )


def less(estimate: Estimate, found: float) -> Estimate:
    """Return an estimate less what was found for sure, never below 0.

    >>> less(Estimate(10.0, 2.0, 30.0), 4)
    Estimate(value=6.0, low_95=0.0, high_95=26.0)
    """
    return Estimate(*(max(bound - found, 0.0) for bound in _numbers(estimate)))


def _revenue(record: ControlRecord, strata: Strata) -> Revenue | Refusal | None:
    amount = record.recovered_duty_usd
    if amount is None:
        return None
    if (refused := too_few_findings(record, strata, amount)) is not None:
        return refused
    recoverable = total(record, strata, Found(amount, blurred=True))
    found = float(amount.sum())
    gap, declared = less(recoverable, found), _declared_duty(record)
    return Revenue(recoverable, found, gap, declared, gap.scaled(1.0 / declared) if declared else None)


def _declared_duty(record: ControlRecord) -> float | None:
    if "declared_duty_usd" not in record.items.columns:
        return None
    return float(record.items["declared_duty_usd"].sum())


def _arm(record: ControlRecord) -> Arm:
    violations = pl.Series(record.by_declaration(record.violation))
    counted = record.declarations.with_columns(items=pl.Series(record.sizes), violations=violations)
    of_lot = counted.filter(pl.col("group") == str(Group.LOT))
    known = of_lot.filter("is_known")
    return Arm(
        declarations=of_lot.height,
        drawn=int(of_lot["is_drawn"].sum()),
        known=known.height,
        items=int(known["items"].sum()),
        violations=int(known["violations"].sum()),
    )


def _at_most(estimate: Estimate, most: float) -> Estimate:
    return Estimate(*(min(bound, most) for bound in _numbers(estimate)))


def _numbers(estimate: Estimate, *names: str) -> list[float]:
    bounds = [getattr(estimate, name) for name in names or ("value", "low_95", "high_95")]
    return [float(bound) for bound in bounds]


def _estimated(revenue: Revenue) -> dict[str, Any]:
    return {"status": "estimated", **asdict(revenue)}


def _shown(estimate: Estimate, digits: int) -> str:
    value, low, high = (f"{bound:,.{digits}f}" for bound in _numbers(estimate))
    return f"{value} ({low} to {high})"
