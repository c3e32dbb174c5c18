"""What a comparison of two sets found: tidy tables, the same as JSON, and a short text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from textwrap import wrap
from typing import Any

import polars as pl

from workbench.criteria.backtest.frames import as_json, from_rows
from workbench.criteria.backtest.text import counted, period
from workbench.errors import SchemaError

_TEXT, _COUNT, _NUMBER, _DAY = pl.String(), pl.Int64(), pl.Float64(), pl.Date()
_KNOWN = {"labelled_items": _COUNT, "known_violations": _COUNT, "known_recovered_duty_usd": _NUMBER}
_MOVED = {"declarations": _COUNT, "moved_up": _COUNT, "moved_down": _COUNT}
_CONTROLS = {"controls_before": _COUNT, "controls_after": _COUNT}

TABLES: dict[str, dict[str, pl.DataType]] = {
    "changes": dict.fromkeys(("what", "name", "change", "field", "before", "after"), _TEXT),
    "moves": {
        "declaration_id": _TEXT,
        "office_id": _TEXT,
        "day": _DAY,
        "direction": _TEXT,
        "lane_before": _TEXT,
        "lane_after": _TEXT,
        "cause_before": _TEXT,
        "cause_after": _TEXT,
        "because": _TEXT,
        "criterion": _TEXT,
        "reason": _TEXT,
        **_KNOWN,
    },
    "lanes": {"lane_before": _TEXT, "lane_after": _TEXT, "declarations": _COUNT, **_KNOWN},
    "directions": {"direction": _TEXT, "declarations": _COUNT, **_KNOWN},
    "criteria": {"because": _TEXT, "criterion": _TEXT, "moved_up": _COUNT, "moved_down": _COUNT, **_KNOWN},
    "offices": {"office_id": _TEXT, "lane": _TEXT, **_CONTROLS},
    "office_days": {"office_id": _TEXT, "day": _DAY, **_MOVED, **_CONTROLS},
}
"""Columns and types of every table of a comparison."""

WIDTH = 100

BECAUSE = {
    "new_hit": "now hit",
    "lost_hit": "no longer hit",
    "redrawn": "other hits drawn",
    "changed_lane": "another lane proposed",
    "points": "another sum of points",
    "room": "place freed or taken",
}
"""Why declarations change lane, in words, by the code of `diff.moves.REASONS`."""


@dataclass(frozen=True)
class Diff:
    """Two sets of criteria resolved on the same period by one policy and the same draws.

    Lanes are those before the random arm draws. A control is a declaration in any lane but green. ``labelled_items``,
    ``known_violations`` and ``known_recovered_duty_usd`` are of items that were controlled at the time; of the others
    nothing is known.

    Parameters
    ----------
    start, end
        First moment of the period, and the moment after it.
    declarations
        Declarations of the period.
    changes
        One row a change in the sets: ``what`` (criterion, list, points), ``name``, ``change`` (added, removed,
        changed), ``field``, ``before``, ``after``.
    moves
        One row a declaration that changes lane: office, ``day``, ``direction`` (up or down), lanes and causes before
        and after, ``because`` (see `diff.moves.REASONS`), the ``criterion`` it comes of (null for room and points) and
        the ``reason`` as a sentence.
    lanes
        Declarations by lane before and lane after, those that stay included.
    directions
        Declarations and what is known of them that move ``up``, ``down``, or stay the ``same``.
    criteria
        The moves by reason and criterion.
    offices
        Declarations of each office by lane (green too), before and after.
    office_days
        Offices' days on which a declaration moves: how many lodged and moved, and controls before and after.
    caveats
        Sentences to show beside every figure.
    """

    start: datetime
    end: datetime
    declarations: int
    changes: pl.DataFrame
    moves: pl.DataFrame
    lanes: pl.DataFrame
    directions: pl.DataFrame
    criteria: pl.DataFrame
    offices: pl.DataFrame
    office_days: pl.DataFrame
    caveats: tuple[str, ...]

    def describe(self, top: int = 15) -> str:
        """Return the changes, the moves by lane and reason, and the `top` offices' changes, 100 columns wide."""
        head = f"{counted(self.declarations, 'declaration')}, {period(self.start, self.end)}: "
        head += f"{self.moves.height:,} change{'s' if self.moves.height == 1 else ''} lane"
        parts = [self._changes(top), [head, *self._lanes()], self._reasons(top), self._offices(top), self._known()]
        parts.append([line for caveat in self.caveats for line in wrap(caveat, WIDTH)])
        return "\n\n".join("\n".join(_cut(line) for line in part) for part in parts if part)

    def _changes(self, top: int) -> list[str]:
        rows = [_change(row) for row in self.changes.head(top).iter_rows(named=True)]
        left = self.changes.height - len(rows)
        more = [f"  ... and {left:,} more"] if left > 0 else []
        return ["Changes of the set", *rows, *more] if rows else ["The sets are alike."]

    def _lanes(self) -> list[str]:
        moved = self.lanes.filter(pl.col("lane_before") != pl.col("lane_after")).iter_rows(named=True)
        return [f"  {row['lane_before']:>7} -> {row['lane_after']:<7}{row['declarations']:>10,}" for row in moved]

    def _reasons(self, top: int) -> list[str]:
        rows = [
            f"  {BECAUSE[row['because']]:<23}{row['criterion'] or '':<32}{row['moved_up']:>8,} up"
            f"{row['moved_down']:>8,} down"
            for row in self.criteria.head(top).iter_rows(named=True)
        ]
        return ["Why", *rows] if rows else []

    def _offices(self, top: int) -> list[str]:
        controls = self.offices.filter(pl.col("lane") != "green").group_by("office_id")
        summed = controls.agg(pl.col("controls_before").sum(), pl.col("controls_after").sum())
        changed = summed.with_columns(more=pl.col("controls_after") - pl.col("controls_before"))
        changed = changed.filter(pl.col("more") != 0).sort(pl.col("more").abs(), "office_id", descending=[True, False])
        rows = [
            f"  {row['office_id']:<14}{row['controls_before']:>10,} -> {row['controls_after']:<10,}{row['more']:>+8,}"
            for row in changed.head(top).iter_rows(named=True)
        ]
        return ["Controls by office", *rows] if rows else []

    def _known(self) -> list[str]:
        rows = self.directions.filter(pl.col("direction") != "same").iter_rows(named=True)
        return [
            f"Known violations among those that move {row['direction']}: {row['known_violations']:,} of "
            f"{counted(row['labelled_items'], 'item')} with a known result"
            for row in rows
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON values: tables as lists of rows, dates as ISO texts."""
        return {field.name: as_json(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Diff:
        """Rebuild a comparison from what :meth:`to_dict` gave.

        Raises
        ------
        SchemaError
            A part is missing or has other columns: it was written by another version.
        """
        names = [field.name for field in fields(cls)]
        if missing := [name for name in names if name not in data]:
            raise SchemaError(f"This is no comparison of sets: it lacks {', '.join(missing)}. Make it again.")
        read: dict[str, Any] = {
            name: from_rows(name, data[name], TABLES[name]) if name in TABLES else data[name] for name in names
        }
        moments = {name: datetime.fromisoformat(data[name]) for name in ("start", "end")}
        return cls(**{**read, **moments, "caveats": tuple(data["caveats"])})


def _change(row: Mapping[str, Any]) -> str:
    place = f"  {row['what']} {row['name']}"
    if row["change"] != "changed":
        return f"{place} {row['change']}: {row['after'] or row['before'] or ''}"
    return f"{place} {row['field']}: {row['before'] or 'nothing'} -> {row['after'] or 'nothing'}"


def _cut(line: str) -> str:
    flat = " ".join(line.split("\n")).rstrip()
    return flat if len(flat) <= WIDTH else f"{flat[: WIDTH - 3]}..."
