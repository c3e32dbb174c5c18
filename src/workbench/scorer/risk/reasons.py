"""Reasons: contributions of features, put as sentences that an officer understands.

A sentence states the declaration's own value and what is usual for its group; it never names another trader.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .featureset import FeatureInput, FeatureSet, Matrix, Recipe
from .lookups import Values
from .riskmodel import RiskModel

SENTENCES = 3
"""Sentences that a decision carries: more are not read at the counter."""

NOTHING_ALONE = "No single value stands out; together they resemble past violations."
"""What is said of a row whose score no sentence explains."""

_FEW_DECLARATIONS = 10
_NOTABLE_LIFT = 1.5
"""A group whose smoothed rate is not this many times the usual one is no reason by itself."""


_PHRASES: dict[str, str] = {
    "hs6": "HS {}",
    "hs4": "HS heading {}",
    "hs2": "HS chapter {}",
    "hs_code": "HS {}",
    "origin_country_code": "from {}",
    "departure_country_code": "shipped from {}",
    "importer_id": "importer {}",
    "declarant_id": "declarant {}",
    "seller_id": "seller {}",
    "carrier_id": "carrier {}",
    "office_id": "at office {}",
    "duty_rate": "at duty rate {}",
    "preference_code": "under preference {}",
    "regime_code": "under regime {}",
}


_NOUNS = ("hs6", "hs4", "hs2", "hs_code", "importer_id", "declarant_id", "seller_id", "carrier_id")
"""Columns whose phrase names something by itself; other groups are called goods of some kind."""


@dataclass(frozen=True)
class Subject:
    """What several features speak of together: one lookup's group, or one column."""

    name: str
    recipes: tuple[int, ...]


def subjects(features: FeatureSet) -> list[Subject]:
    """Group the features that read the same lookup or the same column, in the matrix's order.

    Their contributions are added up: a rate and the count behind it are one reason, not two.
    """
    places: dict[str, list[int]] = {}
    for place, recipe in enumerate(features.recipes):
        places.setdefault(recipe.lookup or recipe.column, []).append(place)
    return [Subject(name, tuple(members)) for name, members in places.items()]


def by_subject(features: FeatureSet, contributions: Values) -> Values:
    """Add up the contributions of each subject's features.

    Parameters
    ----------
    contributions
        Shape (rows, features + 1), the last column being the base, as `RiskModel.contributions` gives them.

    Returns
    -------
    Values
        Shape (rows, subjects), in log odds: with the base they still add up to the margin.
    """
    return np.column_stack([contributions[:, list(subject.recipes)].sum(axis=1) for subject in subjects(features)])


def sentences(model: RiskModel, given: FeatureInput, matrix: Matrix, *, approximate: bool = False) -> list[str]:
    """Return for each row up to `SENTENCES` sentences on what raised its score most, joined by a space.

    Parameters
    ----------
    model
        The model that scored the rows.
    given, matrix
        The rows as the model read them.
    approximate
        Use Saabas' attribution instead of TreeSHAP (see `RiskModel.contributions`).
    """
    if not len(matrix):
        return []
    totals = by_subject(model.features, model.contributions(matrix, approximate=approximate))
    order = np.argsort(-totals, axis=1, kind="stable")
    teller = Teller(model.features, given)
    named = subjects(model.features)
    return [
        " ".join(_first(teller.tell(row, named[place]) for place in places if totals[row, place] > 0)) or NOTHING_ALONE
        for row, places in enumerate(order)
    ]


def _first(told: Iterable[Told]) -> list[str]:
    """Return the first sentences that say something, each fact once: many crosses speak of the same past controls."""
    by_fact: dict[object, str] = {}
    for fact, sentence in told:
        if sentence and fact not in by_fact:
            by_fact[fact] = sentence
            if len(by_fact) == SENTENCES:
                break
    return list(by_fact.values())


class Told(NamedTuple):
    """A sentence, empty where there is nothing to say, and the fact that it states, however it is worded."""

    fact: object
    sentence: str


class Teller:
    """Puts one row's value of one subject into a sentence."""

    def __init__(self, features: FeatureSet, given: FeatureInput) -> None:
        self._features = features
        self._given = given
        self._columns: dict[str, list[object]] = {}
        self._values: dict[tuple[str, str], Values] = {}

    def tell(self, row: int, subject: Subject) -> Told:
        """Return the sentence on `subject` for one row; empty where its value by itself is no ground for suspicion.

        A contribution belongs to a feature in the company of the others, so a group with fewer violations than usual
        may still have raised a score. An officer would take such a sentence for a mistake, and rightly.
        """
        recipe = self._features.recipes[subject.recipes[0]]
        if recipe.kind == "lookup" and recipe.value == "declarations":
            return Told(subject.name, self._frequency(row, recipe))
        if recipe.kind == "lookup":
            return self._hit_rate(row, recipe)
        if recipe.kind in ("deviation", "robust_deviation"):
            return Told(recipe.column, self._deviation(row, recipe))
        return Told(subject.name, self._plain(row, recipe))

    def _hit_rate(self, row: int, recipe: Recipe) -> Told:
        controls, violations = (round(self._value(row, recipe, name)) for name in ("controls", "violations"))
        usual = self._features.lookups[recipe.lookup].defaults["hit_rate"]
        if self._value(row, recipe, "hit_rate") <= _NOTABLE_LIFT * usual:
            return Told(recipe.lookup, "")
        counted = f"{violations:,} of {_count(controls, 'past control')} of {self._group(row, recipe)}"
        return Told((controls, violations), f"{counted} found a violation; usual is {_share(usual)}.")

    def _frequency(self, row: int, recipe: Recipe) -> str:
        seen, group = self._value(row, recipe, "declarations"), self._group(row, recipe)
        if seen < 1:
            return f"First declaration of {group}."
        return f"Only {_count(seen, 'past declaration')} of {group}." if seen <= _FEW_DECLARATIONS else ""

    def _deviation(self, row: int, recipe: Recipe) -> str:
        found = self._column(recipe.column)[row]
        measure, unit = _measure(recipe.column)
        if not isinstance(found, float):
            return f"{measure} cannot be computed: mass or quantity is zero or missing."
        quantity = recipe.value.removeprefix("median_")
        lower, upper = (self._value(row, recipe, f"{name}_{quantity}") for name in ("p25", "p75"))
        # Within the middle half of its group, or of a group with too few past declarations, a value is no reason.
        for bound, side, outside in ((lower, "above", found < lower), (upper, "below", found > upper)):
            if outside:
                told = f"three quarters of {self._group(row, recipe)} are {side} {_number(bound)}"
                return f"{measure} {_number(found)} {unit}; {told}."
        return ""

    def _plain(self, row: int, recipe: Recipe) -> str:
        if recipe.kind == "calendar":
            return f"Lodged on {self._column('lodged_at')[row]:%A %d %B, %H:%M}."
        # A bare value, without what is usual, tells an officer nothing.
        return f"{_measure(recipe.column)[0]} is missing." if self._column(recipe.column)[row] is None else ""

    def _group(self, row: int, recipe: Recipe) -> str:
        columns = self._features.lookups[recipe.lookup].columns
        phrases = [self._phrase(name, row) for name in columns]
        if columns[0] not in _NOUNS:
            phrases[0] = f"goods {phrases[0]}"
        joined = phrases[0]
        for phrase in phrases[1:]:
            joined += f" {phrase}" if phrase.startswith("from ") else f", {phrase}"
        return joined

    def _phrase(self, name: str, row: int) -> str:
        value = self._column(name)[row]
        text = "(none)" if value is None else _tell_value(name, value)
        return _PHRASES.get(name, f"{_title(name).lower()} {{}}").format(text)

    def _column(self, name: str) -> list[object]:
        if name not in self._columns:
            self._columns[name] = self._given.frame[name].to_list()
        return self._columns[name]

    def _value(self, row: int, recipe: Recipe, value: str) -> float:
        if (recipe.lookup, value) not in self._values:
            self._values[recipe.lookup, value] = self._given.take(recipe.lookup, value)
        return float(self._values[recipe.lookup, value][row])


_MEASURES = {
    "unit_value_usd_per_kg": ("Unit value", "USD/kg"),
    "unit_value_usd_per_quantity": ("Unit value", "USD per unit"),
    "net_mass_kg_per_quantity": ("Net mass", "kg per unit"),
    "net_mass_kg": ("Net mass", "kg"),
    "customs_value_usd": ("Customs value", "USD"),
}


def _measure(column: str) -> tuple[str, str]:
    return _MEASURES.get(column, (_title(column), ""))


def _title(column: str) -> str:
    words = column.removesuffix("_usd").removesuffix("_kg").removesuffix("_id").removesuffix("_code").replace("_", " ")
    return words[:1].upper() + words[1:]


def _tell_value(column: str, value: object) -> str:
    if column.endswith(("_rate", "_share")):
        return _share(float(value))  # type: ignore[arg-type]
    if isinstance(value, float):
        unit = " kg" if column.endswith("_kg") else " USD" if column.endswith("_usd") else ""
        return f"{_number(value)}{unit}"
    # Strangers write these: a line break or a control character must not forge a second sentence.
    return "".join(letter if letter.isprintable() else " " for letter in str(value))[:40]


def _number(value: object) -> str:
    number = float(value)  # type: ignore[arg-type]
    if number >= 1000:
        return f"{number:,.0f}"
    return f"{number:.2f}" if number >= 0.01 else f"{number:.2g}"


def _share(value: float) -> str:
    return f"{100 * value:.3g} %"


def _count(value: float, noun: str) -> str:
    whole = max(round(value), 1)
    return f"{whole:,} {noun}{'' if whole == 1 else 's'}"
