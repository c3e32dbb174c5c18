"""Chains: arms that choose one after the other, and the probability that their lots choose each of the goods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.simulation.policies.arm import Arm, Round, Taken, Turn
from workbench.simulation.policies.lots import Lots
from workbench.simulation.policies.seats import Allocation
from workbench.simulation.policy import Choice, Counts, Flags, Situation, Values

LOT = "lot"
"""Recorded for seats that no arm had a use for: they are filled by lot."""


@dataclass(frozen=True)
class Play:
    """One draw of a chain.

    Parameters
    ----------
    stages
        What was left to each arm but the lots, shape (n,), and what it took.
    left
        Goods that these arms left to the lots.
    seats
        Seats that are filled by lot.
    """

    stages: list[tuple[Flags, Taken]]
    left: Flags
    seats: int


class Chain:
    """Arms in the order in which they choose: rankings, then drawn arms, then lots; the main arm last of its kind.

    Parameters
    ----------
    main
        Takes the seats that no share gives away, and those that earlier arms have no use for.
    others
        The other arms, no two of one name; their order is kept among arms of one kind.
    """

    def __init__(self, main: Arm, others: Sequence[Arm] = ()) -> None:
        self.main = main
        self.arms = sorted([*others, main], key=lambda arm: (arm.turn, arm is main))

    def choose(self, situation: Situation, lots: Lots, ways: Sequence[Allocation], own: int) -> Choice:
        """Choose with the seats of `ways[own]`; the probability is that over all of `ways`.

        `ways` give the seats in the order of :attr:`arms`, the same number in all; together they have probability 1.
        """
        this = Round(situation, sum(ways[own].seats), lots)
        plays = [self._play(this, way) for way in ways]
        chances = [way.probability * self._probability(this, way, play) for way, play in zip(ways, plays, strict=True)]
        places, names = self._chosen(this, plays[own], ways[own])
        return Choice(places, names, np.clip(np.sum(chances, axis=0), 0.0, 1.0))

    def _play(self, this: Round, way: Allocation) -> Play:
        """Let every arm take its seats in turn; what one has no use for the main arm or the lots fill."""
        left = np.full(this.situation.goods.height, True)
        stages: list[tuple[Flags, Taken]] = []
        unused = 0
        for arm, own in zip(self.arms, way.seats, strict=True):
            if arm.turn is Turn.LOT:
                continue
            wanted = own + (unused if arm is self.main else 0)
            taken = arm.take(this, left, wanted) if wanted else Taken.nothing(len(left))
            stages.append((left, taken))
            left = left.copy()
            left[taken.places] = False
            unused += own - len(taken.places)
        return Play(stages, left, this.seats - int((~left).sum()))

    def _probability(self, this: Round, way: Allocation, first: Play) -> Values:
        """Return the probability of each of the goods under one allocation: one less that of escaping every arm."""
        if this.seats == len(first.left):
            return np.ones(this.seats)
        plays = [first]
        acting = [(arm, one) for arm, (_, one) in zip(self.arms, first.stages, strict=False) if len(one.places)]
        if not _has_closed_form(acting):
            draws = min(arm.draws(len(first.left), len(one.places)) for arm, one in acting)
            again = range(1, max(2, round(draws * way.probability)))
            plays += [self._play(replace(this, draw=draw), way) for draw in again]
        by_lot, left = sum(play.seats for play in plays), sum(int(play.left.sum()) for play in plays)
        escapes = np.full(len(first.left), 1.0 - by_lot / max(left, 1))
        for stage in range(len(first.stages)):
            escapes *= 1.0 - _caught([play.stages[stage] for play in plays])
        return 1.0 - escapes

    def _chosen(self, this: Round, play: Play, way: Allocation) -> tuple[Counts, tuple[str, ...]]:
        """Return the places of one draw, and the arm of each; the lots are drawn here."""
        left = np.flatnonzero(play.left)
        numbers = this.lots.numbers("arm:random", this.draw)[left]
        drawn = left[np.argsort(numbers, kind="stable")[: play.seats]]
        places = np.concatenate([*(one.places for _, one in play.stages), drawn])
        owners = [(arm.name, len(one.places)) for arm, (_, one) in zip(self.arms, play.stages, strict=False)]
        owners += [(arm.name, own) for arm, own in zip(self.arms, way.seats, strict=True) if arm.turn is Turn.LOT]
        rest = self.main.name if self.main.turn is Turn.LOT else LOT
        owners.append((rest, len(places) - sum(count for _, count in owners)))
        return places, tuple(name for name, count in owners for _ in range(count))


def _has_closed_form(acting: Sequence[tuple[Arm, Taken]]) -> bool:
    """Say whether another draw would find the same probabilities: only the last arm breaks ties by lot, if any."""
    return all(taken.sure for _, taken in acting[:-1]) and all(arm.turn is not Turn.DRAWN for arm, _ in acting)


def _caught(stages: Sequence[tuple[Flags, Taken]]) -> Values:
    """Return the probability that an arm takes each of the goods given that it was left to it, over some draws."""
    left = np.sum([flags for flags, _ in stages], axis=0)
    taken = np.sum([flags * one.probability for flags, one in stages], axis=0)
    caught: Values = taken / np.maximum(left, 1)
    return caught
