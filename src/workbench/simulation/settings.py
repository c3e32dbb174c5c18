"""Settings of a simulation: what is the same for all policies that are compared, and the number of the replication."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from workbench.config import FeaturesConfig, ModelConfig, Pipeline, SimulationConfig
from workbench.errors import ParameterError, did_you_mean, quoted

from .masking import Mask

PLANS = ("direct", "linear", "fast")
"""How the inspection rate comes down to the target; see `simulation.plans`."""


@dataclass(frozen=True)
class Learning:
    """What a simulation learns with: the pipeline's features and model, and its [simulation].

    Parameters
    ----------
    features, model, simulation
        Tables of the pipeline.
    criteria
        Criteria file, ``None`` where the pipeline names none. Drafts propose too: it is a simulation.
    """

    features: FeaturesConfig
    model: ModelConfig
    simulation: SimulationConfig
    criteria: Path | None = None

    @classmethod
    def of(cls, pipeline: Pipeline) -> Learning:
        """Return what `pipeline` says about learning."""
        path = pipeline.criteria.path
        return cls(pipeline.features, pipeline.model, pipeline.simulation, pipeline.resolve(path) if path else None)

    @property
    def model_config(self) -> ModelConfig:
        """The pipeline's [model] with what [simulation] puts in its place; one thread, since policies run side by side.

        Beside other work XGBoost's threads wait for one another: two took fifteen times as long as one.
        """
        model, simulation = self.model, self.simulation
        changed = {
            "rounds": simulation.rounds,
            "parameters": {"nthread": 1, **model.parameters, **simulation.parameters},
            "weights": simulation.weights or model.weights,
            "half_life_weeks": simulation.half_life_weeks or model.half_life_weeks,
        }
        return model.model_copy(update=changed)


@dataclass(frozen=True)
class Settings:
    """Settings of one policy's run; two runs that differ in the policy alone have the same capacity and lots.

    Parameters
    ----------
    learning
        See :class:`Learning`.
    rate
        Share of a week's goods that is controlled, in [0, 1].
    plan
        How the rate comes down to `rate`, one of :data:`PLANS`.
    start_rate
        Rate that the plans `linear` and `fast` start from, in [`rate`, 1].
    weeks
        Weeks to simulate after the start; ``None`` for all that the world has.
    start_weeks
        Weeks before the first simulated one, whose labels are known as far as `mask` leaves them; at least 1.
    mask
        Which labels of the start are known: ``none`` hides none, ``random:0.1``, ``importer:0.1``, ``natural``; see
        `simulation.masking`.
    seed, replication
        Where the lots come from. Replications of one seed differ in their lots, and in generated worlds in all goods.
    """

    learning: Learning
    rate: float = 0.10
    plan: str = "direct"
    start_rate: float = 1.0
    weeks: int | None = None
    start_weeks: int = 4
    mask: str = "none"
    seed: int = 17
    replication: int = 0

    def __post_init__(self) -> None:
        """Refuse what no simulation can be run with, and name it."""
        if not 0 <= self.rate <= 1:
            raise ParameterError(f"rate is {self.rate:g}; expected a share of the goods in (0, 1], such as 0.10.")
        if not self.rate <= self.start_rate <= 1:
            raise ParameterError(
                f"start_rate is {self.start_rate:g}; expected at least the rate, {self.rate:g}, and at most 1."
            )
        if self.plan not in PLANS:
            near = did_you_mean(self.plan, PLANS)
            raise ParameterError(f"Unknown plan {quoted(self.plan)}{near}. Known: {', '.join(PLANS)}.")
        Mask.parse(self.mask)
        for name, least in (("weeks", 1), ("start_weeks", 1), ("replication", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ParameterError(f"{name} is {value}; expected {least} or more.")

    @property
    def key(self) -> bytes:
        """Key of the lots: 32 bytes, the same for all policies, another for each seed and replication."""
        return hashlib.sha256(f"simulation {self.seed} {self.replication}".encode()).digest()
