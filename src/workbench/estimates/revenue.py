"""Revenue: what violations cost, what controls recovered of it, and the gap between the two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from workbench.evaluation.intervals import Estimate
from workbench.evaluation.refusal import Refusal

from .arrays import Values
from .intervals import less_known
from .nonresponse import priced_readings, spanned
from .record import ControlRecord
from .strata import Strata
from .totals import Found, beyond_belief, too_few_amounts, too_few_findings, total


@dataclass(frozen=True)
class Revenue:
    """What violations cost; USD.

    Parameters
    ----------
    recoverable_usd
        Duty that full controls of all goods would recover.
    found_usd
        Duty that controls of any kind did recover, as far as it is recorded.
    gap_usd
        The difference: never below 0. Where results are missing the bounds hold them too; a violation among them is
        taken to cost the mean amount that full controls found in an item.
    without_amount
        Items in which a full control found a violation and no amount is recorded. The values take these to cost what
        the others cost on average; the bounds hold nothing, and what the larger half of the others cost.
    declared_duty_usd
        Duty declared for the goods; ``None`` where not known.
    gap_share
        `gap_usd` / `declared_duty_usd`; ``None`` where not known.
    """

    recoverable_usd: Estimate
    found_usd: float
    gap_usd: Estimate
    without_amount: int
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
    few = beyond_belief(record) or too_few_findings(record, readings[0][1], amount) or too_few_amounts(record)
    if few is not None:
        return few
    read = _priced(record, readings)
    totals = [total(one, strata, Found(_amounts(one), blurred=True)) for one, strata in read]
    recorded, declared = float(amount.sum()), _declared_duty(record)
    found = (recorded + float(_amounts(one)[record.is_unpriced].sum()) for one, _ in read)
    gap = spanned([less(one, known) for one, known in zip(totals, found, strict=True)])
    share = gap.scaled(1.0 / declared) if declared else None
    return Revenue(spanned(totals), recorded, gap, int(record.is_unpriced.sum()), declared, share)


def _priced(
    record: ControlRecord, readings: Sequence[tuple[ControlRecord, Strata]]
) -> list[tuple[ControlRecord, Strata]]:
    """Give violations without an amount one; the strata stay what they were."""
    records, strata = zip(*readings, strict=True)
    priced = priced_readings(record, records)
    return list(zip(priced, strata if len(strata) == len(priced) else strata * len(priced), strict=True))


def less(estimate: Estimate, found: float) -> Estimate:
    """Return an estimate less what was found for sure, never below 0.

    >>> less(Estimate(10.0, 2.0, 30.0), 4)
    Estimate(value=6.0, low_95=0.0, high_95=26.0)
    """
    return Estimate(*(max(float(bound or 0.0), 0.0) for bound in vars(less_known(estimate, found)).values()))


def _amounts(record: ControlRecord) -> Values:
    amount = record.recovered_duty_usd
    return np.zeros(record.items.height) if amount is None else amount


def _declared_duty(record: ControlRecord) -> float | None:
    if "declared_duty_usd" not in record.items.columns:
        return None
    return float(record.items["declared_duty_usd"].sum())
