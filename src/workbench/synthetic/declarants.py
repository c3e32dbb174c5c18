"""Declarants: brokers who lodge for many traders, and carriers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.synthetic.draws import Floats, Ints, stream

TRADERS_PER_DECLARANT = 18
CARRIERS = 48


@dataclass(frozen=True)
class Declarants:
    """The declarants and how much of the trade each one serves; arrays have one element a declarant."""

    declarant_id: list[str]
    weight: Floats


def build_declarants(traders: int, seed: int) -> Declarants:
    """Draw the declarants for a world with so many `traders`; a few large brokers serve much of the trade.

    >>> len(build_declarants(traders=180, seed=1).declarant_id)
    12
    """
    rng = stream(seed, "declarants")
    count = max(12, traders // TRADERS_PER_DECLARANT)
    codes = [f"D{number:05d}" for number in rng.permutation(count) + 1]
    return Declarants(declarant_id=codes, weight=rng.pareto(1.3, count) + 0.4)


def carrier_ids() -> list[str]:
    """Return the codes of the carriers: a third for each mode of transport, in the order of the office kinds.

    >>> carrier_ids()[0]
    'C001'
    """
    return [f"C{number:03d}" for number in range(1, CARRIERS + 1)]


def carrier_of(kind: Ints, rng: np.random.Generator) -> Ints:
    """Draw the position of a carrier for each office kind; the first carriers of a mode carry most."""
    fleet = CARRIERS // 3
    return kind * fleet + np.minimum(rng.geometric(0.18, len(kind)) - 1, fleet - 1)
