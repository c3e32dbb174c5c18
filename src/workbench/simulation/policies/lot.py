"""The lot: every one of the goods that others left has the same probability."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from workbench.simulation.policies.arm import Ranking, Round, Turn
from workbench.simulation.policies.registry import register
from workbench.simulation.policy import Values


@register
class Random(Ranking):
    """By lot: the only arm whose controls speak for all goods that the others left."""

    name: ClassVar[str] = "random"
    turn: Turn = Turn.LOT

    def wish(self, this: Round) -> Values:
        """Want all alike."""
        return np.zeros(this.situation.goods.height)
