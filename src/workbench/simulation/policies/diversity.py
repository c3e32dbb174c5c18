"""The arm of diversity: goods of which the model is unsure, each in another way (k-means++ seeding, as BADGE)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from workbench.simulation.policies.arm import DRAWS, Arm, Round, Taken, Turn, most_wanted
from workbench.simulation.policies.entropy import entropy
from workbench.simulation.policies.leaves import LeafEmbedding, seeds
from workbench.simulation.policies.registry import register
from workbench.simulation.policy import Counts, Flags

_POOL_SEATS, _POOL_LEAST = 4, 2_000
"""So many goods a seat, at least so many in all, are compared: those that the model is least sure of."""

_WORK, _DRAWS_LEAST = 400_000_000, 10
"""Distances that all draws of a week may take together: some seconds. Large weeks have fewer draws."""


@register
class Diversity(Arm):
    """By k-means++ on the leaves that goods fall in, scaled by the score's error: unsure, and unlike one another.

    The embedding of a good with score p is (p - y') times the indicators of its leaves, y' = 1 where p is one half or
    more, else 0: the gradient of the log loss in a last layer on top of the trees. See :func:`.leaves.seeds` for the
    draw. Where nothing is learnt, or nothing is left to tell goods apart, the rest is drawn by lot.

    Only the least sure goods are compared, four times as many as seats, at least 2,000. The probability is the mean of
    100 draws; in larger weeks of fewer, 25 with 2,000 seats, and its standard error then is up to 0.1.

    Sources: Ash et al. (2020), Deep batch active learning by diverse, uncertain gradient lower bounds (BADGE), ICLR.
    """

    name: ClassVar[str] = "diversity"
    turn: Turn = Turn.DRAWN

    def draws(self, goods: int, seats: int) -> int:
        """Return how many draws its probability is worth: 10 to 100."""
        pool = min(goods, max(_POOL_LEAST, _POOL_SEATS * seats))
        return int(np.clip(_WORK // max(pool * seats, 1), _DRAWS_LEAST, DRAWS))

    def take(self, this: Round, left: Flags, seats: int) -> Taken:
        """Draw `seats` of the goods; its probability is known from further draws alone."""
        pool, points = self._pool(this, left, seats), this.once(f"arm:{self.name}:points", lambda: _points(this))
        drawn = pool[seeds(points.of_some(pool), seats, this.lots.generator(f"arm:{self.name}", this.draw))]
        probability = np.zeros(len(left))
        places = drawn
        if len(drawn) < seats:
            still = left.copy()
            still[drawn] = False
            lots = this.lots.numbers(f"arm:{self.name}:rest", this.draw)
            rest = most_wanted(np.zeros(len(left)), still, seats - len(drawn), lots)
            places, probability = np.concatenate([drawn, rest.places]), rest.probability.copy()
        probability[drawn] = 1.0
        return Taken(places, probability, False)

    def _pool(self, this: Round, left: Flags, seats: int) -> Counts:
        """Return the goods that are compared, by number of declaration, so that the order of rows changes nothing."""
        most, inside = max(_POOL_LEAST, _POOL_SEATS * seats), left
        if left.sum() > most:
            unsure = this.once(f"arm:{self.name}:unsure", lambda: entropy(this.situation.learner.score))
            lots = this.lots.numbers(f"arm:{self.name}:pool", this.draw)
            inside = np.zeros(len(left), dtype=bool)
            inside[most_wanted(unsure, left, most, lots).places] = True
        return this.lots.standing[inside[this.lots.standing]]


def _points(this: Round) -> LeafEmbedding:
    score = this.situation.learner.score
    return LeafEmbedding.of(this.situation.learner.leaves, np.where(score >= 0.5, score - 1.0, score))
