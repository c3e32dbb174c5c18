"""Checks of what a record is read from: lanes, probabilities and amounts, each refused by what was found."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from workbench.errors import SchemaError, did_you_mean
from workbench.evaluation.tables import refuse, require_columns, with_amounts, with_labels
from workbench.scorer.intake.checks import HIGHEST_RECOVERY_USD
from workbench.scorer.schema import KEY, Lane

PROBABILITIES = ("random_probability", "full_control_probability")
"""What a record of decisions needs beside its columns and ``violation``."""

MOST_USD = HIGHEST_RECOVERY_USD
"""Largest amount of one item that is believed, USD: above any trade of a year, and far below where sums overflow."""

AMOUNTS = ("recovered_duty_usd", "declared_duty_usd")
"""Columns of amounts that sums of duty are made of."""

_LANES = ("lane", "system_lane")
_SHOWN, _LETTERS = 3, 30


def checked(table: pl.DataFrame, columns: Iterable[str], where: str) -> pl.DataFrame:
    """Return decided goods in order of the key, labels as 0 and 1, once lanes and amounts are what they should be.

    Raises
    ------
    SchemaError
        A column is missing, a key occurs twice, a violation is not 0, 1 or null, a lane is none, or a recovered amount
        is negative or no finite number.
    """
    require_columns(table, columns, where)
    refuse_lanes(table, where)
    return with_amounts(with_labels(table, where), where).sort(KEY)


def refuse_lanes(table: pl.DataFrame, where: str) -> None:
    """Raise :class:`SchemaError` that names lanes which are none; a missing lane is no fault.

    >>> refuse_lanes(pl.DataFrame({"lane": ["red", "Rot", None]}), "lifts")
    Traceback (most recent call last):
        ...
    workbench.scorer.errors.SchemaError: lifts found 'Rot' in 'lane' on 1 row(s), expected one of green, blue, yellow, \
orange, red. Map the lanes of the source to these.
    """
    for name in (name for name in _LANES if name in table.columns):
        lanes = table[name].cast(pl.String).drop_nulls()
        unknown = lanes.filter(~lanes.is_in([str(lane) for lane in Lane]))
        if unknown.is_empty():
            continue
        found = [one[:_LETTERS] for one in unknown.unique().sort().head(_SHOWN)]
        named = ", ".join(f"{one!r}{did_you_mean(one.lower(), Lane)}" for one in found)
        more = " and others" if unknown.n_unique() > _SHOWN else ""
        raise SchemaError(
            f"{where} found {named}{more} in {name!r} on {len(unknown):,} row(s), expected one of {', '.join(Lane)}. "
            "Map the lanes of the source to these."
        )


def unbelievable(items: pl.DataFrame) -> pl.DataFrame:
    """Return the items with an amount that nobody believes: negative, above `MOST_USD`, or no finite number."""
    amounts = [pl.col(name).cast(pl.Float64, strict=False) for name in AMOUNTS if name in items.columns]
    beyond = [~one.is_between(0.0, MOST_USD).fill_null(True) for one in amounts]
    return items.filter(pl.any_horizontal(pl.lit(False), *beyond))


def refuse_what_is_no_probability(table: pl.DataFrame, where: str) -> None:
    """Raise :class:`SchemaError` for stored probabilities that are none; null is allowed, as in quarantine."""
    for name in PROBABILITIES:
        if not table[name].dtype.is_numeric():
            raise SchemaError(f"{where} found {name!r} of type {table[name].dtype}; it needs numbers in [0, 1].")
        wrong = table.filter(pl.col(name).is_not_null() & ~pl.col(name).is_between(0.0, 1.0))
        refuse(wrong, where, f"{name!r} outside [0, 1]", "give probabilities as the decisions stored them")


def is_full_control(random_lane: Lane, lane: str = "lane") -> pl.Expr:
    """Say of each row whether its `lane` is that of the random arm or a more severe one; a missing lane is none.

    The lanes have been through :func:`refuse_lanes`.
    """
    full = [str(one) for one in Lane if one.severity >= random_lane.severity]
    return pl.col(lane).cast(pl.String).is_in(full).fill_null(False)
