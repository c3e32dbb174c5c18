"""Features that need no learning beyond a vocabulary: codes, numbers and the calendar. All are known at lodgement."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.scorer.risk.featureset import CALENDAR, Recipe
from workbench.scorer.risk.lookups import stem

_RATIOS = ("_rate", "_share")


def codes(columns: Iterable[str]) -> list[Recipe]:
    """Return the vocabulary code of each column: order is the value's own, so near HS codes lie near one another."""
    return [Recipe(f"{stem([name])}_code", "code", column=name) for name in columns]


def numbers(columns: Iterable[str]) -> list[Recipe]:
    """Return rates and shares as they are, quantities as log(1 + x): their spread is over many powers of ten."""
    return [
        Recipe(name, "number", column=name)
        if name.endswith(_RATIOS)
        else Recipe(f"log_{name}", "logarithm", column=name)
        for name in columns
    ]


def calendar() -> list[Recipe]:
    """Return the parts of the moment of lodgement."""
    return [Recipe(name, "calendar", column=name) for name in CALENDAR]
