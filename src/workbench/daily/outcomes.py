"""Outcomes: every decision with the lane that was carried out and what the control found, as known at a moment."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from workbench.daily import officers, results
from workbench.daily.desk import Desk
from workbench.daily.recorded import check_recorded
from workbench.daily.register import DECIDED_ON, decisions
from workbench.scorer.schema import KEY, OFFICER, Role, empty, names
from workbench.timeline import known_labels


def outcomes(
    desk: Desk, *, first: date | None = None, last: date | None = None, as_of: datetime | None = None
) -> pl.DataFrame:
    """Return the decisions of some days with what became of them.

    Parameters
    ----------
    desk
        The desk.
    first, last
        First and last day of decision, both included; all days where they are not given.
    as_of
        Results recorded and re-routings done at or after this moment are not known yet; all are where none is given.

    Returns
    -------
    polars.DataFrame
        One row a declaration item with a key, in order of day and key: the columns of a day's decisions, where ``lane``
        and ``cause`` are those that were carried out (cause ``officer`` after a re-routing), ``system_lane`` and
        ``system_cause`` as decided, and the outcome columns, null where nobody looked or nothing is recorded.
        What a control found is known for controlled goods only.

    Raises
    ------
    DeskError
        A recorded day or intake was changed since it was written.
    """
    check_recorded(desk)
    return carried_out(desk, first=first, last=last, as_of=as_of)


def carried_out(
    desk: Desk, *, first: date | None = None, last: date | None = None, as_of: datetime | None = None
) -> pl.DataFrame:
    """Return the :func:`outcomes` of a desk that the caller has just checked."""
    decided = decisions(desk, first, last).filter(pl.all_horizontal(pl.col(KEY).is_not_null())).collect()
    # Two rows of one key are both in quarantine and say the same of lane and cause.
    decided = decided.unique(list(KEY), keep="first", maintain_order=True).sort(DECIDED_ON, *KEY)
    done = officers.accepted(desk) if as_of is None else officers.done_before(officers.accepted(desk), as_of)
    moved = officers.in_force(done).select("declaration_id", officer_lane="lane")
    beside = decided.join(moved, on="declaration_id", how="left", maintain_order="left").with_columns(
        system_lane="lane",
        system_cause="cause",
        lane=pl.coalesce("officer_lane", "lane"),
        cause=pl.when(_is_moved()).then(pl.lit(OFFICER)).otherwise("cause"),
    )
    found = _known(results.accepted(desk), as_of)
    return beside.drop("officer_lane").join(found, on=list(KEY), how="left", maintain_order="left")


def _is_moved() -> pl.Expr:
    # An officer who confirms the lane changes nothing about who chose it.
    return pl.col("officer_lane").is_not_null() & (pl.col("officer_lane") != pl.col("lane"))


def _known(found: pl.DataFrame, as_of: datetime | None) -> pl.DataFrame:
    return results.in_force(found if as_of is None else known_labels(found, as_of))


def known(desk: Desk, as_of: datetime | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return everything to learn from: declarations of the history and of the desk's days, and their labels.

    Parameters
    ----------
    desk
        The desk.
    as_of
        Moment of knowledge. The last result recorded before it counts; later corrections are of the future.

    Returns
    -------
    tuple
        Canonical declarations, and outcomes by key with lane, cause and inclusion probability of those that the desk
        decided, as `workbench.timeline.as_of` reads them.

    Raises
    ------
    DeskError
        A recorded day or intake was changed since it was written.
    """
    check_recorded(desk)
    lodged = names(Role.IDENTITY, Role.LODGEMENT)
    files = [desk.day_folder(day) / "declarations.parquet" for day in desk.days()]
    own = pl.concat([empty(lodged), *(pl.read_parquet(file, columns=lodged) for file in files)])
    before = pl.concat([empty(lodged), *_history(desk, "declarations", lodged)])
    declarations = pl.concat([before.join(own, on=list(KEY), how="anti"), own])
    columns = names(Role.IDENTITY, Role.DECISION, Role.OUTCOME)
    labels = outcomes(desk, as_of=as_of).filter(pl.col("violation").is_not_null()).select(columns)
    old = pl.concat([empty(columns), *_history(desk, "outcomes", columns)])
    # A result of goods that were decided before there was a desk corrects what the history says of them.
    late = _known(results.accepted(desk), as_of).join(labels, on=list(KEY), how="anti")
    corrected = late.join(old.select(*KEY, *names(Role.DECISION)), on=list(KEY), how="left").select(columns)
    newer = pl.concat([labels, corrected])
    return declarations, pl.concat([old.join(newer, on=list(KEY), how="anti"), newer])


def _history(desk: Desk, table: str, columns: list[str]) -> list[pl.DataFrame]:
    file = desk.path / "history" / f"{table}.parquet"
    return [pl.read_parquet(file, columns=columns)] if file.is_file() else []


def lodged(desk: Desk, numbers: pl.Series) -> pl.DataFrame:
    """Return key and ``lodged_at`` of the items of some declarations that a control can have a result for.

    They were decided by the desk or stand in its history. An undated declaration counts from the day of its decision.
    """
    wanted = numbers.drop_nulls().unique().alias("declaration_id").to_frame().lazy()
    midnight = pl.col(DECIDED_ON).cast(pl.Datetime("us"))
    own = decisions(desk).select(*KEY, lodged_at=pl.coalesce("lodged_at", midnight))
    before = (one.lazy() for one in _history(desk, "declarations", [*KEY, "lodged_at"]))
    found = pl.concat([own, *before]).join(wanted, on="declaration_id", how="semi").collect()
    return found.drop_nulls(KEY).unique(list(KEY), keep="first", maintain_order=True)
