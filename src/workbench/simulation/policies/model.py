"""The arms of the model: by the probability of a violation, or by the duty that a control would recover."""

from __future__ import annotations

from typing import ClassVar

from workbench.simulation.policies.arm import Ranking, Round
from workbench.simulation.policies.registry import register
from workbench.simulation.policy import Values


@register
class Model(Ranking):
    """By the model's score, the highest first: what is known is used, nothing new is looked for."""

    name: ClassVar[str] = "model"
    explores: ClassVar[bool] = False

    def wish(self, this: Round) -> Values:
        """Return the probability of a violation."""
        return this.situation.learner.score


@register
class Recovery(Ranking):
    """By the duty in USD that a control is expected to recover; by lot where the source has no revenue."""

    name: ClassVar[str] = "recovery"
    explores: ClassVar[bool] = False

    def wish(self, this: Round) -> Values:
        """Return the expected duty; NaN where there is none to expect."""
        return this.situation.learner.expected_recovery
