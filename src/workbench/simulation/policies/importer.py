"""The arm of importer risk: whose controls found most in the past."""

from __future__ import annotations

from typing import ClassVar

from workbench.simulation.policies.arm import Ranking, Round
from workbench.simulation.policies.priors import base_rate, smoothed
from workbench.simulation.policies.registry import register
from workbench.simulation.policy import Values


@register
class Importer(Ranking):
    """By the importer's past rate of violations, smoothed: who was never controlled has the average of all.

    Known for controlled importers only.
    """

    name: ClassVar[str] = "importer"
    explores: ClassVar[bool] = False

    def wish(self, this: Round) -> Values:
        """Return the smoothed rate, in (0, 1)."""
        violations, labels = this.situation.learner.group_counts(("importer_id",))
        return smoothed(violations, labels, base_rate(this.situation.labels))
