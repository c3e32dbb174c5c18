"""Strata and weights: what each controlled declaration stands for.

A stratum is an office's declarations of one regime and one would-be lane. Where fewer than `LEAST_RESULTS` of them have
a result, the stratum is collapsed by a rule that looks at no result: with the other such strata of its regime and
would-be lane, over all offices; where these are still too few, with those of its would-be lane; then with all others
of its group; and where even these are too few, with the group's largest stratum. A group with too few results for its
declarations counts as goods that only the random arm can bring. None is dropped.

Source: Cochran (1977), Sampling Techniques, 3rd ed., 5A.9 (post-stratification) and 5A.12 (collapsed strata).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from .arrays import Counts, Flags, Values
from .frame import Group
from .record import ControlRecord

LEAST_RESULTS = 10
"""Results below which a stratum is collapsed with others."""

CELL = ("group", "office_id", "regime_code", "would_be_lane")
_LEVELS = (("group", "regime_code", "would_be_lane"), ("group", "would_be_lane"), ("group",))


@dataclass(frozen=True)
class Strata:
    """The strata of a record, and the weight of each declaration with a result; n declarations.

    Parameters
    ----------
    stratum
        Stratum of each declaration, from 0, shape (n,).
    group
        Group in which each declaration is estimated, shape (n,).
    weight
        Declarations that each one with a result stands for, 0 without a result, shape (n,): within a stratum in
        proportion to 1 / probability, and adding up to the stratum's declarations (Hajek 1971).
    inverse
        1 / probability, times drawn over those with a result in the stratum, 0 without a result: adds up to the
        declarations only on average (Horvitz and Thompson 1952). A history stores no probability: there it is `weight`.
    table
        One row a cell before collapsing: `CELL`, ``declarations``, ``drawn``, ``known``, ``stratum`` (the name of what
        it is estimated in) and ``is_collapsed``.
    """

    stratum: Counts
    group: pl.Series
    weight: Values
    inverse: Values
    table: pl.DataFrame

    @classmethod
    def of(cls, record: ControlRecord) -> Strata:
        """Collapse the record's strata and weigh its results."""
        group = _groups(record.declarations)
        # Whether the last seat of a lane is had is a matter of rounding: the margin's would-be lanes are no strata.
        by_margin = pl.col("group") == str(Group.MARGIN)
        cells = [pl.when(~by_margin).then(pl.col(name)).alias(name) for name in CELL[1:]]
        named = record.declarations.with_columns(group).with_columns(cells)
        table = _collapsed(named.group_by(CELL).agg(*_COUNTS).sort(CELL))
        placed = named.select(CELL).join(table, on=CELL, how="left", nulls_equal=True, maintain_order="left")
        numbers = table.select("stratum").unique().sort("stratum").with_row_index("number")
        stratum = placed.join(numbers, on="stratum", how="left", maintain_order="left")["number"]
        made = cls._weighed(named, stratum.cast(pl.Int64).to_numpy(), table)
        return made if record.stores_probabilities else replace(made, inverse=made.weight)

    @classmethod
    def _weighed(cls, declarations: pl.DataFrame, stratum: Counts, table: pl.DataFrame) -> Strata:
        drawn, known = (declarations[name].to_numpy().astype(np.float64) for name in ("is_drawn", "is_known"))
        odds = known / declarations["probability"].to_numpy()
        size, results, weights = (np.bincount(stratum, given) for given in (np.ones(len(stratum)), known, odds))
        answered = np.divide(np.bincount(stratum, drawn), results, out=np.ones_like(size), where=results > 0)
        scale = np.divide(size, weights, out=np.zeros_like(size), where=weights > 0)
        return cls(stratum, declarations["group"], odds * scale[stratum], odds * answered[stratum], table)

    def within(self, group: Group) -> Flags:
        """Say which declarations are of `group`."""
        return (self.group == str(group)).to_numpy()


_COUNTS = (
    pl.len().cast(pl.Int64).alias("declarations"),
    pl.col("is_drawn").sum().cast(pl.Int64).alias("drawn"),
    pl.col("is_known").sum().cast(pl.Int64).alias("known"),
)


def _name(level: tuple[str, ...]) -> pl.Expr:
    return pl.concat_str([pl.col(name).cast(pl.String).fill_null("") for name in level], separator="|")


def _groups(declarations: pl.DataFrame) -> pl.Series:
    """Return the group of each declaration; one with too few results for its declarations joins what the arm draws."""
    known, arm = pl.col("is_known"), pl.lit(str(Group.ARM), declarations["group"].dtype)
    few = (known.sum() < LEAST_RESULTS).over("group") & ~known.all().over("group")
    joins = few & (pl.col("group") == arm).any()
    return declarations.select(group=pl.when(joins).then(arm).otherwise("group")).to_series()


def _collapsed(cells: pl.DataFrame) -> pl.DataFrame:
    """Give every cell the stratum that it is estimated in; a level's name says what was put together."""
    is_small = pl.col("known").sum().over("stratum") < LEAST_RESULTS
    table = cells.with_columns(stratum=_name(CELL))
    for level in _LEVELS:
        together = pl.concat_str(_name(level), pl.lit("|small strata together"))
        table = table.with_columns(stratum=pl.when(is_small).then(together).otherwise("stratum"))
    largest = pl.col("stratum").sort_by(pl.col("known").sum().over("stratum")).last().over("group")
    table = table.with_columns(stratum=pl.when(is_small).then(largest).otherwise("stratum"))
    return table.with_columns(is_collapsed=pl.col("stratum") != _name(CELL))
