"""Arms: what takes goods for some of a week's seats, and says with what probability it would have taken each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, ClassVar, TypeVar

import numpy as np

from workbench.simulation.choosing import PolicyError
from workbench.simulation.policies.lots import Lots
from workbench.simulation.policy import Counts, Flags, Situation, Values

DRAWS = 100
"""Draws that a probability without a closed form is the mean of; its standard error is at most 0.05."""


Kept = TypeVar("Kept")


class Turn(IntEnum):
    """When an arm chooses: rankings first, then what is drawn anew each time, then plain lots.

    Lots come last, so that everything that the others left has the same, known probability.
    """

    RANKING = 0
    DRAWN = 1
    LOT = 2


@dataclass(frozen=True)
class Round:
    """One draw of a week's choice.

    Parameters
    ----------
    situation
        What may be looked at.
    seats
        Seats of the whole week, of all arms together.
    lots
        Numbers by lot for the week's goods.
    draw
        0 for the draw that decides; others are made to learn how probable its outcome was.
    kept
        What :meth:`once` worked out; all draws of a week share it.
    """

    situation: Situation
    seats: int
    lots: Lots
    draw: int = 0
    kept: dict[str, Any] = field(default_factory=dict)

    def once(self, what: str, work_out: Callable[[], Kept]) -> Kept:
        """Return what `work_out` gives, asked in the first draw only: for what no lot changes."""
        if what not in self.kept:
            self.kept[what] = work_out()
        found: Kept = self.kept[what]
        return found


@dataclass(frozen=True)
class Taken:
    """What an arm took of the goods that were left to it.

    Parameters
    ----------
    places
        Rows of the week's goods, the most wanted first.
    probability
        Probability that the arm takes each of the goods, given what was left to it, shape (n,); above 0 for `places`.
    sure
        Whether another draw would have taken the same.
    """

    places: Counts
    probability: Values
    sure: bool

    @classmethod
    def nothing(cls, goods: int) -> Taken:
        """Return what an arm without a seat takes of so many goods."""
        return cls(np.zeros(0, dtype=np.int64), np.zeros(goods), True)


class Arm(ABC):
    """Takes goods for some seats."""

    name: ClassVar[str]
    """How a policy's text calls it; written to the table of arms."""

    turn: Turn = Turn.RANKING

    explores: ClassVar[bool] = True
    """Whether it chooses in order to learn, and not what looks worst."""

    @property
    def text(self) -> str:
        """The arm as a policy's text writes it."""
        return self.name

    def draws(self, goods: int, seats: int) -> int:
        """Return how many draws its probability is worth, where it has no closed form."""
        return DRAWS

    @abstractmethod
    def take(self, this: Round, left: Flags, seats: int) -> Taken:
        """Take `seats` of the goods that are `left`, shape (n,); fewer only where it has no use for more."""


class Ranking(Arm):
    """An arm that takes the goods it wants most; ties are broken by lot. Most arms are this."""

    @abstractmethod
    def wish(self, this: Round) -> Values:
        """Return how much each of the goods is wanted, shape (n,), larger is more; NaN for what is not wanted."""

    def take(self, this: Round, left: Flags, seats: int) -> Taken:
        """Take the most wanted; of those tied at the last seat each has the same probability."""
        redrawn = self.turn is Turn.DRAWN
        wish = self._wish(this) if redrawn else this.once(f"wish:{self.name}", lambda: self._wish(this))
        lots = this.lots.numbers(f"arm:{self.name}", this.draw)
        return most_wanted(wish, left, seats, lots, redrawn=redrawn)

    def _wish(self, this: Round) -> Values:
        wish, goods = self.wish(this), this.situation.goods.height
        if not isinstance(wish, np.ndarray) or wish.shape != (goods,) or wish.dtype.kind not in "iuf":
            found = f"{wish.dtype} of shape {wish.shape}" if isinstance(wish, np.ndarray) else type(wish).__name__
            raise PolicyError(
                f"The arm {self.name!r} broke the contract of a ranking in week {this.situation.week}: its wish is "
                f"{found}, expected an array of {goods} numbers, one for each of the goods."
            )
        return wish


def most_wanted(wish: Values, left: Flags, seats: int, lots: Values, *, redrawn: bool = False) -> Taken:
    """Take the `seats` largest of `wish` among those `left`, ties by `lots`.

    Parameters
    ----------
    wish
        Shape (n,); NaN for what is not wanted.
    left
        Which of the goods may be taken, shape (n,).
    seats
        Most that may be taken.
    lots
        Numbers in [0, 1), shape (n,); the smaller goes first among equals.
    redrawn
        Whether `wish` itself is another one in another draw.

    Examples
    --------
    >>> wish, lots = np.array([1.0, 0.0, 0.0, np.nan]), np.array([0.5, 0.9, 0.1, 0.2])
    >>> taken = most_wanted(wish, np.full(4, True), 2, lots)
    >>> taken.places.tolist(), taken.probability.tolist(), taken.sure
    ([0, 2], [1.0, 0.5, 0.5, 0.0], False)
    """
    wanted = np.flatnonzero(left & ~np.isnan(wish))
    places = wanted[np.lexsort((lots[wanted], -wish[wanted]))[:seats]]
    probability = np.zeros(len(wish))
    if not len(places):
        return Taken.nothing(len(wish))
    last = wish[places[-1]]
    above, tied = wanted[wish[wanted] > last], wanted[wish[wanted] == last]
    probability[above] = 1.0
    probability[tied] = (len(places) - len(above)) / len(tied)
    return Taken(places, probability, not redrawn and len(above) + len(tied) == len(places))
