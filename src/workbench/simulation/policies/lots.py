"""Lots: keyed random numbers for a week's goods, drawn as often as a probability needs it."""

from __future__ import annotations

import numpy as np

from workbench.scorer.lanes.draw import uniforms
from workbench.scorer.schema import KEY
from workbench.simulation.policy import Counts, Situation, Values


class Lots:
    """Numbers by lot for the goods of one week; the order of the rows changes nothing.

    Draw 0 decides, and is checked by HMAC good by good (`scorer.lanes.draw`). Other draws only serve to learn how
    probable it was: they come from a generator seeded by the same key, which takes a hundredth of the time.

    Parameters
    ----------
    situation
        The week.
    """

    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        self._first: dict[str, Values] = {}
        standing = situation.goods.select(*KEY).with_row_index("row").sort(*KEY)["row"]
        self.standing: Counts = standing.to_numpy().astype(np.int64)
        """Rows of the goods by number of declaration and item: the order in which generators serve them."""

    def numbers(self, purpose: str, draw: int) -> Values:
        """Return a number in [0, 1) for each of the goods, shape (n,), for `purpose` alone."""
        if draw:
            numbers = np.empty(len(self.standing))
            numbers[self.standing] = self.generator(purpose, draw).random(len(self.standing))
            return numbers
        if purpose not in self._first:
            self._first[purpose] = self._situation.lots(purpose)
        return self._first[purpose]

    def number(self, purpose: str) -> float:
        """Return one number in [0, 1) for the week."""
        return float(uniforms(self._situation.key, purpose, [f"week {self._situation.week}"])[0])

    def generator(self, purpose: str, draw: int) -> np.random.Generator:
        """Return a generator for `purpose` and `draw` in this week; serve it goods in a fixed order."""
        return np.random.default_rng(int(self.number(f"{purpose} draw {draw}") * 2**53))
