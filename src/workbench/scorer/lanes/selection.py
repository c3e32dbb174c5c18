"""From scores and criteria hits to lanes: capacity a day and an office, a random arm, and the reason for each choice.

Lanes are filled from the most severe down, each in the order of the systems in use (ASYCUDA++ MODSEL 6.7-6.8): what
criteria named, then the random arm among what no criterion named, then the model's highest scores until the lane is
full. What finds no room goes on to the next lane; where every lane is full it stays green under its criterion's name,
and is not taken for goods without a hit. A declaration is selected as a whole: its items share one lane.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import exp, log, log1p
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import BundleError, did_you_mean
from ..schema import Lane
from .draw import uniforms

Counts = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

UNLIMITED = np.iinfo(np.int64).max


@dataclass(frozen=True)
class LaneLimit:
    """Controls that one office can do in a day: a share of its declarations, a count, or the lesser of both."""

    lane: Lane
    share: float | None = None
    count: int | None = None

    def expected(self, declarations: Shares) -> Shares:
        """Return the capacity of offices with that many declarations a day, fractions included."""
        by_share = np.inf if self.share is None else declarations * self.share
        return np.minimum(by_share, np.inf if self.count is None else float(self.count)) + np.zeros(len(declarations))


@dataclass(frozen=True)
class SelectionPolicy:
    """How declarations are selected.

    Parameters
    ----------
    limits
        Capacity of each limited lane. A lane without a limit takes all that criteria name, and nothing from the model.
    model_lanes
        Lanes that the model fills up with its highest scores.
    random_share
        Probability with which each declaration is drawn for the random arm.
    random_lane
        The lane of the random arm: a full control, or its result is no view of the whole.
    fallback_lane
        Lane of a declaration that could not be read; never green.
    key
        Secret of the draws.
    """

    limits: tuple[LaneLimit, ...]
    model_lanes: tuple[Lane, ...]
    random_share: float
    random_lane: Lane
    fallback_lane: Lane
    key: bytes

    def limit(self, lane: Lane) -> LaneLimit | None:
        """Return the limit of `lane`, ``None`` if it has none."""
        return next((limit for limit in self.limits if limit.lane is lane), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the policy as JSON; the key is written in hexadecimal, so guard the file as you guard the key."""
        return asdict(self) | {"key": self.key.hex()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SelectionPolicy:
        """Rebuild a policy from JSON."""
        try:
            return cls(
                limits=tuple(LaneLimit(Lane(row["lane"]), row["share"], row["count"]) for row in data["limits"]),
                model_lanes=tuple(Lane(lane) for lane in data["model_lanes"]),
                random_share=float(data["random_share"]),
                random_lane=Lane(data["random_lane"]),
                fallback_lane=Lane(data["fallback_lane"]),
                key=bytes.fromhex(data["key"]),
            )
        except (KeyError, ValueError, TypeError) as error:
            raise BundleError(f"The selection policy is not readable: {error}. Export the bundle again.") from None


CANDIDATE_TYPES = {
    "declaration_id": pl.String(),
    "office_id": pl.String(),
    "lodged_on": pl.Date(),
    "score": pl.Float64(),
    "proposed_severity": pl.Int8(),
    "proposed_by": pl.String(),
    "priority": pl.Int32(),
    "criteria_probability": pl.Float64(),
}
"""Columns of the table that `select` reads, one row a declaration.

``proposed_severity`` (0 for none), ``proposed_by`` and ``priority`` are of the criterion that won after the draw of hit
percentages; ``criteria_probability`` is the probability that at least one criterion selects the declaration.
"""


def select(candidates: pl.DataFrame, policy: SelectionPolicy) -> pl.DataFrame:
    """Give every declaration a lane.

    Parameters
    ----------
    candidates
        One row a declaration with the columns of `CANDIDATE_TYPES`.
    policy
        The policy in force.

    Returns
    -------
    polars.DataFrame
        ``declaration_id``, ``lane``, ``cause``, ``inclusion_probability`` in the order of `candidates`. The inclusion
        probability is that of being given any lane but green: 1 where criteria or score alone would have selected the
        declaration, 0 where its criterion found every lane full, else what the draws give.
    """
    if missing := [name for name in CANDIDATE_TYPES if name not in candidates.columns]:
        raise BundleError(f"Selection needs the column(s) {missing}{did_you_mean(missing[0], candidates.columns)}.")
    room = _Room.of(candidates, policy)
    draw = uniforms(policy.key, "random", candidates["declaration_id"].to_list())
    filling = _Filling.start(candidates, room, policy, draw)
    for lane in reversed(Lane):
        if lane is not Lane.GREEN:
            filling.fill(lane)
    filling.cause[filling.without_room] = _CRITERION
    return pl.DataFrame(
        {
            "declaration_id": candidates["declaration_id"],
            "lane": pl.Series(np.array([str(lane) for lane in Lane])[filling.lane]).cast(_LANES),
            "cause": filling.causes(),
            "inclusion_probability": filling.inclusion_probability(),
        }
    )


_LANES = pl.Enum([str(lane) for lane in Lane])
_NO_CAUSE, _RANDOM, _CRITERION, _MODEL = range(4)


@dataclass(frozen=True)
class _Room:
    """The offices' days: which one each declaration belongs to, how many declarations it has, slots by lane."""

    cell: Counts
    size: Counts
    slots: dict[Lane, Counts]
    expected: dict[Lane, Shares]

    @classmethod
    def of(cls, candidates: pl.DataFrame, policy: SelectionPolicy) -> _Room:
        cells = slots_by_office_day(candidates, policy)
        place = candidates.select("office_id", "lodged_on").join(
            cells.with_row_index("cell"),
            on=["office_id", "lodged_on"],
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )
        size = cells["declarations"].to_numpy()
        limited = {limit.lane: limit.expected(size.astype(np.float64)) for limit in policy.limits}
        slots = {lane: cells[f"{lane}_slots"].to_numpy() for lane in limited}
        return cls(place["cell"].cast(pl.Int64).to_numpy(), size, slots, limited)


def slots_by_office_day(candidates: pl.DataFrame, policy: SelectionPolicy) -> pl.DataFrame:
    """Return for each office and day its declarations and, for each limited lane, the controls it may do.

    A capacity of 0.4 controls is one control on four days of ten: the fraction is rounded by lot, keyed by office, day
    and lane, so that small offices get their share in the long run and repeated runs agree.

    Returns
    -------
    polars.DataFrame
        ``office_id``, ``lodged_on``, ``declarations`` and ``<lane>_slots`` for each limited lane.
    """
    cells = candidates.group_by("office_id", "lodged_on").agg(declarations=pl.len().cast(pl.Int64))
    cells = cells.sort("office_id", "lodged_on", nulls_last=True)
    names = cells.select(pl.concat_str("office_id", pl.lit("|"), pl.col("lodged_on").cast(pl.String))).to_series()
    for limit in policy.limits:
        expected = limit.expected(cells["declarations"].to_numpy().astype(np.float64))
        fraction = uniforms(policy.key, f"capacity:{limit.lane}", names.fill_null("|").to_list())
        slots = np.floor(expected) + (fraction < expected - np.floor(expected))
        cells = cells.with_columns(pl.Series(f"{limit.lane}_slots", slots.astype(np.int64)))
    return cells


@dataclass
class _Filling:
    """State of the filling: who sits in which lane and why.

    It keeps the lowest score that the model took on each office's day, and of the random arm's lane who was in the hat
    and who was ahead of the draw.
    """

    candidates: pl.DataFrame
    room: _Room
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
    def start(cls, candidates: pl.DataFrame, room: _Room, policy: SelectionPolicy, draw: Shares) -> _Filling:
        score = candidates["score"].fill_null(-np.inf).to_numpy()
        count = candidates.height
        return cls(
            candidates,
            room,
            policy,
            draw,
            score,
            candidates["proposed_severity"].cast(pl.Int64).to_numpy(),
            # Equal scores are ordered by lot: neither the row's place in the file nor its number decides.
            np.lexsort((draw, -score, room.cell)),
            np.zeros(count, dtype=np.int64),
            np.full(count, _NO_CAUSE),
            np.full(len(room.size), np.inf),
            np.zeros(count, dtype=bool),
            np.zeros(count, dtype=bool),
        )

    def fill(self, lane: Lane) -> None:
        """Fill one lane: criteria, then the random arm, then the model."""
        left = self.room.slots.get(lane, np.full(len(self.room.size), UNLIMITED)).copy()
        # A proposal for a more severe lane that found no room there is served here.
        named = np.flatnonzero((self.proposed >= lane.severity) & (self.lane == 0))
        priority = self.candidates["priority"].fill_null(0).to_numpy()
        order = np.lexsort((self.draw[named], -self.score[named], -priority[named], self.room.cell[named]))
        self._seat(lane, _CRITERION, named[order], left)
        if lane is self.policy.random_lane:
            self.ahead_of_draw[named] = True
            self.in_hat = (self.proposed == 0) & (self.lane == 0)
            drawn = np.flatnonzero(self._drawn & self.in_hat)
            self._seat(lane, _RANDOM, drawn[np.lexsort((self.draw[drawn], self.room.cell[drawn]))], left)
        if lane in self.policy.model_lanes and lane in self.room.slots:
            scored = self.by_score[(self.lane[self.by_score] == 0) & np.isfinite(self.score[self.by_score])]
            seated = self._seat(lane, _MODEL, scored, left)
            np.minimum.at(self.model_threshold, self.room.cell[seated], self.score[seated])

    def _seat(self, lane: Lane, cause: int, ordered: Counts, left: Counts) -> Counts:
        """Seat the first of each office's day, as many as there is room for; `ordered` is sorted by cell."""
        cells = self.room.cell[ordered]
        starts = np.searchsorted(cells, np.arange(len(left)))
        rank = np.arange(len(ordered)) - starts[cells]
        seated = ordered[rank < left[cells]]
        self.lane[seated] = lane.severity
        self.cause[seated] = cause
        left -= self._by_cell(seated)
        return seated

    @property
    def _drawn(self) -> Flags:
        drawn: Flags = self.draw < self.policy.random_share
        return drawn

    @property
    def without_room(self) -> Flags:
        """Who was named by a criterion and found no lane with room."""
        refused: Flags = (self.proposed > 0) & (self.lane == 0)
        return refused

    def _by_cell(self, declarations: Counts) -> Counts:
        return np.bincount(self.room.cell[declarations], minlength=len(self.room.size))

    def causes(self) -> pl.Series:
        """Return the cause of each lane as text."""
        named = pl.concat_str(pl.lit("criterion:"), pl.col("proposed_by"))
        coded = self.candidates.select("proposed_by").with_columns(cause=pl.Series(self.cause))
        texts = {_RANDOM: pl.lit("random"), _CRITERION: named, _MODEL: pl.lit("model"), _NO_CAUSE: pl.lit("none")}
        chosen = [pl.when(pl.col("cause") == code).then(text) for code, text in texts.items()]
        return coded.select(cause=pl.coalesce(chosen)).to_series()

    def inclusion_probability(self) -> Shares:
        """Return each declaration's probability of any control under this policy, given what is known of it."""
        by_criteria = self.candidates["criteria_probability"].fill_null(0.0).to_numpy()
        # Who escapes the criteria's percentages is in the hat of the random arm.
        probability = by_criteria + (1.0 - by_criteria) * self._random_probability()
        result: Shares = np.where(self._certain(), 1.0, np.where(self.without_room, 0.0, probability))
        return result

    def _certain(self) -> Flags:
        """Return whom the model selected, or would have selected had no draw taken them before.

        A seat that a draw took in a lane of the model would have gone to the best score left without one; beside any
        other seat, and where others were drawn without finding room, a declaration would have had to be better than
        the lowest that the model took.
        """
        waiting = np.where((self.lane == 0) & np.isfinite(self.score), self.score, -np.inf)
        best_left = np.full(len(self.room.size), -np.inf)
        np.maximum.at(best_left, self.room.cell, waiting)
        of_model = [lane.severity for lane in self.policy.model_lanes if lane in self.room.slots]
        crowded = self._by_cell(np.flatnonzero(self.in_hat & self._drawn & (self.cause != _RANDOM))) > 0
        frees_a_seat = np.isin(self.lane, of_model) & ~crowded[self.room.cell]
        bar = np.where(frees_a_seat, best_left[self.room.cell], self.model_threshold[self.room.cell])
        certain: Flags = (self.cause == _MODEL) | ((self.lane > 0) & (self.score > bar))
        return certain

    def _random_probability(self) -> Shares:
        """Return each declaration's probability of being drawn *and* finding room, had no criterion taken it.

        It is equal for all in the hat of an office's day. Whom a criterion took would have been one more in the hat,
        with one more seat to draw for if it was ahead of the draw.
        """
        if self.policy.random_lane not in self.room.expected:
            return np.full(len(self.lane), self.policy.random_share)
        beside = np.where(self.ahead_of_draw, self._chance(1, 1)[self.room.cell], self._chance(0, 1)[self.room.cell])
        return np.where(self.in_hat, self._chance(0, 0)[self.room.cell], beside)

    def _chance(self, more_seats: int, more_in_hat: int) -> Shares:
        """Return, by office's day, the probability of being drawn and finding room, over the draws and the rounding."""
        expected = self.room.expected[self.policy.random_lane]
        in_hat = self._by_cell(np.flatnonzero(self.in_hat)) + more_in_hat
        low = np.floor(expected)
        seats = low - self._by_cell(np.flatnonzero(self.ahead_of_draw)) + more_seats
        full = [
            (1 - f) * self._mean_seated(int(n), s) + f * self._mean_seated(int(n), s + 1)
            for n, s, f in zip(in_hat, seats, expected - low, strict=True)
        ]
        return np.asarray(full) / np.maximum(in_hat, 1)

    def _mean_seated(self, in_hat: int, seats: float) -> float:
        return _mean_seated(in_hat, self.policy.random_share, int(max(seats, 0)))


@lru_cache(maxsize=65_536)
def _mean_seated(size: int, share: float, seats: int) -> float:
    """Return the mean of min(seats, B) for B binomial(size, share): who is drawn beyond the seats is not controlled.

    >>> round(_mean_seated(10, 0.1, 10), 6), _mean_seated(10, 0.1, 0)
    (1.0, 0.0)
    """
    if share in (0.0, 1.0) or seats >= size:
        return min(float(seats), size * share)
    # mean of min(s, B) = sum over j = 1..s of P(B >= j); in logarithms, since 0.99 to the 100,000th is no float
    log_mass, odds, below, total = size * log1p(-share), log(share) - log1p(-share), 0.0, 0.0
    for drawn in range(seats):
        below += exp(log_mass)
        total += max(1.0 - below, 0.0)
        log_mass += log((size - drawn) / (drawn + 1)) + odds
    return total
