"""The arms of uncertainty: what the model is least sure of teaches it most."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from workbench.simulation.policies.arm import Ranking, Round
from workbench.simulation.policies.registry import register
from workbench.simulation.policy import Values


@register
class Entropy(Ranking):
    """By the entropy of the score: nearest to one half first.

    Source: Settles (2009), Active Learning Literature Survey, section 3.1.
    """

    name: ClassVar[str] = "entropy"

    def wish(self, this: Round) -> Values:
        """Return the entropy in nats, in [0, ln 2]."""
        return entropy(this.situation.learner.score)


@register
class Margin(Ranking):
    """By the distance from the score at which the week's seats run out: nearest to that cut first.

    Between two outcomes the usual margin, abs(2 p - 1), ranks as entropy does. What decides a control is not one half
    but the cut: there a better model would choose other goods. The idea is that of sampling at the boundary of the
    decision (Settles 2009, section 3.1), with the boundary that capacity sets.
    """

    name: ClassVar[str] = "margin"

    def wish(self, this: Round) -> Values:
        """Return the distance from the cut, negated, in [-1, 0]."""
        score = this.situation.learner.score
        cut = np.sort(score)[::-1][: this.seats][-1]
        distance: Values = np.abs(score - cut)
        return -distance


def entropy(score: Values) -> Values:
    """Return the entropy of each probability of `score` in nats; 0 for 0 and 1.

    >>> entropy(np.array([0.5, 1.0])).round(3).tolist()
    [0.693, 0.0]
    """
    # Rounded: p and 1 - p must tie, whatever the last bit says.
    p = np.clip(score, 1e-12, 1.0 - 1e-12)
    value: Values = np.round(-(p * np.log(p) + (1.0 - p) * np.log1p(-p)), 10)
    return value
