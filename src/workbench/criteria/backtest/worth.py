"""What is known of the goods that criteria hit: labels, rates with intervals, duty; by criterion, lane, month, kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from workbench.criteria.backtest.bits import Counts, in_one_only, packed, sizes
from workbench.criteria.backtest.ground import LANES, UNKNOWN, VIOLATION, Amounts, Ground
from workbench.criteria.backtest.tally import Tally
from workbench.evaluation.intervals import with_rate
from workbench.scorer.schema import Lane

RATE, LABELLED, FOUND = "hit_rate_of_controlled", "labelled_hits", "known_violations"


def rated(table: pl.DataFrame) -> pl.DataFrame:
    """Add the hit rate of controlled goods with its Wilson interval."""
    return with_rate(table, RATE, FOUND, LABELLED)


def by_state(states: Counts) -> dict[str, Counts]:
    """Return hits, labelled hits and violations of counts whose last axis is the state."""
    return {"hits": states.sum(-1), LABELLED: states[..., UNKNOWN + 1 :].sum(-1), FOUND: states[..., VIOLATION]}


def criteria_table(tally: Tally) -> pl.DataFrame:
    """Return what the whole period tells of each criterion (see `Backtest.criteria`), but for its flags."""
    ground, criteria = tally.ground, tally.criteria.criteria
    alone = in_one_only(tally.rows)
    violating = packed(ground.state == VIOLATION)
    declarations = sizes(tally.declarations)
    rates = np.array([one.selection_rate for one in criteria])
    table = pl.DataFrame(
        {
            "criterion": tally.ids,
            "title": [one.title for one in criteria],
            "lane": [one.lane for one in criteria],
            "mode": ["shadow" if one.id in tally.criteria.shadow else "active" for one in criteria],
            "items_in_scope": _in_scope(tally),
            "not_evaluable": tally.not_evaluable,
            "unique_hits": sizes(tally.rows & alone),
            "declarations": declarations,
            "expected_controls": declarations * rates,
            "known_recovered_duty_usd": recovered_usd(tally) if ground.has_amounts else None,
            "unique_known_violations": sizes(tally.rows & (alone & violating)),
            **by_state(tally.cells.sum((1, 2))),
        }
    )
    return _with_share(rated(table), ground)


def _in_scope(tally: Tally) -> list[int]:
    history, scoped = tally.ground.history, [one for one in tally.criteria.criteria if one.scope_columns]
    counts = history.rows.select(**{one.id: one.scope().sum() for one in scoped}).row(0, named=True) if scoped else {}
    return [int(counts.get(one, tally.ground.rows)) for one in tally.ids]


def recovered_usd(tally: Tally) -> Amounts:
    """Return the duty that controls of each criterion's hits recovered, 0 where the source has no revenue."""
    paying = np.flatnonzero(tally.ground.duty_usd)
    recovered: Amounts = tally.labelled[:, paying] @ tally.ground.duty_usd[paying]
    return recovered


def _with_share(table: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    total = int(ground.violations.sum())
    share = pl.col(FOUND) / total if total else pl.lit(None)
    return table.with_columns(share_of_known_violations=share.cast(pl.Float64))


def summary_table(tally: Tally) -> pl.DataFrame:
    """Return what the whole period tells of the active criteria together, and of each lane that they propose."""
    ground, proposals = tally.ground, tally.proposals
    active = [at for at, name in enumerate(tally.ids) if name not in tally.criteria.shadow]
    hit = np.flatnonzero(_unpacked(np.bitwise_or.reduce(tally.rows[active], axis=0), ground.rows))
    severity = proposals.proposed[ground.place[hit]]
    states = np.bincount(severity * 3 + ground.state[hit], minlength=len(Lane) * 3).reshape(len(Lane), 3)
    amounts = np.zeros(ground.rows)
    amounts[ground.labelled] = ground.duty_usd
    recovered = np.bincount(severity, weights=amounts[hit], minlength=len(Lane))
    declared = np.bincount(proposals.proposed[proposals.hit], minlength=len(Lane))
    expected = {lane: float(chances.sum()) for lane, chances in proposals.expected()}
    lanes = pl.DataFrame(
        {
            "scope": [str(lane) for lane in Lane],
            "criteria": [sum(tally.criteria.criteria[at].lane == lane for at in active) for lane in Lane],
            "declarations": declared,
            "expected_controls": [expected.get(str(lane), 0.0) for lane in Lane],
            "known_recovered_duty_usd": recovered if ground.has_amounts else None,
            **by_state(states),
        }
    ).with_columns(pl.col("known_recovered_duty_usd").cast(pl.Float64))
    # A source without revenue has no amount at all, which is not an amount of zero.
    totals = [pl.lit("set").alias("scope"), *(pl.col(name).sum() for name in lanes.columns[1:])]
    whole = lanes.select(totals).with_columns(
        pl.when(ground.has_amounts).then("known_recovered_duty_usd").alias("known_recovered_duty_usd")
    )
    named = lanes.filter(pl.any_horizontal(pl.col("hits", "criteria", "expected_controls") > 0))
    return _with_share(rated(pl.concat([whole, named.reverse()])), ground)


def _unpacked(bits: np.ndarray, rows: int) -> np.ndarray:
    return np.unpackbits(bits.view(np.uint8), bitorder="little")[:rows]


def months_table(tally: Tally) -> pl.DataFrame:
    """Return hits and what is known of them by criterion and month, months without hits included."""
    ground = tally.ground
    items = _by_month(ground, ground.counted()[None].sum(2)).sum((0, 2))
    states = _by_month(ground, tally.cells.sum(2))
    named = _grid({"criterion": tally.ids, "month": ground.months})
    counts = {name: values.ravel() for name, values in by_state(states).items()}
    return rated(named.with_columns(items=pl.Series(np.tile(items, len(tally.ids)))).with_columns(**_series(counts)))


def lane_months_table(tally: Tally) -> pl.DataFrame:
    """Return hits and what is known of them by criterion, month and lane given at the time."""
    states = _by_month(tally.ground, tally.cells)
    named = _grid({"criterion": tally.ids, "month": tally.ground.months, "lane_given": LANES})
    counts = {name: values.ravel() for name, values in by_state(states).items()}
    return named.with_columns(**_series(counts)).filter(pl.col("hits") > 0)


def _by_month(ground: Ground, cells: Counts) -> Counts:
    """Sum counts over the days of each month; the second axis is the days."""
    starts = np.flatnonzero(np.diff(ground.month_of_day, prepend=-1))
    return np.add.reduceat(cells, starts, axis=1)


def _grid(axes: Mapping[str, Sequence[object]]) -> pl.DataFrame:
    """Return every combination of the axes' values, the last axis the fastest."""
    tables = [pl.DataFrame({name: values}) for name, values in axes.items()]
    grid = tables[0]
    for table in tables[1:]:
        grid = grid.join(table, how="cross", maintain_order="left_right")
    return grid


def _series(counts: Mapping[str, Counts]) -> dict[str, pl.Series]:
    return {name: pl.Series(values) for name, values in counts.items()}


def kinds_table(tally: Tally) -> pl.DataFrame:
    """Return violations and their duty by criterion and kind."""
    kinds = tally.ground.kind.unique().sort()
    of_kind = np.stack([(tally.ground.kind == kind).to_numpy() for kind in kinds], axis=1) if len(kinds) else None
    if of_kind is None:
        of_kind = np.zeros((0, 0), dtype=bool)
    found = tally.violations.astype(np.int64) @ of_kind
    recovered = tally.violations @ (of_kind * tally.violation_duty_usd[:, None])
    table = _grid({"criterion": tally.ids, "violation_kind": kinds.to_list()}).with_columns(
        known_violations=pl.Series(found.ravel()),
        known_recovered_duty_usd=pl.Series(recovered.ravel()) if tally.ground.has_amounts else pl.lit(None, pl.Float64),
    )
    return table.filter(pl.col(FOUND) > 0)


def overlap_table(tally: Tally) -> pl.DataFrame:
    """Return the pairs of criteria that share hits."""
    shared = tally.shared
    own = np.diag(shared)
    either = own[:, None] + own[None, :] - shared
    with np.errstate(invalid="ignore", divide="ignore"):
        jaccard, share = shared / either, shared / own[:, None]
    table = _grid({"criterion": tally.ids, "other": tally.ids}).with_columns(
        shared_hits=pl.Series(shared.ravel()),
        jaccard=pl.Series(jaccard.ravel(), nan_to_null=True),
        share_of_criterion=pl.Series(share.ravel(), nan_to_null=True),
    )
    return table.filter((pl.col("shared_hits") > 0) | (pl.col("criterion") == pl.col("other")))
