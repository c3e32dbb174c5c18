"""The arm of criteria: the most severe lane first, then by lot."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from workbench.simulation.policies.arm import Ranking, Round
from workbench.simulation.policies.registry import register
from workbench.simulation.policy import Values


@register
class Criteria(Ranking):
    """By the lane that criteria propose, the most severe first, equals by lot; nothing that no criterion names."""

    name: ClassVar[str] = "criteria"
    explores: ClassVar[bool] = False

    def wish(self, this: Round) -> Values:
        """Return the severity, 1 to 4; NaN where no criterion proposes a lane."""
        severity = this.situation.learner.criteria
        return np.where(severity > 0, severity, np.nan)
