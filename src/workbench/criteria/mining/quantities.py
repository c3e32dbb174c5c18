"""What conditions may be about: numbers, ratios to what is usual, codes; all of them known at lodgement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import polars as pl

from workbench.criteria.mining.rounding import Scale
from workbench.scorer.schema import SCHEMA, known_at_lodgement

MOST_COUNTED = 100.0
"""Counts grow with the length of the history: beyond this a threshold would mean something else every month."""

_SEEN = "_declarations"
_COUNTS = (_SEEN, "_count")
_HIT_RATE = "_hit_rate"
_SHARES = ("_rate", "_share")
_MEDIAN = "_median_"
# What an officer looks at beside the declared numbers: packing against goods, and how much a package holds.
_RATIOS = (
    ("gross_mass_kg", "net_mass_kg"),
    ("net_mass_kg", "package_count"),
    ("customs_value_usd", "package_count"),
)
_TEXT_BY_STRANGERS = "goods_description"
_LONG_CODES = ("hs_code",)  # its first digits are columns of their own, and longer ones mean something national


@dataclass(frozen=True)
class Quantity:
    """A number of a declaration that a condition may compare with a threshold.

    Parameters
    ----------
    text
        In the criteria language.
    words
        For people, with its unit.
    slug
        For the names of parameters.
    scale
        How thresholds are rounded.
    direction
        1 where only more of it is suspicious (past hit rates), -1 where only less is (past declarations), else 0.
    value
        What the text means, in Polars; null where it is not known or not finite.
    """

    text: str
    words: str
    slug: str
    scale: Scale
    direction: int
    value: pl.Expr = field(compare=False)


def quantities(columns: Mapping[str, pl.DataType]) -> list[Quantity]:
    """Return the numbers that criteria over `columns` may compare, in a stable order.

    Examples
    --------
    >>> found = quantities({"net_mass_kg": pl.Float64(), "gross_mass_kg": pl.Float64(), "hs6": pl.String()})
    >>> [quantity.text for quantity in found]
    ['net_mass_kg', 'gross_mass_kg', 'gross_mass_kg / net_mass_kg']
    """
    return [*_plain(columns), *_to_usual(columns), *_ratios(columns), *_calendar(columns)]


def code_columns(columns: Mapping[str, pl.DataType]) -> list[str]:
    """Return the columns whose values are codes: places, parties, goods, regimes."""
    texts = [name for name, dtype in columns.items() if dtype == pl.String()]
    return [name for name in texts if name != _TEXT_BY_STRANGERS and name not in _LONG_CODES]


def comparable_codes(codes: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs of columns that hold codes of one list, and so may differ: countries.

    >>> comparable_codes(["hs2", "origin_country_code", "departure_country_code"])
    [('origin_country_code', 'departure_country_code')]
    """
    countries = [name for name in codes if name.endswith("_country_code")]
    return list(combinations(countries, 2))


def _plain(columns: Mapping[str, pl.DataType]) -> Iterator[Quantity]:
    at_lodgement = set(known_at_lodgement())
    for name, dtype in columns.items():
        # Of profiles, hit rates and past declarations speak for themselves, medians only in a ratio. How often a group
        # was controlled says what customs did, not what the group does.
        if dtype.is_numeric() and (name in at_lodgement or name.endswith((_SEEN, _HIT_RATE))):
            yield Quantity(
                name, _words(name), name, _scale(name), _direction(name), _finite(pl.col(name).cast(pl.Float64))
            )


def _to_usual(columns: Mapping[str, pl.DataType]) -> Iterator[Quantity]:
    for name in columns:
        group, median, measure = name.partition(_MEDIAN)
        if median and measure in columns:
            words = f"{_words(measure)} against the median of its {group.replace('_', ' ')}"
            slug = f"{group}_{measure}_ratio"
            yield Quantity(f"{measure} / {name}", words, slug, Scale.SHARE, 0, _quotient(measure, name))


def _ratios(columns: Mapping[str, pl.DataType]) -> Iterator[Quantity]:
    for above, below in _RATIOS:
        if above in columns and below in columns:
            same = SCHEMA[above].unit == SCHEMA[below].unit
            scale = Scale.SHARE if same else Scale.AMOUNT
            words = f"{_words(above)} per {_words(below)}"
            slug = f"{above}_per_{below}"
            yield Quantity(f"{above} / {below}", words, slug, scale, 0, _quotient(above, below))


def _calendar(columns: Mapping[str, pl.DataType]) -> Iterator[Quantity]:
    if "lodged_at" in columns:
        hour = pl.col("lodged_at").dt.hour().cast(pl.Float64)
        yield Quantity("EXTRACT(HOUR FROM lodged_at)", "hour of lodgement", "lodged_hour", Scale.COUNT, 0, hour)


def _quotient(above: str, below: str) -> pl.Expr:
    # By an infinite divisor the quotient would be 0, a number; the language has no infinity.
    return _finite(_finite(pl.col(above).cast(pl.Float64)) / _finite(pl.col(below).cast(pl.Float64)))


def _finite(value: pl.Expr) -> pl.Expr:
    return pl.when(value.is_finite()).then(value)


def _scale(name: str) -> Scale:
    if name.endswith(_SHARES):
        return Scale.SHARE
    return Scale.COUNT if name.endswith(_COUNTS) else Scale.AMOUNT


def _direction(name: str) -> int:
    # Else a rule could rest on goods being safer the more was found of them, which is chance.
    return 1 if name.endswith(_HIT_RATE) else -1 if name.endswith(_SEEN) else 0


def _words(name: str) -> str:
    for profile, words in {_HIT_RATE: "past hit rate of its", _SEEN: "past declarations of its"}.items():
        if name.endswith(profile):
            return f"{words} {name.removesuffix(profile).replace('_', ' ')}"
    with_units = name.replace("_usd_per_kg", " in USD/kg").replace("_usd", " in USD").replace("_kg", " in kg")
    return with_units.replace("_", " ")
