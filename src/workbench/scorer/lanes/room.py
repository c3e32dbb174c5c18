"""Room: how many controls each office may do on each day, fractions rounded by lot, and the random arm's part of them.

The random lane's seats are split. With S its capacity and a = min(random_share * declarations, S) the expected size of
the arm, one number u of the office's day in [0, 1) rounds both: the arm gets floor(u + a) seats, criteria and top-up
the floor(u + S) - floor(u + a) others. Together they are a rounding of S, and each is one of its own expectation.
Every other lane's capacity is rounded by a lot of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
import numpy.typing as npt
import polars as pl

from ..schema import Lane
from .draw import uniforms
from .policy import SelectionPolicy, Shares

Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SEATS = "random:seats"
"""Purpose of the lot that rounds an office's day in the random lane."""

_DAY = ["office_id", "lodged_on"]


@dataclass(frozen=True)
class Rounding:
    """One way to round the capacities, by office's day.

    Parameters
    ----------
    weight
        Probability that the lot rounds so.
    slots
        Controls that are left to criteria and top-up, by limited lane.
    arm
        Seats of the random arm.
    """

    weight: Shares
    slots: dict[Lane, Counts]
    arm: Counts


@dataclass(frozen=True)
class Room:
    """The offices' days and the controls that they may do.

    Parameters
    ----------
    cell
        The office's day that each declaration belongs to.
    size
        Declarations of each office's day.
    names
        Each office's day as its lots are named: ``office|day``.
    expected
        Controls that each office's day may do before rounding, by limited lane.
    arm_expected
        Expected seats of the random arm.
    random_lane
        Lane of the random arm.
    """

    cell: Counts
    size: Counts
    names: list[str]
    expected: dict[Lane, Shares]
    arm_expected: Shares
    random_lane: Lane

    @classmethod
    def of(cls, declarations: pl.DataFrame, policy: SelectionPolicy) -> Room:
        """Work out the room for `declarations` (``office_id`` and ``lodged_on``) under `policy`."""
        days = _days(declarations)
        place = declarations.select(_DAY).join(
            days.with_row_index("cell"), on=_DAY, how="left", nulls_equal=True, maintain_order="left"
        )
        size = days["declarations"].to_numpy()
        expected = {limit.lane: limit.expected(size.astype(np.float64)) for limit in policy.limits}
        arm = np.minimum(policy.random_share * size, expected.get(policy.random_lane, np.inf))
        cell = place["cell"].cast(pl.Int64).to_numpy()
        return cls(cell, size, _names(days), expected, arm, policy.random_lane)

    def drawn(self, key: bytes) -> Rounding:
        """Return the rounding that the lots of `key` give, with the weight of what is certain."""
        arm, slots = self._random_lane(uniforms(key, SEATS, self.names))
        for lane, expected in self._others():
            up = uniforms(key, f"capacity:{lane}", self.names) < expected - np.floor(expected)
            slots[lane] = np.floor(expected).astype(np.int64) + up
        return Rounding(np.ones(len(self.size)), slots, arm)

    def roundings(self) -> Iterator[Rounding]:
        """Yield every way to round the capacities; the weights of an office's day add up to 1."""
        others = [list(_either_way(lane, expected)) for lane, expected in self._others()]
        for jointly, chosen in product(list(self._jointly()), product(*others)):
            weight = jointly.weight * np.prod([np.ones(len(self.size)), *(chance for _, chance, _ in chosen)], axis=0)
            if weight.any():
                yield Rounding(weight, jointly.slots | {lane: slots for lane, _, slots in chosen}, jointly.arm)

    def by_cell(self, declarations: Counts) -> Counts:
        """Count declarations by office's day."""
        return np.bincount(self.cell[declarations], minlength=len(self.size))

    def _others(self) -> list[tuple[Lane, Shares]]:
        return [(lane, expected) for lane, expected in self.expected.items() if lane is not self.random_lane]

    def _jointly(self) -> Iterator[Rounding]:
        """Yield the ways to round the random lane alone: u passes at most two points at which a seat is added."""
        steps = [_step(self.arm_expected)]
        if self.random_lane in self.expected:
            steps.append(_step(self.expected[self.random_lane]))
        bounds = np.sort([np.zeros(len(self.size)), *steps, np.ones(len(self.size))], axis=0)
        for low, high in pairwise(bounds):
            arm, slots = self._random_lane(low)
            yield Rounding(high - low, slots, arm)

    def _random_lane(self, u: Shares) -> tuple[Counts, dict[Lane, Counts]]:
        """Return the arm's seats and those of the others, none stated where the lane has no limit."""
        arm = _rounded(self.arm_expected, u)
        if self.random_lane not in self.expected:
            return arm, {}
        return arm, {self.random_lane: _rounded(self.expected[self.random_lane], u) - arm}


def slots_by_office_day(candidates: pl.DataFrame, policy: SelectionPolicy) -> pl.DataFrame:
    """Return for each office and day its declarations and, for each limited lane, the controls it may do.

    A capacity of 0.4 controls is one control on four days of ten: the fraction is rounded by lot, keyed by office, day
    and lane, so that small offices get their share in the long run and repeated runs agree.

    Returns
    -------
    polars.DataFrame
        ``office_id``, ``lodged_on``, ``declarations``, ``<lane>_slots`` for each limited lane, the arm's seats among
        them, and ``random_seats``, those of the arm.
    """
    room = Room.of(candidates, policy)
    rounding = room.drawn(policy.key)
    slots = rounding.slots | {
        lane: slots + rounding.arm for lane, slots in rounding.slots.items() if lane is policy.random_lane
    }
    columns = [pl.Series(f"{lane}_slots", slots[lane]) for lane in room.expected]
    return _days(candidates).with_columns(*columns, random_seats=rounding.arm)


def _days(declarations: pl.DataFrame) -> pl.DataFrame:
    days = declarations.group_by(_DAY).agg(declarations=pl.len().cast(pl.Int64))
    return days.sort(_DAY, nulls_last=True)


def _names(days: pl.DataFrame) -> list[str]:
    parts = [pl.col(name).cast(pl.String).fill_null("") for name in _DAY]
    return days.select(pl.concat_str(parts, separator="|")).to_series().to_list()


def _step(expected: Shares) -> Shares:
    """Return the u from which a capacity is rounded up."""
    return 1.0 - (expected - np.floor(expected))


def _rounded(expected: Shares, u: Shares) -> Counts:
    # floor(u + expected), without the rounding of that sum: the step is the bound that the weights are taken from.
    return np.floor(expected).astype(np.int64) + (u >= _step(expected))


def _either_way(lane: Lane, expected: Shares) -> Iterator[tuple[Lane, Shares, Counts]]:
    low = np.floor(expected).astype(np.int64)
    yield lane, 1.0 - (expected - low), low
    if (expected > low).any():
        yield lane, expected - low, low + 1
