"""Filling lanes: what criteria name in all of them, then the random arm, then the top-up from would-be green."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import polars as pl

from ..schema import Lane
from .candidates import finite
from .draw import uniforms
from .policy import SelectionPolicy, Shares
from .room import Counts, Flags, Room

CONTROLS = tuple(lane for lane in reversed(Lane) if lane is not Lane.GREEN)
"""Lanes with a control, the most severe first."""


class Cause(IntEnum):
    """What gave a declaration its lane."""

    NONE = 0
    NAMED = 1
    RANDOM = 2
    MODEL = 3
    LOT = 4


def _by_score(cell: Counts, score: Shares, draw: Shares) -> Counts:
    """Return the order by office's day, then the highest score first.

    Equal scores are ordered by lot: neither the row's place in the file nor its number decides.
    """
    table = pl.DataFrame({"cell": cell, "score": -score, "draw": draw})
    order: Counts = table.select(pl.arg_sort_by("cell", "score", "draw").cast(pl.Int64)).to_series().to_numpy()
    return order


@dataclass
class Filling:
    """Who sits in which lane and why, and the seats left, while lanes are filled.

    Parameters
    ----------
    candidates, room, policy
        Declarations, the controls that their offices may do, and the policy in force.
    draw
        Each declaration's number for the random arm, in [0, 1); it also orders equals.
    score, proposed
        Score (-inf where there is none, or none that is finite) and proposed severity (0 for none).
    lane, cause
        Severity of the lane that each declaration has, and the `Cause` of it.
    left
        Seats left by office's day, for each limited lane.
    by_score
        Order by office's day, then the highest score first; empty where no lane is the model's.
    """

    candidates: pl.DataFrame
    room: Room
    policy: SelectionPolicy
    draw: Shares
    score: Shares
    proposed: Counts
    lane: Counts
    cause: Counts
    left: dict[Lane, Counts]
    by_score: Counts

    @classmethod
    def start(cls, candidates: pl.DataFrame, room: Room, policy: SelectionPolicy) -> Filling:
        """Start with every declaration in green."""
        draw = uniforms(policy.key, "random", candidates["declaration_id"].to_list())
        score = finite(candidates["score"])
        return cls(
            candidates,
            room,
            policy,
            draw,
            score,
            candidates["proposed_severity"].cast(pl.Int64).to_numpy(),
            np.zeros(candidates.height, dtype=np.int64),
            np.full(candidates.height, Cause.NONE),
            {lane: slots.copy() for lane, slots in room.slots.items()},
            _by_score(room.cell, score, draw) if policy.model_lanes else np.empty(0, dtype=np.int64),
        )

    def seat_named(self) -> None:
        """Seat what criteria named in their lanes, or in the next milder lane with room."""
        named = np.flatnonzero(self.proposed > 0)
        priority = self.candidates["priority"].fill_null(0).to_numpy()
        order = np.lexsort((self.draw[named], -self.score[named], -priority[named], self.room.cell[named]))
        queue = named[order]
        for lane in CONTROLS:
            self._seat(lane, Cause.NAMED, queue[(self.proposed[queue] >= lane.severity) & (self.lane[queue] == 0)])

    def seat_drawn(self) -> None:
        """Seat whom the lot drew for the random arm among what no criterion named."""
        drawn = np.flatnonzero(self.in_hat & self.drawn)
        order = np.lexsort((self.draw[drawn], self.room.cell[drawn]))
        self._seat(self.policy.random_lane, Cause.RANDOM, drawn[order])

    def top_up(self) -> None:
        """Fill what is left from would-be green, the most severe lane first, by score or by lot."""
        for lane in self.policy.top_up_lanes:
            if lane in self.policy.model_lanes:
                waits = (self.lane == 0) & np.isfinite(self.score)
                self._seat(lane, Cause.MODEL, self.by_score[waits[self.by_score]])
            else:
                self._seat(lane, Cause.LOT, self._by_lot(lane))

    def _by_lot(self, lane: Lane) -> Counts:
        waiting = np.flatnonzero((self.lane == 0) & (self.left[lane] > 0)[self.room.cell])
        lots = uniforms(self.policy.key, f"top-up:{lane}", self.candidates["declaration_id"][waiting].to_list())
        return waiting[np.lexsort((lots, self.room.cell[waiting]))]

    def _seat(self, lane: Lane, cause: Cause, ordered: Counts) -> None:
        """Seat the first of each office's day, as many as there is room for; `ordered` is sorted by cell."""
        if lane in self.left:
            left, cells = self.left[lane], self.room.cell[ordered]
            starts = np.searchsorted(cells, np.arange(len(left)))
            ordered = ordered[np.arange(len(ordered)) - starts[cells] < left[cells]]
            left -= self.by_cell(ordered)
        self.lane[ordered] = lane.severity
        self.cause[ordered] = cause

    @property
    def in_hat(self) -> Flags:
        """Who may be drawn for the random arm: what no criterion named."""
        unnamed: Flags = self.proposed == 0
        return unnamed

    @property
    def drawn(self) -> Flags:
        """Who was drawn by lot, whether or not there was room."""
        drawn: Flags = self.draw < self.policy.random_share
        return drawn

    @property
    def without_room(self) -> Flags:
        """Who was named by a criterion and found no lane with room, nor was topped up."""
        refused: Flags = (self.proposed > 0) & (self.lane == 0)
        return refused

    def by_cell(self, declarations: Counts) -> Counts:
        """Count declarations by office's day."""
        return np.bincount(self.room.cell[declarations], minlength=len(self.room.size))

    def causes(self) -> pl.Series:
        """Return the cause of each lane as text; what was named and found no room keeps what named it."""
        coded = np.where(self.without_room, Cause.NAMED, self.cause)
        texts = {cause: pl.lit(cause.name.lower()) for cause in Cause} | {Cause.NAMED: pl.col("proposed_cause")}
        chosen = [pl.when(pl.col("cause") == int(cause)).then(text) for cause, text in texts.items()]
        both = self.candidates.select("proposed_cause").with_columns(cause=pl.Series(coded))
        return both.select(cause=pl.coalesce(chosen)).to_series()
