"""Blends: several rankings in one, by weighted ranks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from workbench.simulation.policies.arm import Ranking, Round
from workbench.simulation.policy import Values


class Blend(Ranking):
    """By the weighted mean of the ranks that other rankings give: ``blend(model=0.7,importer=0.3)``.

    Ranks make scores, rates and dollars comparable. Ties share their mean rank; what a ranking does not want at all
    shares its last ranks.

    Parameters
    ----------
    parts
        Rankings with their weights, each above 0, together 1.
    """

    name: ClassVar[str] = "blend"
    explores: ClassVar[bool] = False

    def __init__(self, parts: Sequence[tuple[Ranking, float]]) -> None:
        self._parts = tuple(parts)
        # Drawn anew where one of its rankings is.
        self.turn = max(part.turn for part, _ in parts)

    @property
    def text(self) -> str:
        """The blend as a policy's text writes it."""
        return f"{self.name}({','.join(f'{part.name}={weight:g}' for part, weight in self._parts)})"

    def wish(self, this: Round) -> Values:
        """Return the weighted mean of the ranks, in [0, 1]."""
        ranked = [weight * ranks(part.wish(this)) for part, weight in self._parts]
        mean: Values = np.round(np.sum(ranked, axis=0), 12)
        return mean


def ranks(wish: Values) -> Values:
    """Return the rank of each as the share of the others that it is wanted more than, ties counting half.

    >>> ranks(np.array([3.0, 1.0, np.nan, 1.0])).round(2).tolist()
    [1.0, 0.5, 0.0, 0.5]
    """
    _, level, count = np.unique(
        np.nan_to_num(wish, nan=-np.inf, posinf=np.inf, neginf=-np.inf), return_inverse=True, return_counts=True
    )
    below = np.cumsum(count) - count
    ranked: Values = (below + (count - 1) / 2.0)[level] / max(len(wish) - 1, 1)
    return ranked
