"""Goods: the items of each declaration as they really are."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from workbench.synthetic.consignments import DUTIABLE, EXPORT, HOME_POSITION, Consignments
from workbench.synthetic.draws import Bools, Floats, Ints, pick, pick_grouped
from workbench.synthetic.hs_codes import HsCodes
from workbench.synthetic.rings import GOODS_PER_RING, Rings
from workbench.synthetic.routes import AGREEMENTS, Routes
from workbench.synthetic.traders import HS_SLOT_WEIGHTS, HS_SLOTS, Traders

EXEMPT_POSITION = len(AGREEMENTS)
"""Position of "no duty in this regime" behind the agreements; 0 is the most-favoured-nation rate."""

OCCASIONAL_GOODS_SHARE = 0.07  # items outside the trader's habits
SELLERS_OWN_ORIGIN_SHARE = 0.84
PREFERENCE_CLAIM_SHARE = 0.66  # of those that could claim one
BARGAIN_SHARE = 0.05  # honest prices far below the usual: clearance, second choice, related parties
QUANTITY_SLIP_SHARE = 0.004
KG_PER_CONTAINER = 17_000.0
VAGUE_SHARE = 0.05
ORDINARY_USD_PER_KG = 15.0
# Median mass of a consignment's item by office kind (seaport, airport, land border), in kg.
TYPICAL_MASS_KG = np.array([4_200.0, 85.0, 1_900.0])


@dataclass
class Goods:
    """Items of a block of declarations; arrays have one element an item.

    The same class holds what the goods are and what was declared: schemes copy the first and change the copy.

    Parameters
    ----------
    hs, origin
        Positions of the HS code and of the country of origin (home last).
    words
        Position of the HS code whose words describe the goods; -1 for a description that says nothing.
    preference
        Position in ``AGREEMENTS``; 0 without preference, one past the last for a regime without duty.
    duty_rate
        Ad valorem rate that applies, as a share.
    net_mass_kg, gross_mass_kg, quantity, value_usd
        Masses, quantity in the supplementary unit, customs value.
    packages, containers
        Whole numbers.
    origin_mark
        0 on the goods, 1 on the packing, 2 none, 3 not needed.
    """

    hs: Ints
    origin: Ints
    words: Ints
    preference: Ints
    duty_rate: Floats
    net_mass_kg: Floats
    gross_mass_kg: Floats
    quantity: Floats
    value_usd: Floats
    packages: Ints
    containers: Ints
    origin_mark: Ints

    def copy(self) -> Goods:
        """Return goods whose arrays can be changed without changing these."""
        return Goods(**{field.name: getattr(self, field.name).copy() for field in fields(self)})


def draw_goods(
    consignments: Consignments, traders: Traders, rings: Rings, hs: HsCodes, routes: Routes, rng: np.random.Generator
) -> Goods:
    """Draw the items of every consignment; ``np.repeat(declaration, consignments.items)`` is their order."""
    of = np.repeat(np.arange(len(consignments)), consignments.items)
    code = _codes(consignments, of, traders, rings, hs, rng)
    origin = _origins(consignments, of, code, routes, rng)
    preference, duty_rate = claim_preference(
        code, origin, DUTIABLE[consignments.regime[of]], rng.random(len(of)) < PREFERENCE_CLAIM_SHARE, hs, routes
    )
    net, gross, quantity = _masses(consignments.office_kind[of], code, hs, rng)
    usual_price = hs.log_price[code, origin] + traders.price_effect[consignments.trader[of]]
    price = np.exp(usual_price + rng.normal(0, 1, len(of)) * hs.price_spread[code]) * _bargains(len(of), rng)
    by_sea = consignments.office_kind[of] != 1
    return Goods(
        hs=code,
        origin=origin,
        words=np.where(rng.random(len(of)) < VAGUE_SHARE, -1, code),
        preference=preference,
        duty_rate=duty_rate,
        net_mass_kg=net,
        gross_mass_kg=gross,
        quantity=quantity,
        value_usd=np.maximum(np.round(price * net, 2), 1.0),
        packages=packages_for(gross, rng),
        containers=np.where(by_sea & (gross > 900), np.ceil(gross / KG_PER_CONTAINER), 0).astype(np.int64),
        origin_mark=pick(rng, (0.55, 0.3, 0.09, 0.06), len(of)),
    )


def claim_preference(
    code: Ints, origin: Ints, dutiable: Bools, claims: Bools, hs: HsCodes, routes: Routes
) -> tuple[Ints, Floats]:
    """Return agreement and duty rate of each item: preference where claimed and open, nothing where not dutiable."""
    partner = np.where(origin == HOME_POSITION, 0, origin)
    rate = routes.preference_rate[code, partner]
    claimed = claims & dutiable & (origin != HOME_POSITION) & ~np.isnan(rate) & (hs.duty_rate[code] > 0)
    agreement = np.where(claimed, routes.agreement[partner], 0)
    duty_rate = np.where(claimed, np.nan_to_num(rate), hs.duty_rate[code])
    return np.where(dutiable, agreement, EXEMPT_POSITION), np.where(dutiable, duty_rate, 0.0)


def packages_for(gross_mass_kg: Floats, rng: np.random.Generator) -> Ints:
    """Draw how many packages a gross mass takes."""
    kg_per_package = 24 * np.exp(rng.normal(0, 0.5, len(gross_mass_kg)))
    packages: Ints = np.maximum(np.ceil(gross_mass_kg / kg_per_package), 1).astype(np.int64)
    return packages


def _codes(
    consignments: Consignments, of: Ints, traders: Traders, rings: Rings, hs: HsCodes, rng: np.random.Generator
) -> Ints:
    trader, ring = consignments.trader[of], consignments.ring[of]
    # Most goods lines of one declaration are variants of the same goods.
    first = pick(rng, HS_SLOT_WEIGHTS, len(consignments))[of]
    slot = np.where(rng.random(len(of)) < 0.6, first, rng.integers(0, HS_SLOTS, len(of)))
    usual = traders.hs[trader, slot]
    occasional = pick(rng, hs.table["trade_weight"].to_numpy(), len(of))
    code = np.where(rng.random(len(of)) < OCCASIONAL_GOODS_SHARE, occasional, usual)
    phase = (consignments.moment[of] >= rings.changes[ring]).astype(np.int64)
    return np.where(ring >= 0, rings.hs[ring, phase, rng.integers(0, GOODS_PER_RING, len(of))], code)


def _origins(consignments: Consignments, of: Ints, code: Ints, routes: Routes, rng: np.random.Generator) -> Ints:
    own = rng.random(len(of)) < SELLERS_OWN_ORIGIN_SHARE
    origin = np.where(own, consignments.seller_country[of], pick_grouped(rng, routes.origin_weights, code))
    return np.where(consignments.flow[of] == EXPORT, HOME_POSITION, origin)


def _masses(kind: Ints, code: Ints, hs: HsCodes, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    per_unit = hs.mass_kg_per_unit[code]
    # Precious goods travel in small lots: a consignment's value varies less than its price per kilogram.
    lightness = np.minimum(1.0, (ORDINARY_USD_PER_KG / np.exp(hs.log_price[code, 0])) ** 0.75)
    drawn = TYPICAL_MASS_KG[kind] * lightness * np.exp(rng.normal(0, 1.35, len(code)))
    net = np.maximum(drawn, np.where(per_unit > 5, per_unit, 0.2))
    gross = net * (1 + hs.tare_share[code] * np.exp(rng.normal(0, 0.6, len(code))))
    by_mass = per_unit == 1.0
    units = np.maximum(np.round(net / per_unit * np.exp(rng.normal(0, 0.2, len(code)))), 1.0)
    slips = rng.random(len(code)) < QUANTITY_SLIP_SHARE
    units = np.where(slips, units * rng.choice([0.1, 10.0], len(code)), units)
    net = np.round(net, 2)
    return net, np.round(np.maximum(gross, net), 2), np.where(by_mass, net, np.maximum(np.round(units), 1.0))


def _bargains(count: int, rng: np.random.Generator) -> Floats:
    return np.where(rng.random(count) < BARGAIN_SHARE, rng.uniform(0.4, 0.9, count), 1.0)
