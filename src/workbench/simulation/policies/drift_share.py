"""The drift-driven share: the further the goods are from those of before, the more of the seats are drawn by lot."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from math import isfinite
from typing import Any, ClassVar

import polars as pl

from workbench.drift.statistics import domain_auc
from workbench.scorer.schema import DERIVED
from workbench.simulation.policies.chain import Chain
from workbench.simulation.policies.lot import Random
from workbench.simulation.policies.lots import Lots
from workbench.simulation.policies.model import Model
from workbench.simulation.policies.registry import register
from workbench.simulation.policies.seats import allocations, drawn
from workbench.simulation.policy import Choice, Policy, Situation
from workbench.timeline import before

LEAST, MOST = 0.03, 0.5
"""Share of the lot where recent goods are like those of before, and where they can be told apart without error."""

_RECENT_WEEKS = 4
_MOST_ROWS = 4_000
_COLUMNS = (
    "flow",
    "regime_code",
    "transport_mode_code",
    "hs2",
    "hs6",
    "origin_country_code",
    "departure_country_code",
    "preference_code",
    "duty_rate",
    "net_mass_kg",
    "customs_value_usd",
    "unit_value_usd_per_kg",
)
"""What goods are; who trades them is left out, for new names come every week."""


@register
class DriftShare(Policy):
    """Model and lot; the lot's share grows from 3 to 50 % with how well recent goods are told from those of before.

    With A the area under the ROC curve of a classifier that tells the last four weeks' goods from earlier ones
    (:func:`~workbench.drift.statistics.domain_auc`, cross-validated), the share is 3 % + 47 % (2 A - 1): A is one half
    where nothing changed, whatever the number of columns, so there is no threshold to guess. All goods count,
    controlled or not. What changes only in what controls find is not seen.

    The idea, with another distance, is that of Mai et al. (2021), arXiv 2109.14155.
    """

    name: ClassVar[str] = "drift"

    def __init__(self) -> None:
        self._chain = Chain(Model(), [Random()])
        self._auc = 0.5

    @property
    def _share(self) -> float:
        return LEAST + (MOST - LEAST) * max(0.0, 2.0 * self._auc - 1.0)

    def choose(self, situation: Situation, seats: int) -> Choice:
        """Measure the drift, then choose; a week too small to measure it keeps the share of the last."""
        auc = drift_auc(situation)
        self._auc = auc if isfinite(auc) else self._auc
        lots = Lots(situation)
        ways = allocations((1.0 - self._share, self._share), min(seats, situation.goods.height))
        return self._chain.choose(situation, lots, ways, drawn(ways, lots.number("seats")))

    @property
    def state(self) -> Mapping[str, Any]:
        """The last area under the curve."""
        return {"auc": self._auc}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        self._auc = state["auc"]

    def told(self) -> Mapping[str, float]:
        """Return the share of the lot in the last week chosen, and the area under the curve that it follows."""
        return {"exploration_share": self._share, "drift_auc": self._auc}


def drift_auc(situation: Situation) -> float:
    """Return how well the last four weeks' goods, this week's included, are told from earlier ones; NaN if too few.

    At most 4,000 of each side are compared, evenly spread over the time.
    """
    earlier = before(situation.past, situation.start - timedelta(weeks=_RECENT_WEEKS - 1))
    recent = pl.concat([situation.past[earlier.height :], situation.goods], how="diagonal_relaxed")
    return domain_auc(_described(_spread(earlier)), _described(_spread(recent)), seed=situation.week)


def _described(goods: pl.DataFrame) -> pl.DataFrame:
    derived = [DERIVED[name][1].alias(name) for name in _COLUMNS if name in DERIVED and name not in goods.columns]
    return goods.with_columns(derived).select("declaration_id", *_COLUMNS)


def _spread(goods: pl.DataFrame) -> pl.DataFrame:
    return goods.gather_every(max(1, -(-goods.height // _MOST_ROWS)))
