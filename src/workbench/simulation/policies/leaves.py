"""Goods as the leaves they fall in, and k-means++ among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.simulation.policy import Counts, Values

_SAME = 1e-9
"""Squared distance below which two goods are the same; what is left of rounding is smaller."""


@dataclass(frozen=True)
class LeafEmbedding:
    """Each of n goods as the indicators of its leaves, times a number: n points in as many dimensions as leaves.

    Parameters
    ----------
    leaves
        Leaf in each tree, shape (trees, n): a tree's leaves lie together, which makes comparing them ten times faster.
    scale
        What the indicators are multiplied by, shape (n,).
    """

    leaves: npt.NDArray[np.integer[npt.NBitBase]]
    scale: Values

    @classmethod
    def of(cls, leaves: npt.NDArray[np.int32], scale: Values) -> LeafEmbedding:
        """Return the embedding of goods with `leaves` of shape (n, trees), in the smallest type that holds them."""
        largest = int(leaves.max(initial=0))
        return cls(np.ascontiguousarray(leaves.T.astype(np.min_scalar_type(largest))), scale)

    def of_some(self, rows: Counts) -> LeafEmbedding:
        """Return the embedding of some of the goods, in the order of `rows`."""
        # Not self.leaves[:, rows]: that lays each good's leaves together, and comparing takes five times as long.
        return LeafEmbedding(np.take(self.leaves, rows, axis=1), self.scale[rows])

    def squared_lengths(self) -> Values:
        """Return the squared distance of each point from 0, shape (n,)."""
        return len(self.leaves) * self.scale**2

    def squared_distances(self, point: int) -> Values:
        """Return the squared distance of each point from one of them, shape (n,)."""
        same = (self.leaves == self.leaves[:, point, None]).view(np.uint8)
        shared = same.sum(axis=0, dtype=np.min_scalar_type(len(self.leaves)))
        lengths = self.squared_lengths()
        squared: Values = lengths + lengths[point] - 2.0 * self.scale * self.scale[point] * shared
        return squared


def seeds(embedding: LeafEmbedding, seats: int, generator: np.random.Generator) -> Counts:
    """Draw at most `seats` points that are far from 0 and from one another, by k-means++.

    The first is drawn by its squared distance from 0, where the gradient of a sure score lies; each next by its squared
    distance from the nearest of 0 and those drawn. Fewer come back where every other point equals one of these.

    Parameters
    ----------
    embedding
        The points, in an order that does not depend on the order of rows.
    seats
        Points wanted.
    generator
        Where the lots come from.

    Notes
    -----
    Arthur and Vassilvitskii, k-means++: the advantages of careful seeding, SODA 2007.

    Examples
    --------
    >>> twins = LeafEmbedding.of(np.array([[1, 1], [1, 1], [2, 2]], dtype=np.int32), np.array([0.5, 0.5, 0.5]))
    >>> drawn = seeds(twins, 3, np.random.default_rng(1))
    >>> len(drawn), 2 in drawn
    (2, True)
    """
    nearest = embedding.squared_lengths()
    drawn: list[int] = []
    for lot in generator.random(seats):
        sums = np.cumsum(nearest)
        if not len(sums) or sums[-1] <= _SAME:
            break
        drawn.append(int(np.searchsorted(sums, lot * sums[-1], side="right")))
        nearest = np.minimum(nearest, embedding.squared_distances(drawn[-1]))
        nearest[nearest <= _SAME] = 0.0
    return np.array(drawn, dtype=np.int64)
