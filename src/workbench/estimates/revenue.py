"""Revenue: what violations cost, what controls recovered of it, and the gap between the two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from workbench.evaluation.intervals import Estimate
from workbench.evaluation.refusal import Refusal

from .arrays import Values
from .nonresponse import spanned
from .record import ControlRecord
from .strata import Strata
from .totals import Found, beyond_belief, too_few_findings, total


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
        The difference: never below 0. Where results are missing the bounds hold them too; a violation among them is
        taken to cost the mean amount that full controls found in an item.
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

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values, ``status`` "estimated"."""
        return {"status": "estimated", **asdict(self)}


def revenue_gap(record: ControlRecord, readings: Sequence[tuple[ControlRecord, Strata]]) -> Revenue | Refusal | None:
    """Estimate the revenue gap; ``None`` where the source has no amounts.

    Parameters
    ----------
    record
        Decided goods. Where its items have ``declared_duty_usd``, the gap is given as a share of it too.
    readings
        See :func:`.nonresponse.readings`, each with its strata.
    """
    amount = record.recovered_duty_usd
    if amount is None:
        return None
    if (refused := beyond_belief(record) or too_few_findings(record, readings[0][1], amount)) is not None:
        return refused
    recoverable = spanned([total(one, strata, Found(_amounts(one), blurred=True)) for one, strata in readings])
    found, declared = float(amount.sum()), _declared_duty(record)
    gap = less(recoverable, found)
    return Revenue(recoverable, found, gap, declared, gap.scaled(1.0 / declared) if declared else None)


def less(estimate: Estimate, found: float) -> Estimate:
    """Return an estimate less what was found for sure, never below 0.

    >>> less(Estimate(10.0, 2.0, 30.0), 4)
    Estimate(value=6.0, low_95=0.0, high_95=26.0)
    """
    bounds = (float(bound or 0.0) for bound in (estimate.value, estimate.low_95, estimate.high_95))
    return Estimate(*(max(bound - found, 0.0) for bound in bounds))


def _amounts(record: ControlRecord) -> Values:
    amount = record.recovered_duty_usd
    return np.zeros(record.items.height) if amount is None else amount


def _declared_duty(record: ControlRecord) -> float | None:
    if "declared_duty_usd" not in record.items.columns:
        return None
    return float(record.items["declared_duty_usd"].sum())
