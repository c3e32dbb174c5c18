"""Changes of the schemes by week: a scheme fades or grows, or leaves for trade where controls are least likely.

A scheme that *moves* is a loophole: a broker with false papers, a route that is not watched. Crime is displaced to
where it is not looked for (Reppetto 1976, Crime and Delinquency 22), and an inspector who can be foreseen is avoided
(Avenhaus, von Stengel and Zamir 2002, "Inspection games", Handbook of Game Theory 3). So it goes to the regime in which
controls were perceived least likely when it moved, and into other hands: half of the traders there, whatever they did
before. The amount stays what it was, times the intensity: it is concentrated. Only the regime depends on what was
controlled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from workbench.scorer.errors import did_you_mean
from workbench.synthetic.config import SCHEMES, GenerationError
from workbench.synthetic.draws import Bools, Floats, Ints, stream

LEAST_SHARE = 0.04  # of all declarations: a regime with less trade open to the scheme hides nobody
PARTNERS_SHARE = 0.5  # of the traders in the corner who take part


@dataclass(frozen=True)
class WeeklySchemeChange:
    """A change of one scheme from a week of the simulation on.

    Parameters
    ----------
    week
        Week in which the change begins; below 0 in the weeks of the start or before them.
    scheme
        One of :data:`~workbench.synthetic.config.SCHEMES`.
    intensity
        What multiplies the scheme's weight from then on: 0 ends it, 3 makes it three times as frequent.
    moves
        Whether it leaves its goods and traders for those where controls are least likely.
    share
        Of all declarations, in (0, 1]: what the goods that it moves to make up, about.

    Examples
    --------
    >>> WeeklySchemeChange(26, "false_origin", 2.0, moves=True).describe()
    'false origin moves to other goods and traders, times 2'
    """

    week: int
    scheme: str
    intensity: float = 1.0
    moves: bool = False
    share: float = 0.05

    def __post_init__(self) -> None:
        """Refuse what the world cannot play."""
        if self.scheme not in SCHEMES:
            near = did_you_mean(self.scheme, SCHEMES)
            raise GenerationError(f"No scheme is called {self.scheme!r}{near}. Choose one of: {', '.join(SCHEMES)}.")
        if not 0 <= self.intensity < np.inf:
            raise GenerationError(
                f"A scheme changes in week {self.week} to intensity {self.intensity}: expected 0 or more."
            )
        if not 0 < self.share <= 1:
            raise GenerationError(
                f"A scheme moves to a share of {self.share} of the trade: expected more than 0, to 1."
            )

    def describe(self) -> str:
        """Return what changes, in a few words."""
        changes = ["moves to other goods and traders"] if self.moves else []
        if self.intensity != 1 or not self.moves:
            changes.append(f"times {self.intensity:g}")
        return f"{self.scheme.replace('_', ' ')} {', '.join(changes)}"


@dataclass(frozen=True)
class Trade:
    """Declarations as those see them who look for a loophole; arrays have one element (or row) a declaration.

    Parameters
    ----------
    regime, chapter, trader
        Positions; the HS chapter is that of the first item.
    weights
        Leaning of each declaration to each scheme (columns), before any change.
    """

    regime: Ints
    chapter: Ints
    trader: Ints
    weights: Floats


@dataclass(frozen=True)
class Corner:
    """Where a scheme has moved to: goods of some chapters in one regime, and half of those who trade in them.

    Parameters
    ----------
    regime, chapters
        Positions.
    partners
        Whether each trader takes part.
    leaning
        Weight of the scheme in each declaration of the corner.
    """

    regime: int
    chapters: Ints
    partners: Bools
    leaning: float

    def holds(self, trade: Trade) -> Bools:
        """Say which declarations lie in the corner, open to the scheme or not."""
        of_goods = (trade.regime == self.regime) & np.isin(trade.chapter, self.chapters)
        held: Bools = of_goods & self.partners[trade.trader]
        return held


Refuges = Mapping[int, int]
"""Regime that a scheme has moved to, by the position of the change among all changes."""


class ChangingSchemes:
    """The changes of one world.

    Parameters
    ----------
    changes
        In any order; of two moves of a scheme the later one holds, and intensities multiply.
    trade
        Stands for what the world's traders lodge for themselves.
    traders
        Number of traders.
    seed
        Of the world; which chapters and traders take part in a move depends on it and the change alone.
    """

    def __init__(self, changes: tuple[WeeklySchemeChange, ...], trade: Trade, traders: int, seed: int) -> None:
        self._changes = sorted(changes, key=lambda change: change.week)
        self._trade = trade
        streams = [stream(seed, f"move of {change.scheme}", number) for number, change in enumerate(self._changes)]
        self._partners = [rng.random(traders) < PARTNERS_SHARE for rng in streams]
        self._corners: dict[tuple[int, int], Corner] = {}
        self._order = [rng.permutation(int(trade.chapter.max()) + 1) for rng in streams]

    def refuges(self, week: int, before: Refuges, control: Floats) -> Refuges:
        """Return where schemes are in a week, given where they had gone before it.

        Parameters
        ----------
        week
            Week of the simulation, below 0 for the start.
        before
            Of the moves before.
        control
            Probability of control that is perceived in each regime.
        """
        moves = [number for number, change in enumerate(self._changes) if change.moves and change.week <= week]
        return {number: before[number] if number in before else self._refuge(number, control) for number in moves}

    def weights(self, week: int, trade: Trade, refuges: Refuges, alone: Bools) -> Floats:
        """Return the leanings of a week's declarations after all changes until then.

        Parameters
        ----------
        week
            Week of the simulation.
        trade
            The declarations with their leanings before any change.
        refuges
            From :meth:`refuges`.
        alone
            Which declarations a trader lodges for itself: rings have fashions of their own.
        """
        changed = trade.weights.copy()
        for scheme, name in enumerate(SCHEMES):
            weight = trade.weights[:, scheme]
            moves = [number for number in refuges if self._changes[number].scheme == name]
            if moves:
                corner = self._corner(moves[-1], refuges[moves[-1]])
                weight = np.where(corner.holds(trade) & (weight > 0), corner.leaning, 0.0)
            changed[alone, scheme] = weight[alone] * self._intensity(week, name)
        return changed

    def _intensity(self, week: int, scheme: str) -> float:
        return prod(one.intensity for one in self._changes if one.scheme == scheme and one.week <= week)

    def _refuge(self, number: int, control: Floats) -> int:
        """Return the regime with the least control, of those with enough trade open to the scheme; then the largest."""
        share = np.bincount(self._trade.regime[self._open(number)], minlength=len(control))
        enough = share >= min(LEAST_SHARE * len(self._trade.regime), share.max())
        return int(np.lexsort((-share, np.where(enough, control, np.inf)))[0])

    def _corner(self, number: int, regime: int) -> Corner:
        """Return the corner whose weight over all trade is what the scheme's was everywhere."""
        if (number, regime) not in self._corners:
            trade, order, open_to = self._trade, self._order[number], self._open(number)
            there = trade.chapter[open_to & (trade.regime == regime)]
            share = np.bincount(there, minlength=len(order)) / len(open_to)
            chapters = order[: 1 + int(np.searchsorted(np.cumsum(share[order]), self._changes[number].share))]
            corner = Corner(regime, chapters, self._partners[number], leaning=1.0)
            amount = trade.weights[:, self._scheme(number)].sum() / max(int((corner.holds(trade) & open_to).sum()), 1)
            self._corners[number, regime] = replace(corner, leaning=float(amount))
        return self._corners[number, regime]

    def _open(self, number: int) -> Bools:
        open_to: Bools = self._trade.weights[:, self._scheme(number)] > 0
        return open_to

    def _scheme(self, number: int) -> int:
        return SCHEMES.index(self._changes[number].scheme)
