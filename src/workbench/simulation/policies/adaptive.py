"""Policies that learn how much to explore: a bandit chooses the share of the lot from week to week."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import polars as pl

from workbench.simulation.policies.bandits import Bandit, DiscountedUcb, Exp3S
from workbench.simulation.policies.chain import Chain
from workbench.simulation.policies.lot import Random
from workbench.simulation.policies.lots import Lots
from workbench.simulation.policies.model import Model
from workbench.simulation.policies.registry import register
from workbench.simulation.policies.rewards import Open, RewardLedger
from workbench.simulation.policies.seats import Allocation, allocations, drawn
from workbench.simulation.policy import Choice, Policy, Situation

SHARES = (0.03, 0.1, 0.3)
"""Shares of the lot to choose from, a factor of three apart. Few, for there are few weeks to learn from; none is 0, so
that every one of the goods always has a probability above 0."""


class AdaptiveShare(Policy):
    """Model and lot; the share of the lot is the bandit's.

    A week's reward is its precision against the usual, see :class:`.rewards.RewardLedger`. It credits the week in which
    the goods were chosen, not later weeks that gain from what was learnt: exploration is found worth its price only
    once the model alone finds less than it did. That is the measure of the source, arXiv 2109.14155 (Mai et al. 2021).
    """

    bandit: ClassVar[type[DiscountedUcb] | type[Exp3S]]

    def __init__(self) -> None:
        self._bandit: Bandit = self.bandit(len(SHARES))
        self._ledger = RewardLedger()
        self._chain = Chain(Model(), [Random()])
        self._share = SHARES[0]

    def choose(self, situation: Situation, seats: int) -> Choice:
        """Draw a share, then choose; the probability counts every share that might have been drawn."""
        seats, lots = min(seats, situation.goods.height), Lots(situation)
        waiting = [sum(one.option == option for one in self._ledger.open.values()) for option in range(len(SHARES))]
        chances = self._bandit.chances(waiting)
        option = min(int(np.searchsorted(np.cumsum(chances), lots.number("share"), side="right")), len(SHARES) - 1)
        self._share = SHARES[option]
        if seats:
            self._ledger.add(situation.week, Open(option, float(chances[option]), seats))
        ways = [
            (other, Allocation(way.seats, way.probability * float(chances[other])))
            for other, share in enumerate(SHARES)
            for way in allocations((1.0 - share, share), seats)
        ]
        mine = [place for place, (other, _) in enumerate(ways) if other == option]
        own = mine[drawn([way for other, way in ways if other == option], lots.number("seats"))]
        return self._chain.choose(situation, lots, [way for _, way in ways], own)

    def learn(self, results: pl.DataFrame) -> None:
        """Reward the shares of the weeks whose results are complete now."""
        for week, reward in self._ledger.take_in(results):
            self._bandit.learn(week.option, reward, week.chance)

    @property
    def state(self) -> Mapping[str, Any]:
        """What bandit and ledger remember, and the last share."""
        return {"bandit": self._bandit.state, "ledger": self._ledger.state, "share": self._share}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        self._bandit.restore(state["bandit"])
        self._ledger.restore(state["ledger"])
        self._share = state["share"]

    def told(self) -> Mapping[str, float]:
        """Return the share of the lot in the last week chosen."""
        return {"exploration_share": self._share}


@register
class AdaptiveUcb(AdaptiveShare):
    """Model and lot, the lot's share (3, 10 or 30 %) by the upper confidence bound of past weeks' precision."""

    name: ClassVar[str] = "adaptive-ucb"
    bandit = DiscountedUcb


@register
class AdaptiveExp3(AdaptiveShare):
    """Model and lot, the lot's share (3, 10 or 30 %) drawn by Exp3 as past weeks' precision has it."""

    name: ClassVar[str] = "adaptive-exp3"
    bandit = Exp3S
