"""What to look at first: criteria that are dead, fell, expire, or find more or less than chance would.

A profile that counts declarations or controls (``*_declarations``, ``*_controls``) grows with the history that it is
learnt from. Hits of a criterion that reads one fall or rise with that alone, so its fall in hits is no decay: it is
flagged ``growing_counts`` and calls for nothing. A fall of its hit rate is flagged as any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import astuple
from datetime import date, timedelta
from typing import Any

import polars as pl

from workbench.criteria.backtest.versus import Chance
from workbench.criteria.backtest.worth import FOUND, RATE
from workbench.scorer.criteria import CriteriaSet, Criterion
from workbench.scorer.expressions import Expression
from workbench.scorer.schema import lodgement_types

SOON = timedelta(days=30)
"""How long before its end a criterion or an entry of its lists is said to expire soon."""

_LEAST_P, _LEAST_FALL = 0.01, 0.2
_COUNTS = ("_declarations", "_controls")
_LEAST_FOUND = 3


def against_chance(chance: Chance) -> pl.Expr:
    """Return ``better`` or ``worse`` where the difference to chance is beyond doubt at 95 %, else ``unclear``.

    The rate of chance is itself an estimate from few controls, so its interval counts too: the bounds of the
    difference are put together from the Wilson bounds of both rates (Newcombe 1998, Statistics in Medicine 17,
    873-890, method 10). Fewer than three violations are never called better: at one or two the lower bound of Wilson's
    interval lies too high (Brown, Cai and DasGupta 2001, Statistical Science 16, 101-133).
    """
    rate, low, high = (pl.lit(bound, pl.Float64) for bound in astuple(chance.rate))
    own, difference = pl.col(RATE), pl.col(RATE) - rate
    at_least = difference - ((own - pl.col("low_95")) ** 2 + (high - rate) ** 2).sqrt()
    at_most = difference + ((pl.col("high_95") - own) ** 2 + (rate - low) ** 2).sqrt()
    told = (
        pl.when((at_least > 0) & (pl.col(FOUND) >= _LEAST_FOUND))
        .then(pl.lit("better"))
        .when(at_most < 0)
        .then(pl.lit("worse"))
    )
    return pl.when(difference.is_not_null()).then(told.otherwise(pl.lit("unclear")))


def flags_table(
    criteria: CriteriaSet, found: pl.DataFrame, steady: pl.DataFrame, columns: Mapping[str, pl.DataType], on: date
) -> pl.DataFrame:
    """Return every flag with its reason.

    Parameters
    ----------
    criteria
        The set.
    found, steady
        The back-test's tables of criteria and of stability, in the set's order.
    columns
        What the criteria may read.
    on
        Day for which expiry is judged.
    """
    rows = [
        (criterion.id, flag, detail)
        for criterion, row, halves in zip(criteria.criteria, found.to_dicts(), steady.to_dicts(), strict=True)
        for flag, detail in [
            *_idle(row),
            *_faded(halves, criterion, criteria, columns),
            *_ending(criterion, criteria, columns, on),
            *_chance(row),
        ]
    ]
    return pl.DataFrame(rows, schema=dict.fromkeys(("criterion", "flag", "detail"), pl.String), orient="row")


def _idle(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if row["hits"]:
        return
    if row["not_evaluable"] and row["not_evaluable"] >= row["items_in_scope"]:
        yield "never_evaluable", f"a value was missing on all {row['not_evaluable']:,} items in scope"
    else:
        yield "dead", f"no hit among {row['items_in_scope']:,} items in scope"


def _faded(
    halves: Mapping[str, Any], criterion: Criterion, criteria: CriteriaSet, columns: Mapping[str, pl.DataType]
) -> Iterator[tuple[str, str]]:
    for flag, detail in _fallen(halves):
        if flag == "decaying_hits" and _reads_counts(criterion, criteria, columns):
            yield "growing_counts", f"{detail}; its profile counts grow with the history"
        else:
            yield flag, detail


def _reads_counts(criterion: Criterion, criteria: CriteriaSet, columns: Mapping[str, pl.DataType]) -> bool:
    read = _parsed(criterion, criteria, columns).columns
    return any(name.endswith(_COUNTS) for name in read - lodgement_types().keys())


def _parsed(criterion: Criterion, criteria: CriteriaSet, columns: Mapping[str, pl.DataType]) -> Expression:
    return Expression.parse(criterion.when, columns, parameters=criterion.parameters, lists=criteria.lists)


def _fallen(halves: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for flag, share, p in (
        ("decaying_hits", "hit_share", "hits_fall_p"),
        ("decaying_hit_rate", "hit_rate_of_controlled", "hit_rate_fall_p"),
    ):
        before, after = halves[f"earlier_{share}"], halves[f"later_{share}"]
        # Among millions of rows the smallest fall is significant; only one of a fifth or more is worth a look.
        if halves[p] is not None and halves[p] < _LEAST_P and after <= (1 - _LEAST_FALL) * before:
            chance = "p < 0.0001" if halves[p] < 0.0001 else f"p = {halves[p]:.1g}"
            yield flag, f"from {100 * before:.3g} % to {100 * after:.3g} % in the later half ({chance})"


def _ending(
    criterion: Criterion, criteria: CriteriaSet, columns: Mapping[str, pl.DataType], on: date
) -> Iterator[tuple[str, str]]:
    if criterion.valid_to is not None:
        if criterion.valid_to < on:
            yield "expired", f"it ended on {criterion.valid_to}"
        elif criterion.valid_to <= on + SOON:
            yield "expiring", f"it ends on {criterion.valid_to}"
    for name in sorted(_lists(criterion, criteria, columns)):
        dated = [entry.expires for entry in criteria.lists[name] if entry.expires is not None]
        ending = sorted(day for day in dated if on <= day <= on + SOON)
        if ending:
            yield "expiring", f"{len(ending):,} entries of the list {name!r} expire from {ending[0]} on"
        if criteria.lists[name] and len([day for day in dated if day < on]) == len(criteria.lists[name]):
            yield "expired", f"every entry of the list {name!r} had expired by {on}"


def _lists(criterion: Criterion, criteria: CriteriaSet, columns: Mapping[str, pl.DataType]) -> frozenset[str]:
    if not any(entry.expires for entries in criteria.lists.values() for entry in entries):
        return frozenset()
    return _parsed(criterion, criteria, columns).lists


def _chance(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if row["against_chance"] in ("better", "worse"):
        rate, low, high = (f"{100 * row[name]:.2f}" for name in (RATE, "low_95", "high_95"))
        yield f"{row['against_chance']}_than_chance", f"hit rate of controlled goods {rate} % ({low} to {high})"
