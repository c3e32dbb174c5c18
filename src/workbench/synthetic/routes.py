"""Countries that goods come from, the trade agreements that they can claim, and the way they travel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.synthetic.draws import Bools, Floats, Ints, stream

HOME = "VN"
MFN = "MFN"  # no preference claimed: the most-favoured-nation rate
EXEMPT = "EXEMPT"  # regime without duty


@dataclass(frozen=True)
class Country:
    """A partner: share of trade, price level against the world's, agreement in force, transhipment hub or not."""

    code: str
    trade_weight: float
    price_level: float
    agreement: str = MFN
    hub: bool = False


COUNTRIES = (
    Country("CN", 34.0, 0.82, "ACFTA", hub=True),
    Country("KR", 12.0, 1.05, "VKFTA"),
    Country("JP", 8.0, 1.3, "VJEPA"),
    Country("TW", 7.0, 0.98),
    Country("US", 5.0, 1.25),
    Country("TH", 5.0, 0.95, "ATIGA"),
    Country("MY", 3.4, 0.96, "ATIGA"),
    Country("ID", 3.2, 0.9, "ATIGA"),
    Country("SG", 2.6, 1.1, "ATIGA", hub=True),
    Country("HK", 1.6, 1.0, hub=True),
    Country("IN", 2.6, 0.85, "AIFTA"),
    Country("DE", 2.6, 1.45, "EVFTA"),
    Country("FR", 1.4, 1.5, "EVFTA"),
    Country("IT", 1.6, 1.45, "EVFTA"),
    Country("NL", 0.9, 1.3, "EVFTA", hub=True),
    Country("ES", 0.6, 1.25, "EVFTA"),
    Country("GB", 0.8, 1.35, "UKVFTA"),
    Country("AU", 1.8, 1.2, "CPTPP"),
    Country("NZ", 0.6, 1.25, "CPTPP"),
    Country("CA", 0.6, 1.2, "CPTPP"),
    Country("MX", 0.5, 1.0, "CPTPP"),
    Country("KH", 1.4, 0.8, "ATIGA"),
    Country("LA", 0.9, 0.8, "ATIGA"),
    Country("PH", 0.8, 0.9, "ATIGA"),
    Country("RU", 0.8, 0.95, "EAEU"),
    Country("BR", 1.2, 0.95),
    Country("AR", 0.7, 0.95),
    Country("TR", 0.6, 0.95),
    Country("AE", 0.7, 1.0, hub=True),
    Country("BD", 0.5, 0.75),
)

CODES = tuple(country.code for country in COUNTRIES)
ORIGIN_CODES = (*CODES, HOME)
"""Countries that a declaration can name; the last one, home, is the origin of exports."""
AGREEMENTS = (MFN, *sorted({country.agreement for country in COUNTRIES} - {MFN}))

# Share of consignments by seaport, airport, land border.
_NEIGHBOUR_MODES = {"CN": (0.46, 0.14, 0.40), "LA": (0.05, 0.05, 0.90), "KH": (0.10, 0.05, 0.85)}
_OVERSEAS_MODES = (0.72, 0.28, 0.0)


@dataclass(frozen=True)
class Routes:
    """How goods of each HS code reach the country.

    Parameters
    ----------
    origin_weights
        Weight of each country of origin (columns) for each HS code (rows).
    preference_rate
        Duty rate under the origin's agreement, by HS code and country; NaN where the agreement leaves the code out.
    agreement
        Position in :data:`AGREEMENTS` of each country's agreement; 0 without one.
    mode_weights
        Weights of seaport, airport and land border for each country of departure.
    hubs
        Which countries tranship goods of others.
    """

    origin_weights: Floats
    preference_rate: Floats
    agreement: Ints
    mode_weights: Floats
    hubs: Bools


def build_routes(duty_rates: Floats, seed: int) -> Routes:
    """Draw where each HS code comes from and which preferences it has.

    Parameters
    ----------
    duty_rates
        MFN duty rate of every HS code, as a share.
    seed
        Seed of the world.
    """
    rng = stream(seed, "routes")
    shape = (len(duty_rates), len(COUNTRIES))
    trade = np.array([country.trade_weight for country in COUNTRIES])
    agreement = np.array([AGREEMENTS.index(country.agreement) for country in COUNTRIES], dtype=np.int64)
    # An agreement covers the same codes at the same rate whichever of its members the goods come from.
    cut = rng.choice([0.0, 0.2, 0.5], p=[0.65, 0.2, 0.15], size=(len(duty_rates), len(AGREEMENTS)))
    covered = rng.random(cut.shape) < 0.72
    covered[:, 0] = False
    by_agreement = np.where(covered, cut * duty_rates[:, None], np.nan)
    modes = np.array([_NEIGHBOUR_MODES.get(code, _OVERSEAS_MODES) for code in CODES])
    return Routes(
        origin_weights=trade * np.exp(rng.normal(0, 0.9, shape)),
        preference_rate=by_agreement[:, agreement],
        agreement=agreement,
        mode_weights=modes,
        hubs=np.array([country.hub for country in COUNTRIES]),
    )
