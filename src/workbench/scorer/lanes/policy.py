"""The selection policy: each lane's capacity and what tops it up, the random arm, what a fault is given, the key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import BundleError
from ..schema import Lane

Shares = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LaneLimit:
    """Controls that one office can do in a day: a share of its declarations, a count, or the lesser of both."""

    lane: Lane
    share: float | None = None
    count: int | None = None

    def expected(self, declarations: Shares) -> Shares:
        """Return the capacity of offices with that many declarations a day, fractions included."""
        by_share = np.inf if self.share is None else declarations * self.share
        return np.minimum(by_share, np.inf if self.count is None else float(self.count)) + np.zeros(len(declarations))


def lots_above_the_model(model_lanes: Iterable[Lane], lot_lanes: Iterable[Lane]) -> str | None:
    """Say what is wrong with a lot for a more severe lane than one that the model fills, ``None`` if nothing is.

    The lot would take from the model what it ranks highest, and how likely a declaration is to be controlled would hang
    on the lots of all others.
    """
    mildest = min((lane.severity for lane in model_lanes), default=len(Lane))
    if above := [lane for lane in lot_lanes if lane.severity > mildest]:
        return f"a lot fills {', '.join(above)} above a lane of the model; lot_lanes are milder than model_lanes"
    return None


@dataclass(frozen=True)
class SelectionPolicy:
    """How declarations are selected.

    Parameters
    ----------
    limits
        Capacity of each limited lane: its expected rate. A lane without a limit takes all that criteria name, and is
        not topped up.
    model_lanes
        Lanes that are topped up from would-be green by the model's highest scores.
    random_share
        Expected size of the random arm, as a share of an office's declarations of a day; never more than its lane
        can take.
    random_lane
        The lane of the random arm: a full control, or its result is no view of the whole.
    fallback_lane
        Lane of a declaration that could not be read; never green.
    key
        Secret of the draws.
    lot_lanes
        Lanes that are topped up from would-be green by lot, milder than those of the model.
    """

    limits: tuple[LaneLimit, ...]
    model_lanes: tuple[Lane, ...]
    random_share: float
    random_lane: Lane
    fallback_lane: Lane
    key: bytes
    lot_lanes: tuple[Lane, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a policy under which a fault would release goods, or whose shares are none."""
        faults = []
        if Lane.GREEN in (self.fallback_lane, self.random_lane, *self.model_lanes, *self.lot_lanes):
            faults.append("green is no control and no fallback")
        if both := set(self.model_lanes) & set(self.lot_lanes):
            faults.append(f"{', '.join(sorted(both))} is topped up by the model or by lot, not by both")
        elif above := lots_above_the_model(self.model_lanes, self.lot_lanes):
            faults.append(above)
        if not 0 <= self.random_share <= 1:
            faults.append(f"random_share is {self.random_share}, not a share")
        for limit in self.limits:
            if (limit.share is not None and not 0 <= limit.share <= 1) or (limit.count is not None and limit.count < 0):
                faults.append(f"the capacity of {limit.lane} is no share or count")
        if faults:
            raise BundleError(f"The selection policy is not safe: {'; '.join(faults)}. Mend [selection]; export again.")

    def limit(self, lane: Lane) -> LaneLimit | None:
        """Return the limit of `lane`, ``None`` if it has none."""
        return next((limit for limit in self.limits if limit.lane is lane), None)

    @property
    def top_up_lanes(self) -> tuple[Lane, ...]:
        """The limited lanes that are topped up from would-be green, the most severe first."""
        limited = {limit.lane for limit in self.limits} & {*self.model_lanes, *self.lot_lanes}
        return tuple(lane for lane in reversed(Lane) if lane in limited)

    def to_dict(self) -> dict[str, Any]:
        """Return the policy as JSON; the key is written in hexadecimal, so guard the file as you guard the key."""
        return asdict(self) | {"key": self.key.hex()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SelectionPolicy:
        """Rebuild a policy from JSON."""
        try:
            return cls(
                limits=tuple(LaneLimit(Lane(row["lane"]), row["share"], row["count"]) for row in data["limits"]),
                model_lanes=tuple(Lane(lane) for lane in data["model_lanes"]),
                random_share=float(data["random_share"]),
                random_lane=Lane(data["random_lane"]),
                fallback_lane=Lane(data["fallback_lane"]),
                key=bytes.fromhex(data["key"]),
                lot_lanes=tuple(Lane(lane) for lane in data["lot_lanes"]),
            )
        except (KeyError, ValueError, TypeError) as error:
            raise BundleError(f"The selection policy is not readable: {error}. Export the bundle again.") from None
