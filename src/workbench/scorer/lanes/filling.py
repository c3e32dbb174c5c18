"""Filling lanes: what criteria name in all of them, then the top-up from would-be green.

The same passes decide a day and tell how likely each outcome was: they are run under the rounding that the lots gave,
and again under every other one (see :mod:`.probabilities`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import polars as pl

from ..schema import Lane
from .candidates import finite
from .draw import uniforms
from .policy import SelectionPolicy
from .room import Counts, Flags, Room, Rounding

CONTROLS = tuple(lane for lane in reversed(Lane) if lane is not Lane.GREEN)
"""Lanes with a control, the most severe first."""

ORDER = "order"
"""Purpose of the lots that put equals in order."""


class Cause(IntEnum):
    """What gave a declaration its would-be lane."""

    NONE = 0
    NAMED = 1
    MODEL = 2
    LOT = 3


@dataclass(frozen=True)
class Queues:
    """Who stands where for a seat: the same under every rounding of the capacities.

    Equals are ordered by lot: neither a row's place in the file nor its number decides.

    Parameters
    ----------
    numbers, cell
        Each declaration's number and office's day.
    proposed
        Severity that criteria propose, 0 for none.
    is_scored
        Who has a score that is a number.
    named
        Those whom criteria name or might have named, by office's day, priority, score and lot.
    by_score
        Those with a score, by office's day, then the highest score first; empty where no lane is the model's.
    turn
        Each declaration's place in `by_score`; behind all of them without one.
    """

    numbers: pl.Series
    cell: Counts
    proposed: Counts
    is_scored: Flags
    named: Counts
    by_score: Counts
    turn: Counts

    @classmethod
    def of(cls, candidates: pl.DataFrame, room: Room, policy: SelectionPolicy) -> Queues:
        """Put `candidates` in order."""
        proposed = candidates["proposed_severity"].cast(pl.Int8).to_numpy()
        is_named, score = proposed > 0, finite(candidates["score"])
        by_name = is_named | (candidates["criteria_probability"] > 0).to_numpy()
        is_scored = np.isfinite(score)
        by_model = is_scored & bool(policy.model_lanes)
        given = pl.DataFrame({"cell": room.cell, "score": -score}).with_columns(number=candidates["declaration_id"])
        given = given.with_columns(lot=_lots_of_equals(given, by_name | by_model, policy.key))
        urgency = -np.where(is_named, candidates["priority"], candidates["priority_if_drawn"])
        given = given.with_columns(urgency=pl.Series(urgency))
        by_score = _ordered(given, by_model, "cell", "score", "lot")
        turn = np.full(len(score), len(by_score))
        turn[by_score] = np.arange(len(by_score))
        named = _ordered(given, by_name, "cell", "urgency", "score", "lot")
        return cls(candidates["declaration_id"], room.cell, proposed, is_scored, named, by_score, turn)


@dataclass
class Filling:
    """Who sits in which lane and why, and the seats left, while lanes are filled.

    Parameters
    ----------
    queues, room, policy
        Who stands for seats, the offices' days, and the policy in force.
    left
        Seats left by office's day, for each limited lane.
    lane, cause
        Severity of the lane that each declaration has, and the `Cause` of it; a byte each, as they are gone over a
        dozen times.
    """

    queues: Queues
    room: Room
    policy: SelectionPolicy
    left: dict[Lane, Counts]
    lane: Counts
    cause: Counts

    @classmethod
    def start(cls, queues: Queues, room: Room, policy: SelectionPolicy, rounding: Rounding) -> Filling:
        """Start with every declaration in green and the seats of one rounding."""
        left = {lane: slots.copy() for lane, slots in rounding.slots.items()}
        size = len(room.cell)
        return cls(queues, room, policy, left, np.zeros(size, np.int8), np.full(size, Cause.NONE, np.int8))

    def seat_named(self) -> None:
        """Seat what criteria named in their lanes, or in the next milder lane with room."""
        for lane in CONTROLS:
            queue = self.queues.named
            self._seat(lane, Cause.NAMED, queue[self.wants(lane)[queue]])

    def wants(self, lane: Lane) -> Flags:
        """Say who was named for `lane` or a more severe one and has no seat yet."""
        wants: Flags = (self.queues.proposed >= lane.severity) & (self.lane == 0)
        return wants

    def seat_by_score(self) -> None:
        """Top up the model's lanes from would-be green, the most severe first, by the highest scores."""
        queue = self.queues.by_score
        for lane in self.policy.top_up_lanes:
            if lane in self.policy.model_lanes:
                queue = queue[self.lane[queue] == 0]
                self._seat(lane, Cause.MODEL, queue)

    def seat_by_lot(self) -> None:
        """Top up the lanes of the lot from what is still green, the most severe first."""
        for lane in self.policy.top_up_lanes:
            if lane in self.policy.lot_lanes:
                waiting = np.flatnonzero((self.lane == 0) & (self.left[lane] > 0)[self.room.cell])
                lots = uniforms(self.policy.key, f"top-up:{lane}", self.queues.numbers[waiting].to_list())
                self._seat(lane, Cause.LOT, waiting[np.lexsort((lots, self.room.cell[waiting]))])

    def _seat(self, lane: Lane, cause: Cause, ordered: Counts) -> None:
        """Seat the first of each office's day, as many as there is room for; `ordered` is sorted by office's day."""
        if lane in self.left:
            cells = self.room.cell[ordered]
            starts = np.searchsorted(cells, np.arange(len(self.left[lane])))
            ordered = ordered[np.arange(len(ordered)) - starts[cells] < self.left[lane][cells]]
            self.left[lane] = self.left[lane] - self.room.by_cell(ordered)
        self.lane[ordered] = lane.severity
        self.cause[ordered] = cause

    def causes(self, proposed: pl.Series) -> pl.Series:
        """Return the causes as text; what was named and found no room keeps what named it, as `proposed` states it."""
        coded = np.where((self.queues.proposed > 0) & (self.lane == 0), Cause.NAMED, self.cause)
        texts = {one: pl.lit(one.name.lower()) for one in Cause} | {Cause.NAMED: pl.col("named")}
        chosen = [pl.when(pl.col("cause") == int(one)).then(text) for one, text in texts.items()]
        both = pl.DataFrame({"cause": coded, "named": proposed})
        return both.select(cause=pl.coalesce(chosen)).to_series()


def _lots_of_equals(given: pl.DataFrame, queued: Flags, key: bytes) -> pl.Series:
    """Return a number by lot for each of those queued that stand beside an equal; the others need none."""
    places = np.flatnonzero(queued)
    equal = given.select("cell", "score")[places].is_duplicated().to_numpy()
    places, lots = places[equal], np.zeros(len(queued))
    lots[places] = uniforms(key, ORDER, given["number"][places].to_list())
    return pl.Series(lots)


def _ordered(given: pl.DataFrame, queued: Flags, *by: str) -> Counts:
    places = np.flatnonzero(queued)
    turn = given.select(by)[places].select(pl.arg_sort_by(by)).to_series()
    order: Counts = places[turn.to_numpy()]
    return order
