"""Which declarations belong to a day: lodged by its end, not decided yet; each row is dealt with once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import polars as pl

from workbench.daily.desk import Desk
from workbench.daily.ledger import Ledger
from workbench.daily.reading import FILE, FILE_ROW, Dropped, filtered, is_repeat, joined, origins, read_drop
from workbench.daily.register import DECIDED_ON, decided
from workbench.daily.steps import DAY, InputFile
from workbench.scorer.intake.mapping import Canonical, Mapping
from workbench.scorer.intake.reading import read_table
from workbench.scorer.schema import KEY, Role, empty, names
from workbench.timeline import since_or_undated

_COLUMNS = names(Role.IDENTITY, Role.LODGEMENT)


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
        Rows that are not decided, because their key was: file, row, key, ``code`` and the day of the decision.
    inputs
        The files read.
    unreadable
        Reason by name of the files that could not be read.
    """

    canonical: Canonical
    origin: pl.DataFrame
    is_late_item: pl.Series
    set_aside: pl.DataFrame
    inputs: tuple[InputFile, ...]
    unreadable: dict[str, str]

    @property
    def waiting(self) -> dict[str, int]:
        """Rows that were lodged after the day, by file."""
        return {one.name: one.waiting for one in self.inputs if one.waiting}


def end_of(day: date) -> datetime:
    """Return the midnight that ends a day.

    >>> end_of(date(2026, 3, 1))
    datetime.datetime(2026, 3, 2, 0, 0)
    """
    return datetime.combine(day, time.min) + timedelta(days=1)


def arrived(desk: Desk, ledger: Ledger, mapping: Mapping, day: date) -> Arrived:
    """Read `incoming/` and part its rows into those of the day, those that wait and those that were decided before."""
    drop = read_drop(desk, "incoming", lambda file: _read(file, mapping))
    read_before = _days_of_content(ledger)
    inputs, parts = list[InputFile](), list[Canonical]()
    for file in drop.files:
        is_copy = any(one.sha256 == file.sha256 for one in inputs)
        due, waits = _due(file, day, read_before.get(file.sha256), is_copy=is_copy)
        rows = file.canonical.frame.height
        inputs.append(InputFile("incoming", file.name, file.sha256, rows, int(waits.sum())))
        parts.append(filtered(file.canonical, due))
    whole = joined(parts, empty(_COLUMNS).with_columns(_nowhere()))
    return _parted(desk, whole, tuple(inputs), drop.unreadable)


def _read(file: Path, mapping: Mapping) -> Canonical:
    return mapping.apply(read_table(file, columns=mapping.raw_columns(), form=mapping.csv))


def _nowhere() -> pl.DataFrame:
    return pl.DataFrame(schema={FILE: pl.String(), FILE_ROW: pl.UInt32()})


def _days_of_content(ledger: Ledger) -> dict[str, date]:
    """Return, by hash of content, the last day that read it: its rows up to that day's end were dealt with."""
    return {one["sha256"]: date.fromisoformat(line.name) for line in ledger.of(DAY) for one in line.detail["inputs"]}


def _due(file: Dropped, day: date, read_on: date | None, *, is_copy: bool) -> tuple[pl.Series, pl.Series]:
    """Return masks of the rows that are due on a day and of those that wait for a later one.

    What a day has read and left is told by time alone, so that rows without a key are dealt with once too. A row
    without a date is due at once.
    """
    lodged = file.canonical.frame["lodged_at"]
    is_dated = lodged.is_not_null()
    if is_copy:
        return is_dated & ~is_dated, is_dated & ~is_dated
    waits = since_or_undated(lodged, end_of(day)) & is_dated
    is_new = ~waits if read_on is None else since_or_undated(lodged, end_of(read_on)) & is_dated
    return is_new & ~waits, waits


def _parted(desk: Desk, whole: Canonical, inputs: tuple[InputFile, ...], unreadable: dict[str, str]) -> Arrived:
    frame = whole.frame
    register = decided(desk, frame["declaration_id"])
    known = frame.join(register.select(*KEY, DECIDED_ON), on=list(KEY), how="left", maintain_order="left")
    was_decided = known[DECIDED_ON].is_not_null()
    is_again = is_repeat(whole) & ~was_decided
    set_aside = pl.concat(
        [
            origins(known.filter(was_decided), "already_decided", DECIDED_ON),
            origins(known.filter(is_again), "repeated", DECIDED_ON),
        ]
    )
    kept = filtered(whole, ~(was_decided | is_again))
    is_late_item = kept.frame["declaration_id"].is_in(register["declaration_id"].implode()).fill_null(value=False)
    plain = Canonical(kept.frame.select(_COLUMNS), kept.unparsed)
    return Arrived(plain, kept.frame.select(FILE, FILE_ROW), is_late_item, set_aside, inputs, unreadable)
