"""Rings: traders who act together for a while, through one seller and one declarant, and then do something else."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from workbench.synthetic.draws import Bools, Floats, Ints, pick, stream
from workbench.synthetic.hs_codes import HsCodes
from workbench.synthetic.routes import Routes
from workbench.synthetic.sellers import Sellers
from workbench.synthetic.traders import Traders

MEMBERS = (3, 8)
# Rings live on duty; the weights follow the order of SCHEMES.
FIRST_SCHEME_WEIGHTS = (0.36, 0.28, 0.0, 0.10, 0.0, 0.18, 0.08)
LATER_SCHEME_WEIGHTS = (0.16, 0.14, 0.34, 0.04, 0.18, 0.10, 0.04)
# Share of a member's declarations that go through the ring while it is active; the rest is its cover.
RING_TRADE_SHARE = 0.35
GOODS_PER_RING = 2


@dataclass(frozen=True)
class Rings:
    """The rings; arrays have one element (or row) a ring, times are shares of the period.

    Parameters
    ----------
    of_trader
        Ring of each trader, by trader; -1 for most.
    begins, changes, ends
        When the ring starts, turns to its second scheme and goods, and stops.
    first_scheme, later_scheme
        Positions in ``SCHEMES``.
    hs
        Goods before and after the change, as positions: ring x phase x goods.
    seller, declarant
        The partners that its members share.
    """

    of_trader: Ints
    begins: Floats
    changes: Floats
    ends: Floats
    first_scheme: Ints
    later_scheme: Ints
    hs: Ints
    seller: Ints
    declarant: Ints

    def active(self, ring: Ints, moment: Floats) -> Bools:
        """Say which elements belong to a ring (-1: none) that is active at their `moment`."""
        return (ring >= 0) & (moment >= self.begins[ring]) & (moment < self.ends[ring])

    def scheme(self, ring: Ints, moment: Floats) -> Ints:
        """Return the scheme that each ring runs at the moment."""
        return np.where(moment < self.changes[ring], self.first_scheme[ring], self.later_scheme[ring])


def build_rings(traders: Traders, hs: HsCodes, routes: Routes, sellers: Sellers, count: int, seed: int) -> Rings:
    """Draw `count` rings and recruit their members among small traders who are not compliant."""
    rng = stream(seed, "rings")
    begins = rng.uniform(-0.3, 0.85, count)
    ends = begins + rng.uniform(0.35, 0.75, count)
    return Rings(
        of_trader=_recruit(traders, begins, rng),
        begins=begins,
        changes=(begins + ends) / 2,
        ends=ends,
        first_scheme=pick(rng, FIRST_SCHEME_WEIGHTS, count),
        later_scheme=pick(rng, LATER_SCHEME_WEIGHTS, count),
        hs=pick(rng, stakes(hs, routes), count * 2 * GOODS_PER_RING).reshape(count, 2, GOODS_PER_RING),
        seller=rng.integers(0, len(sellers.line), count),
        declarant=traders.declarants[rng.integers(0, len(traders), count), 0],
    )


def steady(rings: Rings) -> Rings:
    """Return the rings as they are when nothing but their own losses moves them: always active, with one scheme."""
    ever = np.full(len(rings.begins), np.inf)
    return replace(rings, begins=-ever, changes=ever, ends=ever)


def moved(rings: Rings, moves: Ints, worth: Floats, partners: tuple[int, int], seed: int) -> Rings:
    """Return the rings after so many moves each: another scheme, other goods and other partners.

    Parameters
    ----------
    rings
        The rings as they began.
    moves
        How often each has moved, by ring.
    worth
        From :func:`stakes`, by HS code.
    partners
        Number of sellers and of declarants that there are.
    seed
        Of the world: what a ring turns to depends on it, the ring and the number of the move alone.
    """
    scheme, goods = rings.first_scheme.copy(), rings.hs.copy()
    seller, declarant = rings.seller.copy(), rings.declarant.copy()
    for ring in np.flatnonzero(moves):
        for move in range(moves[ring]):
            rng = stream(seed, f"ring {ring}", move)
            others = np.where(np.arange(len(LATER_SCHEME_WEIGHTS)) == scheme[ring], 0.0, LATER_SCHEME_WEIGHTS)
            scheme[ring] = pick(rng, others, 1)[0]
            goods[ring] = pick(rng, worth, goods[ring].size).reshape(goods[ring].shape)
            seller[ring], declarant[ring] = rng.integers(0, partners)
    return replace(rings, first_scheme=scheme, hs=goods, seller=seller, declarant=declarant)


def stakes(hs: HsCodes, routes: Routes) -> Floats:
    """Return what each HS code is worth to a ring: its trade times its duty, where the duty can be evaded."""
    worth = hs.table["trade_weight"].to_numpy() * np.where(hs.neighbour >= 0, hs.duty_rate, 0.0)
    served = np.nanmin(routes.preference_rate, axis=1, initial=1.0) < hs.duty_rate
    weighed: Floats = worth * np.where(served, 1.0, 0.1)
    return weighed


def _recruit(traders: Traders, begins: Floats, rng: np.random.Generator) -> Ints:
    of_trader = np.full(len(traders), -1, dtype=np.int64)
    willing = rng.permutation(np.flatnonzero((traders.group >= 2) & (traders.orientation != 2)))
    for ring in rng.permutation(len(begins)):
        free = willing[(of_trader[willing] < 0) & (traders.entry[willing] <= max(begins[ring], 0.0) + 0.1)]
        of_trader[free[: rng.integers(*MEMBERS, endpoint=True)]] = ring
    return of_trader
