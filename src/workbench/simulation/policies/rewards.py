"""Rewards of weeks: how good a week's controls were against the usual, told when its results have come in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

COMPLETE = 0.9
"""A week is judged when nine of ten of its results are in: violations take longer to be recorded than clean results."""

PATIENCE_WEEKS = 13
"""So many weeks later a week is judged by what is in, if anything is: some sources never record the rest."""

_POWER = 3
_MEMORY = 0.9
"""What the usual precision keeps of itself at each week that is judged."""


@dataclass
class Open:
    """A week whose results are not all in.

    Parameters
    ----------
    option
        What was tried in it.
    chance
        Probability with which it was tried.
    controls
        Controls of the week.
    known, found
        Results that are in, and violations among them.
    """

    option: int
    chance: float
    controls: int
    known: int = 0
    found: int = 0


class RewardLedger:
    """The weeks whose results are awaited, and the usual precision that a week is held against."""

    def __init__(self) -> None:
        self.open: dict[int, Open] = {}
        self._usual: float | None = None

    def add(self, week: int, tried: Open) -> None:
        """Await the results of a week."""
        self.open[week] = tried

    def take_in(self, results: pl.DataFrame) -> list[tuple[Open, float]]:
        """Count results, and return the weeks that can be judged now, in order, each with its reward.

        The reward is p^3 / (p^3 + u^3): p the share of violations among the week's results, u the usual one, a running
        mean of the weeks judged before. It lies in [0, 1], is one half for a usual week whatever the base rate of the
        programme, and knows nothing but results that are in. Cubed, because weeks differ by a tenth rather than by
        half: a week a tenth better than usual has 0.57.
        """
        counts = results.group_by("week").agg(known=pl.len(), found=pl.col("violation").sum())
        for week, known, found in counts.iter_rows():
            if week in self.open:
                self.open[week].known += known
                self.open[week].found += found
        newest = max(self.open, default=0)
        ripe = [
            week
            for week, one in sorted(self.open.items())
            if one.known >= COMPLETE * one.controls or newest - week >= PATIENCE_WEEKS
        ]
        judged = [self.open.pop(week) for week in ripe]
        return [(one, self._reward(one)) for one in judged if one.known]

    def _reward(self, week: Open) -> float:
        precision = week.found / week.known
        usual = precision if self._usual is None else self._usual
        self._usual = _MEMORY * usual + (1.0 - _MEMORY) * precision
        better, ordinary = precision**_POWER, usual**_POWER
        return better / (better + ordinary) if better + ordinary > 0 else 0.5

    @property
    def state(self) -> Mapping[str, Any]:
        """What must be remembered, as plain JSON values."""
        return {"open": {str(week): asdict(one) for week, one in self.open.items()}, "usual": self._usual}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        self.open = {int(week): Open(**one) for week, one in state["open"].items()}
        self._usual = state["usual"]
