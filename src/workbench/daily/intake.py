"""Taking in what comes back: results of controls and re-routings by officers, one numbered step a call with news."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

from workbench.daily import officers, results
from workbench.daily.desk import Desk
from workbench.daily.ledger import Ledger
from workbench.daily.outcomes import lodged
from workbench.daily.reading import Drop, counted, read_drop
from workbench.daily.register import decided
from workbench.daily.steps import INTAKE, InputFile, write_step
from workbench.scorer.intake.mapping import Canonical
from workbench.scorer.schema import KEY
from workbench.scorer.scorer import Scorer


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
    """

    results: int = 0
    corrections: int = 0
    rejected_results: dict[str, int] = field(default_factory=dict)
    reroutings: int = 0
    refused_reroutings: dict[str, int] = field(default_factory=dict)
    without_result: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)

    def told(self) -> list[str]:
        """Return what was taken in as sentences; none where there was nothing."""
        lines = []
        if self.results or self.rejected_results:
            lines.append(f"Results: {self.results:,} taken in, {self.corrections:,} of them corrections.")
        if self.rejected_results:
            lines.append(f"Results set aside: {_listed(self.rejected_results)}.")
        if self.reroutings:
            lines.append(f"Re-routings by officers: {self.reroutings:,} recorded.")
        if self.refused_reroutings:
            lines.append(f"Re-routings refused: {_listed(self.refused_reroutings)}.")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON."""
        return asdict(self)


def take_in(desk: Desk, ledger: Ledger, scorer: Scorer) -> Intake:
    """Read `results/` and `officers/`; without anything new, write nothing.

    Parameters
    ----------
    desk, ledger
        The desk, locked, and its ledger.
    scorer
        What is in force: its mapping reads results, its policy names the lane of the random arm.
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
    believed = results.believe([*_rows(given), Canonical(again, {})], accepted, places)
    system = _system(desk, _numbers(_rows(moved)))
    counting, refused = officers.accept(_rows(moved), officers.accepted(desk), system, scorer.policy.random_lane)
    corrections = believed.results.join(accepted, on=list(KEY), how="semi").height
    done = Intake(
        believed.results.height,
        corrections,
        counted(believed.rejected["code"]),
        counting.height,
        counted(refused["code"]),
        believed.without_result,
        unreadable,
    )
    parts: dict[str, pl.DataFrame | str] = {
        "results.parquet": believed.results,
        "rejected_results.parquet": believed.rejected,
        "reroutings.parquet": counting,
        "refused_reroutings.parquet": refused,
    }
    write_step(desk, INTAKE, f"{len(desk.intakes()) + 1:06}", parts, inputs, {"intake": done.to_dict()})
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
    """Return the lane and cause that the system gave some declarations, those of the most severe item."""
    ordered = decided(desk, numbers).sort("lane", descending=True, maintain_order=True)
    return ordered.unique("declaration_id", keep="first", maintain_order=True).select("declaration_id", "lane", "cause")
