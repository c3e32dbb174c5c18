"""What a generation holds, counted while it is written."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from workbench.scorer.schema import Lane
from workbench.synthetic.world import Tables


@dataclass(frozen=True)
class GenerationSummary:
    """What was generated, as counted in the tables; the same figures are in ``generation.json``.

    Parameters
    ----------
    out
        The folder.
    reused
        Whether the folder held this generation already and nothing was written.
    rows, declarations
        Number of goods items and of declarations.
    parts
        Parquet files of each item table.
    lane_shares
        Share of declarations by lane.
    cause_shares
        Share of declarations by cause, a criterion's number left out.
    controlled_share
        Controlled declarations of all declarations.
    hit_rate
        Violating declarations found, of those controlled; 0 without controls.
    violation_rate
        Truly violating declarations, of all.
    """

    out: Path
    reused: bool
    rows: int
    declarations: int
    parts: int
    lane_shares: dict[str, float]
    cause_shares: dict[str, float]
    controlled_share: float
    hit_rate: float
    violation_rate: float

    def describe(self) -> str:
        """Return the summary as a few lines for people."""
        lanes = ", ".join(f"{lane} {share:.2%}" for lane, share in self.lane_shares.items())
        verb = "held already" if self.reused else "written"
        return (
            f"{self.rows:,} items of {self.declarations:,} declarations {verb} in {self.out}.\n"
            f"Lanes: {lanes}.\n"
            f"Controls found violations in {self.hit_rate:.2%} of cases; in truth {self.violation_rate:.2%} violate."
        )


class Tally:
    """Counts declarations over all parts."""

    def __init__(self) -> None:
        self._lanes: Counter[str] = Counter()
        self._causes: Counter[str] = Counter()
        self._found = self._fraudulent = 0

    def add(self, tables: Tables) -> None:
        """Count one part; a declaration never spans two."""
        by_declaration = tables.outcomes.group_by("declaration_id").agg(
            pl.col("lane").first(), pl.col("cause").first().str.split(":").list.first(), pl.col("violation").max()
        )
        self._lanes.update(dict(by_declaration.group_by(pl.col("lane").cast(pl.String)).len().iter_rows()))
        self._causes.update(dict(by_declaration.group_by("cause").len().iter_rows()))
        self._found += int(by_declaration["violation"].sum())
        self._fraudulent += tables.truth.filter("fraudulent")["declaration_id"].n_unique()

    def shares(self) -> dict[str, Any]:
        """Return the counts and shares of :class:`GenerationSummary`."""
        count = self._lanes.total()
        controlled = count - self._lanes[Lane.GREEN]
        return {
            "declarations": count,
            "lane_shares": {str(lane): self._lanes[lane] / count for lane in Lane},
            "cause_shares": {cause: self._causes[cause] / count for cause in sorted(self._causes)},
            "controlled_share": controlled / count,
            "hit_rate": self._found / max(controlled, 1),
            "violation_rate": self._fraudulent / count,
        }
