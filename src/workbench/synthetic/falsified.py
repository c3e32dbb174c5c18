"""Rows of generated tables made otherwise: declared otherwise, honest, or fraudulent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from workbench.scorer.schema import Lane
from workbench.synthetic.config import SCHEMES
from workbench.synthetic.draws import Bools, stream
from workbench.synthetic.outcomes import DETECTION, FINDING_DELAY_FACTOR
from workbench.synthetic.world import Tables

_UNDERVALUED_SHARE = 0.3
_UNDERVALUATION = SCHEMES.index("undervaluation")


def in_chapter(chapter: str) -> pl.Expr:
    """Return whether goods are of an HS chapter."""
    return pl.col("hs_code").str.slice(0, 2) == chapter


def with_declared(tables: Tables, rows: Bools, **columns: pl.Expr) -> Tables:
    """Return the tables with other values declared in some rows."""
    chosen = pl.lit(pl.Series(rows))
    values = {name: pl.when(chosen).then(value).otherwise(pl.col(name)) for name, value in columns.items()}
    return replace(tables, declarations=tables.declarations.with_columns(**values))


def drawn(among: Bools, count: float, seed: int) -> Bools:
    """Return so many of the rows `among`, drawn by a stream of their own; rounded to whole rows."""
    places = np.flatnonzero(among)
    chosen = np.zeros(len(among), dtype=np.bool_)
    chosen[stream(seed, "drawn").permutation(places)[: round(count)]] = True
    return chosen


def made_honest(tables: Tables, rows: Bools) -> Tables:
    """Return the tables with some rows honest: what was found of them is not there any more."""
    changed = pl.lit(pl.Series(rows))
    outcomes = tables.outcomes.with_columns(
        pl.when(changed & pl.col(name).is_not_null()).then(0).otherwise(pl.col(name)).cast(kind).alias(name)
        for name, kind in (("violation", pl.Int8), ("critical_violation", pl.Int8), ("recovered_duty_usd", pl.Float64))
    ).with_columns(violation_kind=pl.when(~changed).then(pl.col("violation_kind")))
    truth = tables.truth.with_columns(
        fraudulent=pl.col("fraudulent") & ~changed,
        scheme=pl.when(~changed).then(pl.col("scheme")),
        duty_evaded_usd=pl.when(changed).then(0.0).otherwise(pl.col("duty_evaded_usd")),
    )
    return replace(tables, outcomes=outcomes, truth=truth)


def made_fraudulent(tables: Tables, rows: Bools, seed: int) -> Tables:
    """Undervalue goods; what a control finds of them, and when it is recorded, follows the lane as everywhere."""
    detection = {str(lane): DETECTION[str(lane)][_UNDERVALUATION] for lane in Lane}
    chance = tables.outcomes["lane"].cast(pl.String).replace_strict(detection, return_dtype=pl.Float64).to_numpy()
    draws = stream(seed, "detected").random(len(rows))
    changed, found = pl.lit(pl.Series(rows)), pl.lit(pl.Series(rows & (draws < chance)))
    duty = tables.declarations.select(pl.col("customs_value_usd") * pl.col("duty_rate") * _UNDERVALUED_SHARE)
    evaded = duty.to_series().fill_null(0.0).round(2)
    lodged = tables.declarations["lodged_at"]
    later = pl.lit(lodged) + (pl.col("label_known_at") - pl.lit(lodged)) * FINDING_DELAY_FACTOR
    now_found = found & (pl.col("violation") == 0)
    outcomes = tables.outcomes.with_columns(
        violation=pl.when(now_found).then(pl.lit(1, pl.Int8)).otherwise(pl.col("violation")),
        violation_kind=pl.when(now_found).then(pl.lit("undervaluation")).otherwise(pl.col("violation_kind")),
        recovered_duty_usd=pl.when(now_found).then(pl.lit(evaded)).otherwise(pl.col("recovered_duty_usd")),
        label_known_at=pl.when(now_found).then(later).otherwise(pl.col("label_known_at")),
    )
    truth = tables.truth.with_columns(
        fraudulent=pl.col("fraudulent") | changed,
        scheme=pl.when(changed).then(pl.lit("undervaluation")).otherwise(pl.col("scheme")),
        duty_evaded_usd=pl.when(changed).then(pl.lit(evaded)).otherwise(pl.col("duty_evaded_usd")),
    )
    return replace(tables, outcomes=outcomes, truth=truth)
