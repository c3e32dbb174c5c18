"""The old criteria set: what officers thought risky years ago, with hit percentages as ASYCUDA's profiles have them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from workbench.scorer.schema import Lane
from workbench.synthetic.draws import Bools, Floats, Ints

KNOWN_DAYS = "importer_known_days"
TYPICAL_PRICE = "typical_unit_value_usd_per_kg"

_chapter = pl.col("hs_code").str.slice(0, 2)
_import = pl.col("flow") == "import"
_price_ratio = pl.col("customs_value_usd") / (pl.col("net_mass_kg") + 0.01) / pl.col(TYPICAL_PRICE)


@dataclass(frozen=True)
class OldCriterion:
    """A predicate on an item that proposes a lane for a percentage of the declarations that it hits."""

    id: str
    lane: Lane
    hit_share: float
    when: pl.Expr


OLD_CRITERIA = (
    OldCriterion("R01-tobacco-spirits", Lane.RED, 0.30, _import & _chapter.is_in(["22", "24"])),
    OldCriterion(
        "R02-new-importer-high-duty", Lane.RED, 0.25, _import & (pl.col(KNOWN_DAYS) < 60) & (pl.col("duty_rate") >= 0.2)
    ),
    OldCriterion(
        "R03-land-border-consumer-goods",
        Lane.RED,
        0.10,
        (pl.col("transport_mode_code") == "ROAD") & _chapter.is_in(["61", "62", "64", "85", "95"]),
    ),
    OldCriterion("R04-transit-through-port", Lane.RED, 0.10, pl.col("flow") == "transit"),
    OldCriterion("R05-price-a-third-of-usual", Lane.RED, 0.12, _import & (_price_ratio < 0.33)),
    OldCriterion("Y01-price-below-floor", Lane.YELLOW, 0.55, _import & (_price_ratio < 0.6)),
    OldCriterion("Y02-preference-claimed", Lane.YELLOW, 0.45, ~pl.col("preference_code").is_in(["MFN", "EXEMPT"])),
    OldCriterion("Y03-duty-of-20-percent", Lane.YELLOW, 0.40, pl.col("duty_rate") >= 0.2),
    OldCriterion("Y04-permit-chapters", Lane.YELLOW, 0.55, _import & _chapter.is_in(["02", "03", "04", "08", "30"])),
    OldCriterion("Y05-new-importer", Lane.YELLOW, 0.60, _import & (pl.col(KNOWN_DAYS) < 90)),
    OldCriterion("Y06-temporary-import", Lane.YELLOW, 0.70, pl.col("regime_code") == "G11"),
)
"""The old set, in order of priority within each lane."""

TOP_UP = {Lane.RED: "R90-top-up", Lane.YELLOW: "Y90-top-up", Lane.ORANGE: "O10-scan-plan", Lane.BLUE: "B10-audit-plan"}
"""What fills a lane up to its expected share, drawn from the rest, after the criteria (MODSEL 6.7)."""


@dataclass(frozen=True)
class Hits:
    """Hits of the criteria of one lane: one element a declaration.

    Parameters
    ----------
    first
        Position of the first criterion hit; -1 without a hit.
    share
        Hit percentage of that criterion, as a share; 0 without a hit.
    ids
        The criteria of the lane, by position.
    """

    first: Ints
    share: Floats
    ids: list[str]


def hits_of_lane(items: pl.DataFrame, lane: Lane, starts: Ints) -> Hits:
    """Evaluate the old criteria that propose `lane`; a declaration is hit when one of its items is.

    Parameters
    ----------
    items
        Declarations table with :data:`KNOWN_DAYS` and :data:`TYPICAL_PRICE` beside it.
    starts
        Row of the first item of every declaration.
    """
    criteria = [criterion for criterion in OLD_CRITERIA if criterion.lane == lane]
    matrix = items.select(criterion.when.fill_null(False).alias(criterion.id) for criterion in criteria).to_numpy()
    by_declaration: Bools = np.logical_or.reduceat(matrix, starts, axis=0)
    hit = by_declaration.any(axis=1)
    first = np.where(hit, by_declaration.argmax(axis=1), -1)
    shares = np.array([criterion.hit_share for criterion in criteria])
    return Hits(first, np.where(hit, shares[first], 0.0), [criterion.id for criterion in criteria])
