"""Filling lanes: criteria, then the random arm, then the model's highest scores, as many as there is room for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import polars as pl

from ..schema import Lane
from .policy import SelectionPolicy, Shares
from .room import Counts, Room

Flags = npt.NDArray[np.bool_]

_UNLIMITED = np.iinfo(np.int64).max


class Cause(IntEnum):
    """What gave a declaration its lane."""

    NONE = 0
    RANDOM = 1
    CRITERION = 2
    MODEL = 3


def _by_score(cell: Counts, score: Shares, draw: Shares) -> Counts:
    """Return the order by office's day, then the highest score first.

    Equal scores are ordered by lot: neither the row's place in the file nor its number decides.
    """
    table = pl.DataFrame({"cell": cell, "score": -score, "draw": draw})
    order: Counts = table.select(pl.arg_sort_by("cell", "score", "draw").cast(pl.Int64)).to_series().to_numpy()
    return order


@dataclass
class Filling:
    """Who sits in which lane and why, while lanes are filled from the most severe down.

    It keeps the lowest score that the model took on each office's day, and of the random arm's lane who was in the hat
    and who was ahead of the draw.
    """

    candidates: pl.DataFrame
    room: Room
    policy: SelectionPolicy
    draw: Shares
    score: Shares
    proposed: Counts
    by_score: Counts
    lane: Counts
    cause: Counts
    model_threshold: Shares
    in_hat: Flags
    ahead_of_draw: Flags

    @classmethod
    def start(cls, candidates: pl.DataFrame, room: Room, policy: SelectionPolicy, draw: Shares) -> Filling:
        """Start with every declaration in green; `draw` holds each one's number for the random arm, in [0, 1)."""
        score = candidates["score"].fill_null(-np.inf).to_numpy()
        count = candidates.height
        return cls(
            candidates,
            room,
            policy,
            draw,
            score,
            candidates["proposed_severity"].cast(pl.Int64).to_numpy(),
            _by_score(room.cell, score, draw),
            np.zeros(count, dtype=np.int64),
            np.full(count, Cause.NONE),
            np.full(len(room.size), np.inf),
            np.zeros(count, dtype=bool),
            np.zeros(count, dtype=bool),
        )

    def fill(self, lane: Lane) -> None:
        """Fill one lane: criteria, then the random arm, then the model."""
        left = self.room.slots.get(lane, np.full(len(self.room.size), _UNLIMITED)).copy()
        # A proposal for a more severe lane that found no room there is served here.
        named = np.flatnonzero((self.proposed >= lane.severity) & (self.lane == 0))
        priority = self.candidates["priority"].fill_null(0).to_numpy()
        order = np.lexsort((self.draw[named], -self.score[named], -priority[named], self.room.cell[named]))
        self._seat(lane, Cause.CRITERION, named[order], left)
        if lane is self.policy.random_lane:
            self.ahead_of_draw[named] = True
            self.in_hat = (self.proposed == 0) & (self.lane == 0)
            drawn = np.flatnonzero(self.drawn & self.in_hat)
            self._seat(lane, Cause.RANDOM, drawn[np.lexsort((self.draw[drawn], self.room.cell[drawn]))], left)
        if lane in self.policy.model_lanes and lane in self.room.slots:
            scored = self.by_score[(self.lane[self.by_score] == 0) & np.isfinite(self.score[self.by_score])]
            seated = self._seat(lane, Cause.MODEL, scored, left)
            np.minimum.at(self.model_threshold, self.room.cell[seated], self.score[seated])

    def _seat(self, lane: Lane, cause: int, ordered: Counts, left: Counts) -> Counts:
        """Seat the first of each office's day, as many as there is room for; `ordered` is sorted by cell."""
        cells = self.room.cell[ordered]
        starts = np.searchsorted(cells, np.arange(len(left)))
        rank = np.arange(len(ordered)) - starts[cells]
        seated = ordered[rank < left[cells]]
        self.lane[seated] = lane.severity
        self.cause[seated] = cause
        left -= self.by_cell(seated)
        return seated

    @property
    def drawn(self) -> Flags:
        """Who was drawn by lot, whether or not there was room."""
        drawn: Flags = self.draw < self.policy.random_share
        return drawn

    @property
    def without_room(self) -> Flags:
        """Who was named by a criterion and found no lane with room."""
        refused: Flags = (self.proposed > 0) & (self.lane == 0)
        return refused

    def by_cell(self, declarations: Counts) -> Counts:
        """Count declarations by office's day."""
        return np.bincount(self.room.cell[declarations], minlength=len(self.room.size))

    def causes(self) -> pl.Series:
        """Return the cause of each lane as text."""
        named = pl.concat_str(pl.lit("criterion:"), pl.col("proposed_by"))
        coded = self.candidates.select("proposed_by").with_columns(cause=pl.Series(self.cause))
        plain = {cause: pl.lit(cause.name.lower()) for cause in Cause}
        texts = plain | {Cause.CRITERION: named}
        chosen = [pl.when(pl.col("cause") == int(cause)).then(text) for cause, text in texts.items()]
        return coded.select(cause=pl.coalesce(chosen)).to_series()
