"""Which declarations belong to a day: lodged by its end, not decided yet; each row is dealt with once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import polars as pl

from workbench.daily.desk import Desk
from workbench.daily.ledger import Ledger
from workbench.daily.reading import FILE, FILE_ROW, Dropped, filtered, is_repeat, joined, origins, read_drop
from workbench.daily.recorded import DAY
from workbench.daily.register import DECIDED_ON, decided
from workbench.daily.steps import InputFile
from workbench.scorer.intake.mapping import Canonical, Mapping
from workbench.scorer.intake.reading import read_table
from workbench.scorer.schema import KEY, Role, empty, names
from workbench.timeline import since_or_undated

_COLUMNS = names(Role.IDENTITY, Role.LODGEMENT)

DAYS_AHEAD = 30
"""A lodgement dated more days than this after the present does not wait: its date is wrong, and it is looked at."""


@dataclass(frozen=True)
class Arrived:
    """The rows that a day deals with.

    Parameters
    ----------
    canonical
        Rows to decide.
    origin
        File and row of each of them.
    is_late_item
        Whether its declaration was decided on an earlier day without it.
    set_aside
        Rows that are not decided, because their key or their whole file was: file, row, key, ``code`` and, of a key,
        the day of its decision.
    inputs
        The files read.
    dated_before
        What is dated at this moment or later was not left to wait.
    unreadable
        Reason by name of the files that could not be read, ``incoming/`` before it.
    same_files
        Files with the content, to the byte, of one that was dealt with, and which one that was.
    """

    canonical: Canonical
    origin: pl.DataFrame
    is_late_item: pl.Series
    set_aside: pl.DataFrame
    inputs: tuple[InputFile, ...]
    dated_before: datetime
    unreadable: dict[str, str]
    same_files: dict[str, str]

    @property
    def waiting(self) -> dict[str, int]:
        """Rows that were lodged after the day, by file."""
        return {one.name: one.waiting for one in self.inputs if one.waiting}

    @property
    def waiting_until(self) -> str | None:
        """Last day that a row waits for, ISO 8601; ``None`` where none waits."""
        return max((one.waiting_until for one in self.inputs if one.waiting), default=None)


def end_of(day: date) -> datetime:
    """Return the midnight that ends a day.

    >>> end_of(date(2026, 3, 1))
    datetime.datetime(2026, 3, 2, 0, 0)
    """
    return datetime.combine(day, time.min) + timedelta(days=1)


def arrived(desk: Desk, ledger: Ledger, mapping: Mapping, day: date, now: datetime) -> Arrived:
    """Read `incoming/` and part its rows into those of the day, those that wait and those that were decided before.

    Parameters
    ----------
    desk, ledger
        The desk, locked, and its ledger.
    mapping
        From the source's columns to canonical ones.
    day
        The day to decide.
    now
        The present by the programme's clock. What is dated more than :data:`DAYS_AHEAD` days after it is due at once,
        so that its date is found to be wrong; it would wait unseen for ever.
    """
    drop = read_drop(desk, "incoming", lambda file: _read(file, mapping))
    window = _Window(end_of(day), end_of(now.date()) + timedelta(days=DAYS_AHEAD))
    contents = _contents(ledger)
    inputs, parts, same = list[InputFile](), list[Canonical](), list[tuple[Dropped, str]]()
    for file in drop.files:
        content = contents.get(file.sha256)
        if content is not None and content.is_finished:
            inputs.append(InputFile("incoming", file.name, file.sha256, file.canonical.frame.height))
            same.append((file, content.origin))
        else:
            read, due = _due(file, content, window)
            inputs.append(read)
            parts.append(due)
            # A copy beside it has nothing of its own, whatever still waits.
            contents[file.sha256] = _Content(f"{file.name}, read on {day}", window, is_finished=True)
    whole = joined(parts, empty(_COLUMNS).with_columns(_nowhere()))
    unreadable = {f"incoming/{name}": why for name, why in drop.unreadable.items()}
    return _with_copies(_parted(desk, whole, tuple(inputs), window.end, unreadable), same)


def _with_copies(arrived: Arrived, same: list[tuple[Dropped, str]]) -> Arrived:
    nowhere = pl.lit(None, pl.Date).alias(DECIDED_ON)
    rows = [origins(one.canonical.frame.with_columns(nowhere), "same_file", DECIDED_ON) for one, _ in same]
    names = {one.name: origin for one, origin in same}
    return replace(arrived, set_aside=pl.concat([arrived.set_aside, *rows]), same_files=names)


@dataclass(frozen=True)
class _Window:
    """What a day leaves to wait: lodgements from its end on, and before the moment from which dates are wrong."""

    start: datetime
    end: datetime

    def leaves(self, lodged: pl.Series) -> pl.Series:
        return since_or_undated(lodged, self.start) & ~since_or_undated(lodged, self.end)


def _read(file: Path, mapping: Mapping) -> Canonical:
    return mapping.apply(read_table(file, columns=mapping.raw_columns(), form=mapping.csv))


def _nowhere() -> pl.DataFrame:
    return pl.DataFrame(schema={FILE: pl.String(), FILE_ROW: pl.UInt32()})


@dataclass(frozen=True)
class _Content:
    """Content that was read: from which file, what that left of it, and whether that is nothing."""

    origin: str
    left: _Window
    is_finished: bool


def _contents(ledger: Ledger) -> dict[str, _Content]:
    """Return what became of content that was read, by its hash."""
    contents: dict[str, _Content] = {}
    for line in ledger.of(DAY):
        start, end = end_of(date.fromisoformat(line.name)), datetime.fromisoformat(line.detail["dated_before"])
        waiting = {one["sha256"] for one in line.detail["inputs"] if one["waiting"]}
        for one in line.detail["inputs"]:
            digest, before = one["sha256"], contents.get(one["sha256"])
            left = _Window(start, min(end, before.left.end) if before else end)
            contents[digest] = _Content(f"{one['name']}, read on {line.name}", left, digest not in waiting)
    return contents


def _due(file: Dropped, content: _Content | None, window: _Window) -> tuple[InputFile, Canonical]:
    """Return what is read of a file, and the rows of it that are due.

    What earlier days have left of it is told by time alone, so that rows without a key are dealt with once too. A row
    without a date is due at once.
    """
    lodged = file.canonical.frame["lodged_at"]
    every = pl.select(pl.repeat(True, len(lodged), dtype=pl.Boolean)).to_series()
    is_new = every if content is None else content.left.leaves(lodged)
    waits = is_new & window.leaves(lodged)
    until = str(lodged.filter(waits).dt.date().max() or "")
    read = InputFile("incoming", file.name, file.sha256, len(lodged), int(waits.sum()), until)
    return read, filtered(file.canonical, is_new & ~waits)


def _parted(
    desk: Desk, whole: Canonical, inputs: tuple[InputFile, ...], dated_before: datetime, unreadable: dict[str, str]
) -> Arrived:
    frame = whole.frame
    register = decided(desk, frame["declaration_id"])
    # Two rows of one key, both in quarantine, were decided on one day.
    days = register.select(*KEY, DECIDED_ON).unique(list(KEY))
    known = frame.join(days, on=list(KEY), how="left", maintain_order="left")
    was_decided = known[DECIDED_ON].is_not_null()
    is_again = is_repeat(whole) & ~was_decided
    before = known.filter(was_decided)
    is_same = _is_what_was_decided(desk, before)
    set_aside = pl.concat(
        [
            origins(before.filter(is_same), "already_decided", DECIDED_ON),
            origins(before.filter(~is_same), "amended", DECIDED_ON),
            origins(known.filter(is_again), "repeated", DECIDED_ON),
        ]
    )
    kept = filtered(whole, ~(was_decided | is_again))
    is_late_item = kept.frame["declaration_id"].is_in(register["declaration_id"].implode()).fill_null(value=False)
    plain = Canonical(kept.frame.select(_COLUMNS), kept.unparsed)
    origin = kept.frame.select(FILE, FILE_ROW)
    return Arrived(plain, origin, is_late_item, set_aside, inputs, dated_before, unreadable, {})


def _is_what_was_decided(desk: Desk, rows: pl.DataFrame) -> pl.Series:
    """Return a mask of the rows that say what the row of their key said that was decided, where that could be read."""
    files = [desk.day_folder(day) / "declarations.parquet" for day in rows[DECIDED_ON].unique()]
    read = pl.concat([empty(_COLUMNS), *(pl.read_parquet(file, columns=_COLUMNS) for file in files)])
    marked = read.with_columns(is_same=pl.lit(value=True))
    beside = rows.join(marked, on=_COLUMNS, how="left", nulls_equal=True, maintain_order="left")
    return beside["is_same"].fill_null(value=False)
