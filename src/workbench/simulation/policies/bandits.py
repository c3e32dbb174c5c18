"""Bandits: which of a few options pays most, learnt from what each paid, where that may change and comes late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np

from workbench.simulation.policy import Values


class Bandit(Protocol):
    """Says how probable each option should be next, and learns from rewards in [0, 1], in whatever order they come."""

    def chances(self, waiting: Sequence[int]) -> Values:
        """Return the probability of each option; `waiting` counts how often each was tried without a reward so far."""

    def learn(self, option: int, reward: float, chance: float) -> None:
        """Take in what an option paid that was chosen with probability `chance`."""

    @property
    def state(self) -> Mapping[str, Any]:
        """What must be remembered, as plain JSON values."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""


class DiscountedUcb:
    """The option with the highest upper confidence bound on its mean reward; older rewards count less.

    The bound is mean + width * sqrt(ln N / n), with n the discounted trials of the option and N those of all. What was
    tried and has not paid yet counts as a trial: else a late reward lets one option be tried over and over.

    Sources: Auer, Cesa-Bianchi and Fischer (2002), Machine Learning 47; with a discount Garivier and Moulines (2011),
    On upper-confidence bound policies for switching bandit problems, ALT.

    Parameters
    ----------
    options
        Number of options.
    """

    DISCOUNT: ClassVar[float] = 0.97
    WIDTH: ClassVar[float] = 0.2
    """Rewards lie near one half; with the source's width, for all of [0, 1], a hundred weeks teach nothing."""

    def __init__(self, options: int) -> None:
        self._trials = np.zeros(options)
        self._paid = np.zeros(options)

    def chances(self, waiting: Sequence[int]) -> Values:
        """Return 1 for the highest bound, the first of equals, and 0 for the others."""
        trials = self._trials + np.asarray(waiting, dtype=np.float64)
        mean = np.where(self._trials > 0, self._paid / np.maximum(self._trials, 1e-12), 0.5)
        bound = mean + self.WIDTH * np.sqrt(np.log(max(trials.sum(), np.e)) / np.maximum(trials, 1e-12))
        chances = np.zeros(len(trials))
        chances[int(np.argmax(bound))] = 1.0
        return chances

    def learn(self, option: int, reward: float, chance: float) -> None:
        """Discount what was, and add the reward; how probable the option was plays no part."""
        self._trials *= self.DISCOUNT
        self._paid *= self.DISCOUNT
        self._trials[option] += 1.0
        self._paid[option] += reward

    @property
    def state(self) -> Mapping[str, Any]:
        """Discounted trials and rewards of each option."""
        return {"trials": self._trials.tolist(), "paid": self._paid.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        self._trials, self._paid = (np.array(state[name], dtype=np.float64) for name in ("trials", "paid"))


class Exp3S:
    """Options by lot, in proportion to weights that grow exponentially with what they paid.

    Exp3.S: a reward is divided by the probability of its option, and every update gives each option a small share of
    all weight, so that one that was bad can come back. Nothing is assumed about the rewards; the price is slowness: its
    regret is bounded by 2.63 sqrt(T K ln K) only, 41 weeks' worth of reward in 75 weeks with three options.

    Source: Auer, Cesa-Bianchi, Freund and Schapire (2002), The nonstochastic multiarmed bandit problem, SIAM Journal on
    Computing 32(1), sections 3 and 8.

    Parameters
    ----------
    options
        Number of options.
    """

    EXPLORATION: ClassVar[float] = 0.2
    """gamma: this share of the probability is spread over all options, and it is how fast weights grow."""
    SHARING: ClassVar[float] = 0.003
    """alpha: how much of all weight every update gives out; 1 / T in the source, for T of some 300 weeks."""

    def __init__(self, options: int) -> None:
        self._weights = np.full(options, 1.0 / options)

    def chances(self, waiting: Sequence[int]) -> Values:
        """Return the probabilities; each at least gamma / K."""
        shares = self._weights / self._weights.sum()
        chances: Values = (1.0 - self.EXPLORATION) * shares + self.EXPLORATION / len(shares)
        return chances

    def learn(self, option: int, reward: float, chance: float) -> None:
        """Let the option's weight grow with the reward, and give all a share of the sum."""
        options = len(self._weights)
        shared = np.e * self.SHARING / options * self._weights.sum()
        self._weights[option] *= np.exp(self.EXPLORATION * reward / chance / options)
        self._weights += shared
        self._weights /= self._weights.sum()

    @property
    def state(self) -> Mapping[str, Any]:
        """The weights, together 1."""
        return {"weights": self._weights.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        self._weights = np.array(state["weights"], dtype=np.float64)
