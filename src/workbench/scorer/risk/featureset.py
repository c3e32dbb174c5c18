"""The features of a declaration item, from its own columns and the lookup tables; one path to train and to score.

A *recipe* names a feature and says how its value comes about. Training evaluates the recipes with out-of-fold
values of the lookups, scoring with the fitted lookups; nothing else differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import BundleError, SchemaError
from ..schema import derive
from .lookups import Codes, KeySpace, Lookup, Values, profile_name

Kind = Literal["lookup", "deviation", "robust_deviation", "code", "number", "logarithm", "calendar"]
Matrix = npt.NDArray[np.float32]
Take = Callable[[str, str], Values]
"""Gives the values of one lookup (by lookup and value name), a float a row."""

# XGBoost refuses what float32 holds as infinity.
_LARGEST = float(np.finfo(np.float32).max)
# Half the interquartile range of a normal's standard deviation units; below it a group's spread says nothing.
_LEAST_LOG_SPREAD = 0.05


@dataclass(frozen=True)
class Recipe:
    """How one feature is computed.

    Parameters
    ----------
    name
        The feature's name; it carries the unit or ends in ``_rate``, ``_share``, ``_code``.
    kind
        ``lookup``: a value of the table `lookup`. ``deviation``: log of `column` over the group's median.
        ``robust_deviation``: the same in units of the group's log interquartile range. ``code``: the vocabulary's
        code of `column`. ``number``, ``logarithm``: `column` itself, or log(1 + column). ``calendar``: a part of
        the moment of lodgement.
    column
        The canonical or derived column read, where one is.
    lookup, value
        Name of the lookup and of its value, where one is read.
    """

    name: str
    kind: Kind
    column: str = ""
    lookup: str = ""
    value: str = ""


CALENDAR: dict[str, pl.Expr] = {
    "lodged_month": pl.col("lodged_at").dt.month(),
    "lodged_day_of_month": pl.col("lodged_at").dt.day(),
    "lodged_weekday": pl.col("lodged_at").dt.weekday(),
    "lodged_hour": pl.col("lodged_at").dt.hour(),
}
"""Parts of the moment of lodgement that a recipe of kind ``calendar`` may name."""


@dataclass(frozen=True)
class FeatureInput:
    """What recipes read of one table: its numeric columns, its codes, and a way to the lookups' values."""

    frame: pl.DataFrame
    codes: Mapping[str, Codes]
    take: Take
    # Several features read the same ratio; each is computed once.
    _logarithms: dict[tuple[str, str, str], Values] = field(default_factory=dict, init=False, repr=False)

    def number(self, column: str) -> Values:
        """Return `column` as floats; NaN where it is null, or more than float32 holds, as a quotient may be."""
        values = self.frame[column].cast(pl.Float64).fill_null(np.nan).to_numpy()
        return np.where(np.abs(values) < _LARGEST, values, np.nan)

    def logarithm_of_ratio(self, recipe: Recipe) -> Values:
        """Return log(column / group's median); NaN where either is missing or not positive."""
        read = recipe.column, recipe.lookup, recipe.value
        if read not in self._logarithms:
            ratio = self.number(recipe.column) / self.take(recipe.lookup, recipe.value)
            self._logarithms[read] = _log(np.where(np.isfinite(ratio) & (ratio > 0), ratio, np.nan))
        return self._logarithms[read]


def _log(values: Values) -> Values:
    # Polars computes each logarithm on its own; numpy's depends on where in the array a value stands.
    return pl.Series(values).log().to_numpy()


def _lookup(given: FeatureInput, recipe: Recipe) -> Values:
    return given.take(recipe.lookup, recipe.value)


def _deviation(given: FeatureInput, recipe: Recipe) -> Values:
    return given.logarithm_of_ratio(recipe)


def _robust_deviation(given: FeatureInput, recipe: Recipe) -> Values:
    quantity = recipe.value.removeprefix("median_")
    upper, lower = given.take(recipe.lookup, f"p75_{quantity}"), given.take(recipe.lookup, f"p25_{quantity}")
    spread = _log(np.where((lower > 0) & (upper > 0), upper / np.where(lower > 0, lower, 1.0), np.nan))
    return given.logarithm_of_ratio(recipe) / np.maximum(spread, _LEAST_LOG_SPREAD)


def _code(given: FeatureInput, recipe: Recipe) -> Values:
    return given.codes[recipe.column].astype(np.float64)


def _number(given: FeatureInput, recipe: Recipe) -> Values:
    return given.number(recipe.column)


def _logarithm(given: FeatureInput, recipe: Recipe) -> Values:
    return _log(given.number(recipe.column) + 1.0)


def _calendar(given: FeatureInput, recipe: Recipe) -> Values:
    return given.frame.select(CALENDAR[recipe.column].cast(pl.Float64)).to_series().fill_null(np.nan).to_numpy()


_COMPUTE: dict[Kind, Callable[[FeatureInput, Recipe], Values]] = {
    "lookup": _lookup,
    "deviation": _deviation,
    "robust_deviation": _robust_deviation,
    "code": _code,
    "number": _number,
    "logarithm": _logarithm,
    "calendar": _calendar,
}


def compute(recipes: Sequence[Recipe], given: FeatureInput) -> Matrix:
    """Evaluate `recipes`, one column each.

    Returns
    -------
    Matrix
        float32, shape (rows, recipes), column-major; NaN where a value is missing.
    """
    matrix = np.empty((given.frame.height, len(recipes)), dtype=np.float32, order="F")
    for place, recipe in enumerate(recipes):
        matrix[:, place] = _COMPUTE[recipe.kind](given, recipe)
    return matrix


@dataclass(frozen=True)
class FeatureSet:
    """Fitted features: vocabularies, lookups and recipes. Build it with `workbench.features.fit_features`."""

    space: KeySpace
    lookups: Mapping[str, Lookup]
    recipes: tuple[Recipe, ...]

    @property
    def names(self) -> list[str]:
        """Names of the matrix's columns, in order."""
        return [recipe.name for recipe in self.recipes]

    @cached_property
    def profile_types(self) -> dict[str, pl.DataType]:
        """Type of every profile column that criteria may read, by name such as ``importer_hit_rate``."""
        return {name: pl.Float64() for name in self._profile_places}

    @cached_property
    def _profile_places(self) -> dict[str, tuple[str, str]]:
        return {
            profile_name(lookup.columns, value): (lookup.name, value)
            for lookup in self.lookups.values()
            for value in lookup.defaults
        }

    def read(self, frame: pl.DataFrame) -> FeatureInput:
        """Prepare a canonical table for :meth:`matrix` and :meth:`profiles`; each lookup is searched at most once."""
        needed = {*self.space.vocabularies, *(recipe.column for recipe in self.recipes if recipe.kind != "calendar")}
        derived = frame if "hs6" in frame.columns else derive(frame)
        if missing := sorted(needed - {"", *derived.columns}):
            raise SchemaError.missing_columns(missing, derived.columns, "The model")
        codes = self.space.codes(derived)
        rows: dict[str, Codes] = {}

        def take(name: str, value: str) -> Values:
            lookup = self.lookups[name]
            if name not in rows:
                rows[name] = lookup.rows(self.space.keys(codes, lookup.columns))
            return lookup.take(rows[name], value)

        return FeatureInput(derived, codes, take)

    def matrix(self, given: FeatureInput) -> Matrix:
        """Return the model's input: float32, shape (rows, features); an unseen group has the prior."""
        return compute(self.recipes, given)

    def profiles(self, given: FeatureInput, columns: Iterable[str]) -> pl.DataFrame:
        """Return the profile columns named, as Float64 with null where a value is not known."""
        places = {name: self._profile_places[name] for name in columns}
        table = {name: given.take(lookup, value) for name, (lookup, value) in places.items()}
        return pl.DataFrame(table, nan_to_null=True, schema=dict.fromkeys(places, pl.Float64))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON half of the feature set; :meth:`to_tables` returns the other half."""
        return {
            "vocabularies": list(self.space.vocabularies),
            "lookups": [lookup.to_dict() for lookup in self.lookups.values()],
            "recipes": [asdict(recipe) for recipe in self.recipes],
        }

    def to_tables(self) -> dict[str, pl.DataFrame]:
        """Return every vocabulary and lookup table by a name that is a safe file name."""
        vocabularies = {f"vocabulary.{name}": table for name, table in self.space.to_tables().items()}
        return vocabularies | {f"lookup.{name}": lookup.table for name, lookup in self.lookups.items()}

    @classmethod
    def from_parts(cls, data: Mapping[str, Any], tables: Mapping[str, pl.DataFrame]) -> FeatureSet:
        """Rebuild a feature set from what :meth:`to_dict` and :meth:`to_tables` gave."""
        try:
            space = KeySpace.from_tables({name: tables[f"vocabulary.{name}"] for name in data["vocabularies"]})
            lookups = {entry["name"]: _lookup_from(entry, tables) for entry in data["lookups"]}
            recipes = tuple(Recipe(**entry) for entry in data["recipes"])
        except (KeyError, TypeError) as error:
            raise BundleError(f"The feature description lacks or misnames {error}. Export the bundle again.") from None
        return cls(space, lookups, recipes)


def _lookup_from(entry: Mapping[str, Any], tables: Mapping[str, pl.DataFrame]) -> Lookup:
    defaults = {name: np.nan if value is None else float(value) for name, value in entry["defaults"].items()}
    return Lookup(entry["name"], tuple(entry["columns"]), tables[f"lookup.{entry['name']}"], defaults)
