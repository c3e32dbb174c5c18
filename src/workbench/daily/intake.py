"""Taking in what comes back: results of controls and re-routings by officers, one numbered step a call with news."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from workbench.daily import officers, results
from workbench.daily.desk import Desk
from workbench.daily.ledger import Ledger
from workbench.daily.outcomes import lodged
from workbench.daily.reading import Drop, counted, read_drop
from workbench.daily.recorded import INTAKE, folder_of
from workbench.daily.register import DRAWN, decided
from workbench.daily.steps import InputFile, write_step
from workbench.scorer.intake.mapping import Canonical
from workbench.scorer.schema import KEY
from workbench.scorer.scorer import Scorer

REJECTED = "rejected_results.parquet"
"""File of an intake with the results that were not believed, each with its reason."""

REFUSED = "refused_reroutings.parquet"
"""The same with the re-routings."""


@dataclass(frozen=True)
class Intake:
    """What one call took in.

    Parameters
    ----------
    results, corrections
        Results believed, and how many of them correct an earlier one.
    rejected_results
        Results set aside, by code.
    reroutings
        Re-routings that count.
    refused_reroutings
        Re-routings refused, by code.
    without_result
        Rows that say that nobody looked.
    unreadable
        Reason by name of files that could not be read; they stay where they lie.
    same_files
        Files with the content, to the byte, of one that was read before: nothing of them is new.
    folder
        Where the tables of all these lie, in the desk; empty where there was nothing to take in.
    """

    results: int = 0
    corrections: int = 0
    rejected_results: dict[str, int] = field(default_factory=dict)
    reroutings: int = 0
    refused_reroutings: dict[str, int] = field(default_factory=dict)
    without_result: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    same_files: tuple[str, ...] = ()
    folder: str = ""

    def told(self, desk: Path) -> list[str]:
        """Return what a desk took in as sentences; none where there was nothing."""
        lines = []
        if self.results or self.rejected_results:
            lines.append(f"Results: {self.results:,} taken in, {self.corrections:,} of them corrections.")
        if self.rejected_results:
            where = desk / self.folder / REJECTED
            lines.append(f"Results set aside: {_listed(self.rejected_results)}. Each with its reason: {where}")
        if self.reroutings:
            lines.append(f"Re-routings by officers: {self.reroutings:,} recorded.")
        if self.refused_reroutings:
            where = desk / self.folder / REFUSED
            lines.append(f"Re-routings refused: {_listed(self.refused_reroutings)}. Each with its reason: {where}")
        if self.same_files:
            lines.append(f"Read before, to the byte, and nothing taken in: {', '.join(self.same_files)}.")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON."""
        return asdict(self)


def take_in(desk: Desk, ledger: Ledger, scorer: Scorer, now: datetime) -> Intake:
    """Read `results/` and `officers/`; without anything new, write nothing.

    Parameters
    ----------
    desk, ledger
        The desk, locked, and its ledger.
    scorer
        What is in force: its mapping reads results, its policy names the lane of the random arm.
    now
        The present by the programme's clock: no result can have been recorded after it, and no lane changed.
    """
    seen = {one["sha256"] for line in ledger.of(INTAKE) for one in line.detail["inputs"]}
    given = read_drop(desk, "results", lambda file: results.read_results(file, scorer.mapping), seen)
    moved = read_drop(desk, "officers", officers.read_reroutings, seen)
    unreadable = _named("results", given) | _named("officers", moved)
    accepted = results.accepted(desk)
    waiting = results.unknown(desk, accepted)
    places = lodged(desk, _numbers([*_rows(given), Canonical(waiting, {})]))
    again = waiting.join(places, on=list(KEY), how="semi")
    inputs = [*_inputs("results", given), *_inputs("officers", moved)]
    if not inputs and again.is_empty():
        return Intake(unreadable=unreadable)
    present = now.replace(tzinfo=None)
    believed = results.believe([*_rows(given), Canonical(again, {})], accepted, places, present)
    system = _system(desk, _numbers(_rows(moved)))
    counting, refused = officers.accept(
        _rows(moved), officers.accepted(desk), system, scorer.policy.random_lane, present
    )
    corrections = believed.results.join(accepted, on=list(KEY), how="semi").height
    number = f"{len(desk.intakes()) + 1:06}"
    done = Intake(
        believed.results.height,
        corrections,
        counted(believed.rejected["code"]),
        counting.height,
        counted(refused["code"]),
        believed.without_result,
        unreadable,
        tuple(f"{one.drop}/{one.name}" for one in inputs if one.sha256 in seen),
        folder_of(desk, INTAKE, number).relative_to(desk.path).as_posix(),
    )
    parts: dict[str, pl.DataFrame | str] = {
        "results.parquet": believed.results,
        REJECTED: believed.rejected,
        "reroutings.parquet": counting,
        REFUSED: refused,
    }
    write_step(desk, INTAKE, number, parts, inputs, {"intake": done.to_dict()}, now=now)
    return done


def _inputs(drop: str, read: Drop) -> list[InputFile]:
    return [InputFile(drop, one.name, one.sha256, one.canonical.frame.height) for one in read.files]


def _named(drop: str, read: Drop) -> dict[str, str]:
    return {f"{drop}/{name}": why for name, why in read.unreadable.items()}


def _listed(codes: dict[str, int]) -> str:
    return ", ".join(f"{code} {count:,}" for code, count in codes.items())


def _rows(read: Drop) -> list[Canonical]:
    return [one.canonical for one in read.files]


def _numbers(rows: list[Canonical]) -> pl.Series:
    return pl.concat([pl.Series([], dtype=pl.String), *(one.frame["declaration_id"] for one in rows)])


def _system(desk: Desk, numbers: pl.Series) -> pl.DataFrame:
    """Return the lane that the system gave some declarations, that of their most severe item, and whom the arm drew."""
    by_declaration = decided(desk, numbers).group_by("declaration_id", maintain_order=True)
    return by_declaration.agg(pl.col("lane").max(), pl.col(DRAWN).any())
