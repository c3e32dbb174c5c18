"""Traders: how they behave, how large they are, when they enter, what they deal in and with whom.

The four groups of behaviour are the World Customs Organization's (Risk Management Compendium, volume 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from workbench.synthetic.config import SCHEMES
from workbench.synthetic.declarants import Declarants
from workbench.synthetic.draws import Bools, Floats, Ints, pick, stream
from workbench.synthetic.hs_codes import HsCodes
from workbench.synthetic.offices import KINDS, offices_of_kind
from workbench.synthetic.regimes import ORIENTATION_SHARES
from workbench.synthetic.sellers import Sellers
from workbench.synthetic.tariff import LINES

GROUPS = (
    "compliant",
    "compliant_with_support",
    "non_compliant_given_opportunity",
    "completely_non_compliant",
)
GROUP_SHARES = (0.69, 0.21, 0.075, 0.025)
# Large traders have much to lose: beyond this quantile of size none is completely non-compliant.
LARGE_QUANTILE = 0.93
AEO_SHARE_OF_LARGE = 0.25
# Share of traders who are there from the first day; the others enter evenly over the period.
ESTABLISHED_SHARE = 0.72
HS_SLOTS, SELLER_SLOTS, DECLARANT_SLOTS = 5, 3, 2
HS_SLOT_WEIGHTS = (0.42, 0.24, 0.16, 0.10, 0.08)
SELLER_SLOT_WEIGHTS = (0.6, 0.28, 0.12)
DECLARANT_SLOT_WEIGHTS = (0.85, 0.15)


@dataclass(frozen=True)
class Traders:
    """The traders in order of entry; arrays have one element (or row) a trader.

    Parameters
    ----------
    trader_id
        Codes in an order that tells nothing.
    group
        Position in :data:`GROUPS`.
    size
        Weight in the number of declarations, heavy-tailed.
    entry
        Moment of entry as a share of the period, ascending; 0 for established traders.
    aeo
        Whether the trader is an authorised economic operator.
    orientation
        Position in :data:`~workbench.synthetic.regimes.ORIENTATIONS`.
    line
        Position of the line of business.
    price_effect
        Logarithm of the trader's own price level: terms, brands, volumes.
    favourite_scheme
        What the trader turns to when it turns to fraud: position in ``SCHEMES``.
    hs, sellers, declarants, offices
        Usual HS codes, sellers, declarants (most usual first) and one office a kind, as positions.
    """

    trader_id: list[str]
    group: Ints
    size: Floats
    entry: Floats
    aeo: Bools
    orientation: Ints
    line: Ints
    price_effect: Floats
    favourite_scheme: Ints
    hs: Ints
    sellers: Ints
    declarants: Ints
    offices: Ints

    def __len__(self) -> int:
        """Return the number of traders."""
        return len(self.size)

    def table(self) -> pl.DataFrame:
        """Return the table of traders that customs itself would hold: nothing latent is in it."""
        return pl.DataFrame(
            {
                "trader_id": self.trader_id,
                "aeo": self.aeo,
                "line": np.array(LINES)[self.line],
                "established": self.entry == 0,
            }
        ).sort("trader_id")


def build_traders(hs: HsCodes, sellers: Sellers, declarants: Declarants, count: int, seed: int) -> Traders:
    """Draw `count` traders with their habits."""
    rng = stream(seed, "traders")
    size = np.minimum(rng.pareto(1.25, count) + 0.25, 60.0)
    newcomers = rng.random(count) >= ESTABLISHED_SHARE
    entry = np.sort(np.where(newcomers, rng.random(count), 0.0))
    line_weights = np.bincount(hs.line, weights=hs.table["trade_weight"].to_numpy(), minlength=len(LINES))
    line = pick(rng, line_weights, count)
    group = _groups(size, rng)
    return Traders(
        trader_id=[f"T{number:07d}" for number in rng.permutation(count) + 1],
        group=group,
        size=size,
        entry=entry,
        aeo=_authorised(size, group, entry, rng),
        orientation=pick(rng, ORIENTATION_SHARES, count),
        line=line,
        price_effect=rng.normal(0, 0.12, count),
        favourite_scheme=rng.integers(0, len(SCHEMES), count),
        hs=_usual_hs(hs, line, rng),
        sellers=_usual_sellers(sellers, line, rng),
        declarants=np.column_stack([pick(rng, declarants.weight, count) for _ in range(DECLARANT_SLOTS)]),
        offices=_usual_offices(count, rng),
    )


def _groups(size: Floats, rng: np.random.Generator) -> Ints:
    group = pick(rng, GROUP_SHARES, len(size))
    large = size > np.quantile(size, LARGE_QUANTILE)
    return np.where(large & (group >= 2), 1, group)


def _authorised(size: Floats, group: Ints, entry: Floats, rng: np.random.Generator) -> Bools:
    large = size > np.quantile(size, LARGE_QUANTILE)
    chosen: Bools = large & (group == 0) & (entry == 0) & (rng.random(len(size)) < AEO_SHARE_OF_LARGE)
    return chosen


def _usual_hs(hs: HsCodes, line: Ints, rng: np.random.Generator) -> Ints:
    weight = hs.table["trade_weight"].to_numpy()
    usual = np.empty((len(line), HS_SLOTS), dtype=np.int64)
    for number in range(len(LINES)):
        codes, members = np.flatnonzero(hs.line == number), np.flatnonzero(line == number)
        usual[members] = codes[pick(rng, weight[codes], members.size * HS_SLOTS)].reshape(-1, HS_SLOTS)
    # The last habit is of another line: few traders keep to their trade altogether.
    usual[:, -1] = pick(rng, weight, len(line))
    return usual


def _usual_sellers(sellers: Sellers, line: Ints, rng: np.random.Generator) -> Ints:
    first, end = sellers.first_of_line[line], sellers.first_of_line[line + 1]
    # The square makes some sellers popular and most of them small.
    position = rng.random((len(line), SELLER_SLOTS)) ** 2
    return first[:, None] + (position * (end - first)[:, None]).astype(np.int64)


def _usual_offices(count: int, rng: np.random.Generator) -> Ints:
    columns = []
    for kind in KINDS:
        positions, weights = offices_of_kind(kind)
        columns.append(positions[pick(rng, weights, count)])
    return np.column_stack(columns)
