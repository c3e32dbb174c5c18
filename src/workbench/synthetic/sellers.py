"""Foreign sellers (buyers, for exports): each in one country and mostly one line of business."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.synthetic.draws import Ints, pick, pick_grouped, stream
from workbench.synthetic.hs_codes import HsCodes
from workbench.synthetic.routes import Routes
from workbench.synthetic.tariff import LINES

SELLERS_PER_TRADER = 0.7


@dataclass(frozen=True)
class Sellers:
    """The sellers, sorted by line of business; arrays have one element a seller.

    Parameters
    ----------
    seller_id
        Codes in an order that tells nothing.
    line
        Position of the line of business; ascending.
    country
        Position of the country in :data:`~workbench.synthetic.routes.COUNTRIES`.
    first_of_line
        Where each line begins in these arrays, with the total at the end.
    """

    seller_id: list[str]
    line: Ints
    country: Ints
    first_of_line: Ints


def build_sellers(hs: HsCodes, routes: Routes, traders: int, seed: int) -> Sellers:
    """Draw the sellers for a world with so many `traders`; every line has at least two."""
    rng = stream(seed, "sellers")
    weights = np.bincount(hs.line, weights=hs.table["trade_weight"].to_numpy(), minlength=len(LINES))
    spare = max(0, round(traders * SELLERS_PER_TRADER) - 2 * len(LINES))
    line = np.sort(np.concatenate([np.repeat(np.arange(len(LINES)), 2), pick(rng, weights, spare)]))
    origin_by_line = np.vstack([routes.origin_weights[hs.line == number].mean(axis=0) for number in range(len(LINES))])
    return Sellers(
        seller_id=[f"S{number:07d}" for number in rng.permutation(len(line)) + 1],
        line=line,
        country=pick_grouped(rng, origin_by_line, line),
        first_of_line=np.searchsorted(line, np.arange(len(LINES) + 1)).astype(np.int64),
    )
