"""The reacting world: a customs service week by week, whose traders see what is controlled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from workbench.synthetic.draws import Bools, Ints
from workbench.synthetic.reactions import Memory
from workbench.synthetic.weekly import DrawnWeek, WeekDrawer
from workbench.synthetic.weeks import ReactingConfig, Weeks
from workbench.synthetic.world import Tables


class ReactingService:
    """Ask for a week, say what was controlled, ask for the next.

    Parameters
    ----------
    weeks
        Which weeks there are.
    config
        Dials; by default a stable world.

    Attributes
    ----------
    history
        The weeks of the start, with what the old service's controls found.
    history_in_full
        Outcomes of physical controls of every item of the start.

    Notes
    -----
    The weeks of the start are played once, at construction: the old criteria, officers and lot of
    :mod:`workbench.synthetic.history` control, and traders see its scans and inspections. Documents are checked in
    more than a third of all declarations: that is everyday life, and deters nobody.

    Examples
    --------
    >>> service = ReactingService(Weeks(start=2, simulated=3, goods=200, seed=1))
    >>> week = service.week(0)
    >>> service.controlled(0, np.arange(10))
    >>> week.declarations.height == week.outcomes.height == week.truth.height
    True
    """

    def __init__(self, weeks: Weeks, config: ReactingConfig | None = None) -> None:
        self._weeks = weeks
        self._drawer = WeekDrawer(weeks, config or ReactingConfig())
        self._memory = self._drawer.blank_memory()
        played = [self._play_history(week) for week in range(-weeks.start, 0)]
        names = ("declarations", "outcomes", "truth")
        self.history = Tables(**{name: pl.concat([getattr(one, name) for one, _ in played]) for name in names})
        self.history_in_full = pl.concat([outcomes for _, outcomes in played])

    def week(self, number: int) -> Tables:
        """Return a week as the controls until now have made it.

        Parameters
        ----------
        number
            From 0.

        Returns
        -------
        Tables
            The outcomes are those of a physical control of every item, recorded when such a control's would be: a
            control finds a scheme with the probability of ``outcomes.DETECTION`` for red, and the same control of the
            same goods always finds the same. Lane, cause and inclusion probability say nothing.
        """
        drawn = self._drawer.draw(number, self._memory)
        return Tables(drawn.declarations, self._drawer.outcomes(drawn), self._drawer.truth(drawn))

    def controlled(self, number: int, places: Ints) -> None:
        """Let the week pass: traders have seen the physical controls of its items at the rows `places`."""
        drawn = self._drawer.draw(number, self._memory)
        looked = np.zeros(drawn.declarations.height, dtype=np.bool_)
        looked[places] = True
        self._see(number, drawn, looked, self._drawer.outcomes(drawn))

    @property
    def state(self) -> Mapping[str, Any]:
        """What traders remember, as plain JSON values."""
        return self._memory.state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :attr:`state` gave."""
        self._memory = Memory.of(state)

    def _play_history(self, week: int) -> tuple[Tables, pl.DataFrame]:
        drawn = self._drawer.draw(week, self._memory)
        outcomes = self._drawer.history(drawn)
        physical = outcomes["lane"].cast(pl.String).is_in(["orange", "red"]).to_numpy()
        self._see(week, drawn, physical, outcomes)
        return Tables(drawn.declarations, outcomes, self._drawer.truth(drawn)), self._drawer.outcomes(drawn)

    def _see(self, week: int, drawn: DrawnWeek, looked: Bools, outcomes: pl.DataFrame) -> None:
        self._memory.refuges = self._drawer.refuges(week, self._memory)
        found = outcomes["violation"].fill_null(0).to_numpy() == 1
        self._memory.see(self._drawer.seen(drawn, looked, found))
