"""History: the lane of every declaration, by the old criteria, by lot and by officers.

Order of resolution: lot over everything; criteria with their hit percentages, cut or topped up to each lane's expected
share (ASYCUDA++ MODSEL 6.7-6.8); then officers move a few declarations up or down (6.18).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.scorer.schema import Lane
from workbench.synthetic.config import (
    BLUE_SHARE,
    ORANGE_SHARE,
    SWITCHED_DOWN_SHARE,
    SWITCHED_UP_SHARE,
    YELLOW_SHARE,
    WorldConfig,
)
from workbench.synthetic.criteria import TOP_UP, hits_of_lane
from workbench.synthetic.draws import Bools, Floats, Ints, draw_share

LANES = tuple(Lane)
_GREEN, _BLUE, _YELLOW, _ORANGE, _RED = range(5)
# How much more often an officer moves a fraudulent declaration to red than an honest one: experience that no
# column holds. With it, 2.14 % of the moved declarations turn out to be violations, as published.
OFFICERS_NOSE = 5.0


@dataclass(frozen=True)
class Routing:
    """One element a declaration.

    Parameters
    ----------
    lane
        Position in :class:`~workbench.scorer.schema.Lane`, by severity.
    cause
        ``random``, ``officer``, ``criterion:<id>`` or ``none``.
    inclusion_probability
        Probability of being controlled (any lane but green) under this policy.
    """

    lane: Ints
    cause: npt.NDArray[np.object_]
    inclusion_probability: Floats


@dataclass(frozen=True)
class _Draw:
    drawn: Bools
    probability: Floats
    criterion: Ints
    ids: list[str]


def route(
    items: pl.DataFrame, starts: Ints, fraudulent: Bools, config: WorldConfig, rng: np.random.Generator
) -> Routing:
    """Give every declaration of a block its lane.

    Parameters
    ----------
    items
        Declarations table with the columns that the old criteria need beside it.
    starts
        Row of the first item of every declaration.
    fraudulent
        Truth by declaration: only the officers' experience uses it.
    config
        Shares of the random arm, all of which is inspected physically, and of all physical inspections.
    """
    count, random_rate = len(starts), config.random_arm_rate
    lane, cause = np.zeros(count, dtype=np.int64), np.full(count, "none", dtype=object)
    by_lot = rng.random(count) < random_rate
    _send(lane, cause, by_lot, _RED, "random")
    red_share = config.red_share - random_rate - SWITCHED_UP_SHARE + SWITCHED_DOWN_SHARE
    red = _fill(items, starts, Lane.RED, ~by_lot, red_share, rng)
    _send_drawn(lane, cause, red, _RED)
    yellow_share = YELLOW_SHARE + SWITCHED_UP_SHARE - SWITCHED_DOWN_SHARE
    yellow = _fill(items, starts, Lane.YELLOW, lane == _GREEN, yellow_share, rng)
    _send_drawn(lane, cause, yellow, _YELLOW)
    audited = draw_share(rng, (lane == _GREEN) * 1.0, _whole(BLUE_SHARE * count, rng))
    rest = (1 - red.probability) * (1 - yellow.probability)
    free = max(int((lane == _GREEN).sum()), 1)
    probability = 1 - (1 - random_rate) * rest * (1 - audited.sum() / free)
    _send(lane, cause, audited, _BLUE, f"criterion:{TOP_UP[Lane.BLUE]}")
    _scan(lane, cause, rng)
    _officers(lane, cause, fraudulent, rng)
    return Routing(lane, cause, probability)


def _fill(
    items: pl.DataFrame, starts: Ints, lane: Lane, open_to: Bools, share: float, rng: np.random.Generator
) -> _Draw:
    """Draw the declarations of one lane: criteria by their hit percentage, then cut or topped up to the share."""
    hits = hits_of_lane(items, lane, starts)
    quota = _whole(share * len(starts), rng)
    proposed = open_to & (rng.random(len(starts)) < hits.share)
    kept = draw_share(rng, proposed.astype(np.float64), quota)
    would_be_green = open_to & ~proposed
    topped_up = draw_share(rng, would_be_green.astype(np.float64), quota - int(kept.sum()))
    kept_share = kept.sum() / max(int(proposed.sum()), 1)
    top_up_share = topped_up.sum() / max(int(would_be_green.sum()), 1)
    probability = hits.share * kept_share + (1 - hits.share) * top_up_share
    return _Draw(kept | topped_up, probability, np.where(kept, hits.first, -1), [*hits.ids, TOP_UP[lane]])


def _officers(lane: Ints, cause: npt.NDArray[np.object_], fraudulent: Bools, rng: np.random.Generator) -> None:
    by_criteria = cause != "random"
    suspicion = np.where(fraudulent, OFFICERS_NOSE, 1.0)
    up = draw_share(rng, (lane == _YELLOW) * suspicion, _whole(SWITCHED_UP_SHARE * len(lane), rng))
    down = draw_share(rng, ((lane == _RED) & by_criteria) / suspicion, _whole(SWITCHED_DOWN_SHARE * len(lane), rng))
    _send(lane, cause, up, _RED, "officer")
    _send(lane, cause, down, _YELLOW, "officer")


def _scan(lane: Ints, cause: npt.NDArray[np.object_], rng: np.random.Generator) -> None:
    scanned = draw_share(rng, (lane == _YELLOW) * 1.0, _whole(ORANGE_SHARE * len(lane), rng))
    _send(lane, cause, scanned, _ORANGE, f"criterion:{TOP_UP[Lane.ORANGE]}")


def _send(lane: Ints, cause: npt.NDArray[np.object_], chosen: Bools, to: int, why: str) -> None:
    lane[chosen], cause[chosen] = to, why


def _send_drawn(lane: Ints, cause: npt.NDArray[np.object_], draw: _Draw, to: int) -> None:
    reasons = np.array([f"criterion:{name}" for name in draw.ids], dtype=object)
    lane[draw.drawn], cause[draw.drawn] = to, reasons[draw.criterion[draw.drawn]]


def _whole(expected: float, rng: np.random.Generator) -> int:
    """Round a number of declarations at random, so that small blocks keep the share on average."""
    return int(max(expected, 0.0) + rng.random())
