"""Schemes: who cheats in which declaration, and by which scheme; :mod:`.methods` changes what is declared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.synthetic.config import SCHEMES, SchemeChange
from workbench.synthetic.consignments import DUTIABLE, EXPORT, Consignments
from workbench.synthetic.draws import Bools, Floats, Ints, pick_by_row
from workbench.synthetic.goods import Goods
from workbench.synthetic.hs_codes import HsCodes
from workbench.synthetic.methods import METHODS, Tools, false_origin_weights
from workbench.synthetic.rings import Rings
from workbench.synthetic.routes import Routes
from workbench.synthetic.traders import Traders

# How much a trader of each group leans to fraud, relative to the others; prevalence scales them together.
GROUP_LEANING = np.array([0.19, 0.58, 2.45, 7.2])
RING_LEANING = 80.0
# Weights in the order of SCHEMES, for traders without a habit; a favourite scheme weighs more.
SCHEME_WEIGHTS = np.array([0.36, 0.28, 0.19, 0.12, 0.12, 0.13, 0.05])
FAVOURITE_FACTOR = 5.0
# When each scheme comes up, as a share of the period: customs' old experience covers the earlier ones only.
SCHEME_BEGINS = np.array([0.0, 0.0, 0.25, 0.0, 0.5, 0.0, 0.0])
NEWCOMER_FACTOR, NEWCOMER_SPAN = 1.6, 0.1  # the span after entry is a share of the period
DUTY_SCHEMES = 3  # the first schemes of SCHEMES evade duty on what is shown; the others hide goods
MOST_FRAUD = 0.9
LEAST_PIECES = 4  # fewer are counted at a glance
FURTHER_ITEM_SHARE = 0.4  # items beyond the first that share in the scheme, where they can


@dataclass(frozen=True)
class Planted:
    """The outcome of planting, one element an item unless said otherwise.

    Parameters
    ----------
    declared
        The goods as declared.
    scheme
        Position in ``SCHEMES``; -1 for honest items.
    hidden_value_usd
        Value of goods that the declaration does not mention at all.
    by_declaration
        Scheme of each declaration; -1 for honest ones.
    """

    declared: Goods
    scheme: Ints
    hidden_value_usd: Floats
    by_declaration: Ints


def scheme_schedule(months: int, events: tuple[SchemeChange, ...]) -> Floats:
    """Return what multiplies each scheme's weight (columns) in each month (rows) of the period.

    >>> scheme_schedule(12, ())[0].tolist()
    [1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0]
    """
    schedule = (np.arange(months)[:, None] / months >= SCHEME_BEGINS).astype(np.float64)
    for event in events:
        schedule[event.month :, SCHEMES.index(event.scheme)] *= event.intensity
    return schedule


def eligible(consignments: Consignments, goods: Goods, hs: HsCodes, routes: Routes) -> Bools:
    """Return by which schemes (columns) each item (rows) could be misdeclared at all, and to some profit."""
    of = np.repeat(np.arange(len(consignments)), consignments.items)
    dutiable = DUTIABLE[consignments.regime[of]] & (goods.duty_rate > 0)
    inward = consignments.flow[of] != EXPORT
    counted = (hs.mass_kg_per_unit[goods.hs] != 1.0) & (goods.quantity >= LEAST_PIECES)
    full_rate = goods.duty_rate >= 0.5 * hs.duty_rate[goods.hs]
    to_partner = false_origin_weights(hs, routes).sum(axis=1)[goods.hs] > 0
    by_scheme = {
        "undervaluation": dutiable,
        "misclassification": dutiable & full_rate & (hs.neighbour[goods.hs] >= 0),
        "false_origin": dutiable & full_rate & to_partner,
        "short_quantity": inward & counted,
        "short_weight": inward,
        "undeclared_goods": inward,
        "prohibited_goods": np.ones(len(of), dtype=np.bool_),
    }
    return np.column_stack([by_scheme[name] for name in SCHEMES])


def scheme_weights(
    consignments: Consignments, open_to: Bools, duty_rate: Floats, traders: Traders, rings: Rings, schedule: Floats
) -> Floats:
    """Return how strongly each declaration (rows) invites each scheme (columns); the row's sum is its leaning.

    Parameters
    ----------
    open_to
        Eligible schemes of each declaration's first item.
    duty_rate
        MFN duty rate of each declaration's first item: what is at stake.
    schedule
        From :func:`scheme_schedule`.
    """
    trader, moment = consignments.trader, consignments.moment
    weights = np.tile(SCHEME_WEIGHTS, (len(consignments), 1))
    weights[:, :DUTY_SCHEMES] *= np.minimum(0.3 + 4.0 * duty_rate, 1.6)[:, None]
    weights[np.arange(len(trader)), traders.favourite_scheme[trader]] *= FAVOURITE_FACTOR
    newcomer = (traders.entry[trader] > 0) & (moment - traders.entry[trader] < NEWCOMER_SPAN)
    weights *= (GROUP_LEANING[traders.group[trader]] * np.where(newcomer, NEWCOMER_FACTOR, 1.0))[:, None]
    acting = np.flatnonzero(consignments.ring >= 0)
    weights[acting] = 0.0
    weights[acting, rings.scheme(consignments.ring[acting], moment[acting])] = RING_LEANING
    return weights * open_to * schedule[consignments.month]


def fraud_probability(leaning: Floats, scale: float) -> Floats:
    """Return each declaration's probability of fraud; even rings lodge some honest declarations as a cover."""
    probability: Floats = np.minimum(leaning * scale, MOST_FRAUD)
    return probability


def scale_for(leaning: Floats, violation_rate: float) -> float:
    """Return the scale at which the mean of :func:`fraud_probability` is `violation_rate`, by bisection.

    >>> round(scale_for(np.array([1.0, 3.0]), violation_rate=0.1), 6)
    0.05
    """
    low, high = 0.0, 1.0 / max(float(leaning[leaning > 0].min(initial=1.0)), 1e-9)
    for _ in range(60):
        middle = (low + high) / 2
        too_high = float(fraud_probability(leaning, middle).mean()) > violation_rate
        low, high = (low, middle) if too_high else (middle, high)
    return low


def plant(
    weights: Floats, scale: float, consignments: Consignments, goods: Goods, open_to: Bools, tools: Tools
) -> Planted:
    """Decide which declarations cheat and change what they declare.

    Parameters
    ----------
    weights
        From :func:`scheme_weights`.
    scale
        What turns a declaration's leaning into its probability of fraud.
    open_to
        From :func:`eligible`, by item.
    tools
        Reference tables and the block's random stream.
    """
    by_declaration, scheme = choose_schemes(weights, scale, consignments.items, open_to, tools.rng)
    declared, hidden = goods.copy(), np.zeros(len(scheme))
    for number, name in enumerate(SCHEMES):
        at = np.flatnonzero(scheme == number)
        hidden[at] = METHODS[name](declared, at, tools)
    return Planted(declared, scheme, hidden, by_declaration)


def choose_schemes(
    weights: Floats, scale: float, items: Ints, open_to: Bools, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Decide by which scheme each declaration, and each item, cheats; -1 for honest ones.

    The same numbers are drawn whatever the weights: what changes a weight changes no other declaration.

    Parameters
    ----------
    weights, scale
        As in :func:`plant`.
    items
        Items of each declaration.
    open_to
        As in :func:`plant`.
    rng
        Random stream.

    Returns
    -------
    tuple of numpy.ndarray
        Positions in ``SCHEMES`` by declaration and by item.
    """
    cheats = rng.random(len(items)) < fraud_probability(weights.sum(axis=1), scale)
    by_declaration = np.where(cheats, pick_by_row(rng, weights), -1)
    of = np.repeat(np.arange(len(items)), items)
    first = np.diff(of, prepend=-1) != 0
    candidate = by_declaration[of]
    joins = first | ((rng.random(len(of)) < FURTHER_ITEM_SHARE) & open_to[np.arange(len(of)), candidate])
    return by_declaration, np.where(joins, candidate, -1)
