"""Random draws that every table shares: named streams and vectorised choices."""

from __future__ import annotations

from typing import TypeAlias
from zlib import crc32

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]


def stream(seed: int, name: str, number: int = 0) -> np.random.Generator:
    """Return the generator of one table or block, independent of every other one's draws.

    >>> bool(stream(7, "traders").random() == stream(7, "traders").random())
    True
    """
    return np.random.default_rng([seed, crc32(name.encode()), number])


def pick(rng: np.random.Generator, weights: npt.ArrayLike, size: int) -> Ints:
    """Draw `size` indices with probabilities in proportion to one vector of `weights`."""
    cumulative = np.cumsum(np.asarray(weights, dtype=np.float64))
    drawn: Ints = np.searchsorted(cumulative, rng.random(size) * cumulative[-1], side="right")
    return drawn


def pick_by_row(rng: np.random.Generator, weights: Floats) -> Ints:
    """Draw one column for each row of the matrix `weights`, in proportion to the row.

    A row of zeros gives 0: the caller decides what that means.
    """
    cumulative = np.cumsum(weights, axis=1)
    threshold = rng.random(len(weights)) * cumulative[:, -1]
    drawn: Ints = np.minimum((cumulative <= threshold[:, None]).sum(axis=1), weights.shape[1] - 1)
    return np.where(cumulative[:, -1] > 0, drawn, 0)


def pick_grouped(rng: np.random.Generator, weights: Floats, group: Ints) -> Ints:
    """Draw one column of ``weights[group]`` for each element of `group` without building that matrix.

    Rows of `weights` need not sum to 1, but each must have a positive sum.
    """
    cumulative = np.cumsum(weights, axis=1)
    cumulative /= cumulative[:, -1:]
    # Shifting row i by i makes one sorted vector of all rows, so that one search serves every group.
    ladder = (cumulative + np.arange(len(weights))[:, None]).ravel()
    found = np.searchsorted(ladder, rng.random(len(group)) + group, side="right") - group * weights.shape[1]
    drawn: Ints = np.clip(found, 0, weights.shape[1] - 1)
    return drawn


def draw_share(rng: np.random.Generator, weights: Floats, count: int) -> Bools:
    """Mark `count` elements drawn without replacement, in proportion to `weights`; zero weight is never drawn.

    Exponential keys divided by the weights: the smallest keys win (Efraimidis and Spirakis, 2006).
    """
    chosen = np.zeros(len(weights), dtype=np.bool_)
    eligible = np.flatnonzero(weights > 0)
    count = min(count, len(eligible))
    if count > 0:
        keys = rng.exponential(size=len(eligible)) / weights[eligible]
        chosen[eligible[np.argpartition(keys, count - 1)[:count]]] = True
    return chosen
