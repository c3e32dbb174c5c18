"""Methods: what each scheme does to the declared goods. Each leaves weak traces, none of them sure.

A method changes `declared` in place at the rows `at` and returns the value in USD of goods that it hides there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workbench.synthetic.draws import Bools, Floats, Ints, pick_by_row
from workbench.synthetic.goods import Goods, claim_preference, packages_for
from workbench.synthetic.hs_codes import WORTHWHILE_DUTY_CUT, HsCodes
from workbench.synthetic.routes import COUNTRIES, Routes


@dataclass(frozen=True)
class Tools:
    """What methods need beside the goods: reference tables, where duty is paid (by item), a random stream."""

    hs: HsCodes
    routes: Routes
    dutiable: Bools
    rng: np.random.Generator


def false_origin_weights(hs: HsCodes, routes: Routes) -> Floats:
    """Return how attractive each country (columns) is as a false origin of each HS code (rows)."""
    trade = np.array([country.trade_weight for country in COUNTRIES])
    # China's share of real trade would hide a false claim best, but its goods are what needs another origin.
    trade[0] = 0.0
    gain = hs.duty_rate[:, None] - routes.preference_rate
    return np.where(np.nan_to_num(gain) >= WORTHWHILE_DUTY_CUT, trade, 0.0)


def undervalue(declared: Goods, at: Ints, tools: Tools) -> Floats:
    """State a third to most of the real price."""
    declared.value_usd[at] = _cents(declared.value_usd[at] * tools.rng.uniform(0.35, 0.85, len(at)))
    return np.zeros(len(at))


def misclassify(declared: Goods, at: Ints, tools: Tools) -> Floats:
    """Declare the neighbouring code with less duty; half of the descriptions follow, the others give it away."""
    rng, code = tools.rng, tools.hs.neighbour[declared.hs[at]]
    declared.hs[at] = code
    declared.words[at] = np.where(rng.random(len(at)) < 0.5, code, declared.words[at])
    units = np.round(declared.net_mass_kg[at] / tools.hs.mass_kg_per_unit[code] * np.exp(rng.normal(0, 0.2, len(at))))
    by_mass = tools.hs.mass_kg_per_unit[code] == 1.0
    declared.quantity[at] = np.where(by_mass, declared.net_mass_kg[at], np.maximum(units, 1.0))
    _claim(declared, at, rng.random(len(at)) < 0.3, tools)
    return np.zeros(len(at))


def falsify_origin(declared: Goods, at: Ints, tools: Tools) -> Floats:
    """Claim the preference of a country that the goods do not come from; route and price stay those of the true one."""
    rng = tools.rng
    weights = false_origin_weights(tools.hs, tools.routes)[declared.hs[at]]
    declared.origin[at] = pick_by_row(rng, weights)
    declared.origin_mark[at] = np.where(rng.random(len(at)) < 0.5, rng.integers(1, 3, len(at)), 0)
    _claim(declared, at, np.ones(len(at), dtype=np.bool_), tools)
    return np.zeros(len(at))


def shorten_quantity(declared: Goods, at: Ints, tools: Tools) -> Floats:
    """Count fewer pieces, and value them only; the masses of the transport document stay."""
    share = tools.rng.uniform(0.55, 0.92, len(at))
    declared.quantity[at] = np.maximum(np.round(declared.quantity[at] * share), 1.0)
    declared.value_usd[at] = _cents(declared.value_usd[at] * share)
    return np.zeros(len(at))


def shorten_weight(declared: Goods, at: Ints, tools: Tools) -> Floats:
    """State less net mass and the value of that mass; packages, and part of the gross mass, still tell."""
    share = tools.rng.uniform(0.5, 0.88, len(at))
    by_mass = tools.hs.mass_kg_per_unit[declared.hs[at]] == 1.0
    missing = declared.net_mass_kg[at] * (1 - share)
    declared.net_mass_kg[at] = np.round(declared.net_mass_kg[at] * share, 2)
    gross = np.round(declared.gross_mass_kg[at] - missing * tools.rng.uniform(0.5, 1.05, len(at)), 2)
    # Less gross than net mass would be refused at lodgement: nobody who cheats writes that.
    declared.gross_mass_kg[at] = np.maximum(gross, declared.net_mass_kg[at])
    declared.quantity[at] = np.where(by_mass, declared.net_mass_kg[at], declared.quantity[at])
    declared.value_usd[at] = _cents(declared.value_usd[at] * share)
    return np.zeros(len(at))


def leave_undeclared(declared: Goods, at: Ints, tools: Tools) -> Floats:
    """Carry more than the declaration says: gross mass and packages are too many, words say little."""
    rng = tools.rng
    extra = declared.net_mass_kg[at] * rng.uniform(0.05, 0.4, len(at))
    shown = np.where(rng.random(len(at)) < 0.5, extra, 0.0)
    declared.gross_mass_kg[at] = np.round(declared.gross_mass_kg[at] + shown, 2)
    declared.packages[at] += packages_for(extra, rng)
    _blur(declared, at, 0.3, rng)
    return declared.value_usd[at] / declared.net_mass_kg[at] * extra * rng.uniform(0.5, 2.0, len(at))


def conceal_prohibited(declared: Goods, at: Ints, tools: Tools) -> Floats:
    """Hide prohibited goods among cheap ones: few packages, a low price, words that say little."""
    rng = tools.rng
    declared.value_usd[at] = _cents(declared.value_usd[at] * rng.uniform(0.4, 1.0, len(at)))
    declared.gross_mass_kg[at] = np.round(declared.gross_mass_kg[at] * rng.uniform(1.0, 1.25, len(at)), 2)
    _blur(declared, at, 0.4, rng)
    return np.zeros(len(at))


def _claim(declared: Goods, at: Ints, claims: Bools, tools: Tools) -> None:
    agreement, rate = claim_preference(
        declared.hs[at], declared.origin[at], tools.dutiable[at], claims, tools.hs, tools.routes
    )
    declared.preference[at], declared.duty_rate[at] = agreement, rate


def _blur(declared: Goods, at: Ints, share: float, rng: np.random.Generator) -> None:
    declared.words[at] = np.where(rng.random(len(at)) < share, -1, declared.words[at])


def _cents(value_usd: Floats) -> Floats:
    return np.maximum(np.round(value_usd, 2), 1.0)


METHODS: dict[str, Callable[[Goods, Ints, Tools], Floats]] = {
    "undervaluation": undervalue,
    "misclassification": misclassify,
    "false_origin": falsify_origin,
    "short_quantity": shorten_quantity,
    "short_weight": shorten_weight,
    "undeclared_goods": leave_undeclared,
    "prohibited_goods": conceal_prohibited,
}
"""The method of each scheme."""
