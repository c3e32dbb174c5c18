"""Consignments: what all items of a declaration share, before anyone decides to cheat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.synthetic.calendar import LodgementPlan
from workbench.synthetic.declarants import carrier_of
from workbench.synthetic.draws import Bools, Floats, Ints, pick, pick_grouped
from workbench.synthetic.offices import KINDS, offices
from workbench.synthetic.regimes import REGIMES, regime_weights
from workbench.synthetic.rings import RING_TRADE_SHARE, Rings
from workbench.synthetic.routes import CODES, ORIGIN_CODES, Routes
from workbench.synthetic.sellers import Sellers
from workbench.synthetic.traders import DECLARANT_SLOT_WEIGHTS, SELLER_SLOT_WEIGHTS, Traders

DIRECT_SHARE = 0.86  # consignments that leave from the seller's own country
HOME_POSITION = len(ORIGIN_CODES) - 1
DUTIABLE = np.array([regime.dutiable for regime in REGIMES])
FLOW = np.array([("import", "export", "transit").index(regime.flow) for regime in REGIMES])
IMPORT, EXPORT, TRANSIT = 0, 1, 2


@dataclass(frozen=True)
class Consignments:
    """One block of declarations; arrays have one element a declaration, positions unless said otherwise.

    Parameters
    ----------
    moment
        Moment of lodgement as a share of the period, in [0, 1).
    lodged_at_us, month, items
        As in :class:`~workbench.synthetic.calendar.LodgementPlan`.
    trader, ring
        The trader, and the ring for which it acts here; -1 for its own business.
    regime, flow
        Regime, and 0 import, 1 export, 2 transit.
    seller, seller_country, departure
        The foreign party, its country, and the country of departure (home last).
    office, office_kind, declarant, carrier
        Where, by whom lodged, by whom carried.
    """

    moment: Floats
    lodged_at_us: Ints
    month: Ints
    items: Ints
    trader: Ints
    ring: Ints
    regime: Ints
    flow: Ints
    seller: Ints
    seller_country: Ints
    departure: Ints
    office: Ints
    office_kind: Ints
    declarant: Ints
    carrier: Ints

    def __len__(self) -> int:
        """Return the number of declarations."""
        return len(self.items)


class TraderDraw:
    """Draws who lodges at a moment, among the traders who have entered by then, in proportion to size."""

    def __init__(self, traders: Traders) -> None:
        self._cumulative = np.cumsum(traders.size)
        self._entry = traders.entry

    def __call__(self, moment: Floats, rng: np.random.Generator) -> Ints:
        """Return the position of one trader for each moment (share of the period)."""
        # Traders are sorted by entry: those present are a prefix, and one search serves all moments.
        present = np.maximum(np.searchsorted(self._entry, moment, side="right"), 1)
        threshold = rng.random(len(moment)) * self._cumulative[present - 1]
        drawn: Ints = np.searchsorted(self._cumulative, threshold, side="right")
        return drawn


def draw_consignments(
    plan: LodgementPlan,
    moment: Floats,
    traders: Traders,
    rings: Rings,
    sellers: Sellers,
    routes: Routes,
    draw_trader: TraderDraw,
    rng: np.random.Generator,
) -> Consignments:
    """Draw the shared part of every declaration of `plan`."""
    trader = draw_trader(moment, rng)
    ring = _acting_ring(rings, rings.of_trader[trader], moment, rng)
    acts = ring >= 0
    regime = np.where(acts, 0, pick_grouped(rng, regime_weights(), traders.orientation[trader]))
    flow = FLOW[regime]
    slot = pick(rng, SELLER_SLOT_WEIGHTS, len(trader))
    seller = np.where(acts, rings.seller[ring], traders.sellers[trader, slot])
    country = sellers.country[seller]
    departure = _departure(country, routes, rng)
    kind = pick_grouped(rng, routes.mode_weights, departure)
    office = _office(traders.offices[trader, kind], kind, departure)
    slot = pick(rng, DECLARANT_SLOT_WEIGHTS, len(trader))
    return Consignments(
        moment=moment,
        lodged_at_us=plan.lodged_at_us,
        month=plan.month,
        items=plan.items,
        trader=trader,
        ring=ring,
        regime=regime,
        flow=flow,
        seller=seller,
        seller_country=country,
        departure=np.where(flow == EXPORT, HOME_POSITION, departure),
        office=office,
        office_kind=kind,
        declarant=np.where(acts, rings.declarant[ring], traders.declarants[trader, slot]),
        carrier=carrier_of(kind, rng),
    )


def _acting_ring(rings: Rings, ring: Ints, moment: Floats, rng: np.random.Generator) -> Ints:
    acts: Bools = rings.active(ring, moment) & (rng.random(len(ring)) < RING_TRADE_SHARE)
    return np.where(acts, ring, -1)


def _departure(country: Ints, routes: Routes, rng: np.random.Generator) -> Ints:
    hubs = np.flatnonzero(routes.hubs)
    elsewhere = hubs[rng.integers(0, len(hubs), len(country))]
    return np.where(rng.random(len(country)) < DIRECT_SHARE, country, elsewhere)


def _office(usual: Ints, kind: Ints, departure: Ints) -> Ints:
    """Return the usual office, but for a land border the one usual for the neighbour that the goods come from."""
    table = offices().with_row_index("position")
    office = usual.copy()
    for code in ("CN", "KH", "LA"):
        at_border = table.filter(neighbour_country_code=code)["position"].to_numpy().astype(np.int64)
        here = np.flatnonzero((kind == KINDS.index("land_border")) & (departure == CODES.index(code)))
        # The usual office picks one of the neighbour's, always the same one for the same trader.
        office[here] = at_border[usual[here] % len(at_border)]
    return office
