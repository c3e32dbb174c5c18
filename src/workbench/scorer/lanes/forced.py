"""Forced selection: after so many hits passed over in a row, the next hit is selected whatever its draw says.

Source: "cumulative hits before forced selection" of ASYCUDA++ MODSEL.
"""

from __future__ import annotations

import numpy as np

from .policy import Shares
from .room import Flags


def force(drawn: Flags, forced_after: int, passed_over: int = 0) -> tuple[Flags, int]:
    """Return which hits are forced, and how many were passed over in a row at the end.

    Parameters
    ----------
    drawn
        What the hit percentage draws, by hit, in the order of lodgement.
    forced_after
        Hits passed over in a row after which the next one is selected.
    passed_over
        Hits passed over in a row before the first of these.

    >>> forced, passed_over = force(np.array([False, False, False, False, True, False]), forced_after=2)
    >>> forced.tolist(), passed_over
    ([False, False, True, False, False, False], 1)
    """
    if not len(drawn):
        return drawn, passed_over
    at = np.arange(len(drawn))
    last_drawn = np.maximum.accumulate(np.where(drawn, at, -1))
    run = at - last_drawn + np.where(last_drawn < 0, min(passed_over, forced_after), 0)
    # Whatever is forced starts the count anew, so that within a run without a draw every so-manieth is.
    position = run % (forced_after + 1)
    return ~drawn & (position == 0), int(position[-1])


def selection_probabilities(hits: int, share: float, forced_after: int, passed_over: int = 0) -> Shares:
    """Return the exact probability that each hit is selected, by its draw or by force, before anything is drawn.

    The hit number k is forced if the one `forced_after` + 1 before it was selected and all between were passed over:
    ``P(k) = p + (1 - p) * P(k - forced_after - 1) * (1 - p) ** forced_after``, where the hits before the first are
    known from `passed_over`.

    Parameters
    ----------
    hits
        Number of hits.
    share
        Hit percentage as a share in [0, 1].
    forced_after, passed_over
        See :func:`force`.

    >>> selection_probabilities(4, 0.5, forced_after=1).tolist()
    [0.5, 0.75, 0.625, 0.6875]
    """
    passed = 1.0 - share
    run, first = passed**forced_after, forced_after - min(passed_over, forced_after)
    found: list[float] = []
    for k in range(hits):
        at_limit = found[k - forced_after - 1] * run if k > forced_after else 0.0
        if k == first:
            at_limit += passed**first
        found.append(share + passed * at_limit)
    return np.asarray(found, dtype=np.float64)
