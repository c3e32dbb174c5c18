"""Time and hits of the weekly simulation on the Korea Customs Service's public declarations: one JSON line.

``python benchmarks/bench_simulation.py --train train.csv.gz --valid valid.csv.gz``

The files may also be named by KCS_TRAIN and KCS_VALID; without them the line says that the benchmark was skipped. All
weeks after a start of four are simulated at a rate of 10 %, in this process. ``loop_over_xgboost`` is the time of the
whole loop of the policy `model` over that of XGBoost alone, fitting and predicting on the same matrices; smaller is
better. Targets: mean weekly precision .70 for `model` and .68 for `model+random:0.1`, 180 s a policy for 75 weeks.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
import xgboost

import workload
from workbench.simulation.learner import KnownLearner
from workbench.simulation.policies.spec import parse_policy
from workbench.simulation.policy import Choice, Policy, Situation
from workbench.simulation.recorded import RecordedWorld, recorded_world
from workbench.simulation.run import RunOfPolicy, simulate_policy
from workbench.simulation.settings import Learning, Settings

POLICIES = ("model", "model+random:0.1")


@dataclass
class Watched(Policy):
    """The policy `model`, which keeps each week's learner."""

    name = "watched"
    inner: Policy = field(default_factory=lambda: parse_policy("model"))
    learners: list[KnownLearner] = field(default_factory=list)

    def choose(self, situation: Situation, seats: int) -> Choice:
        """Choose as `model` does."""
        assert isinstance(situation.learner, KnownLearner)
        self.learners.append(situation.learner)
        return self.inner.choose(situation, seats)


def main() -> None:
    """Simulate the policies, then let XGBoost alone fit and predict the same matrices."""
    pipeline = workload.korean_pipeline("simulation", __doc__)
    if pipeline is None:
        return
    settings = Settings(Learning.of(pipeline), rate=0.10)
    world = recorded_world(pipeline, settings)
    runs = {text: simulate_policy(world, parse_policy(text), settings, name=text) for text in POLICIES}
    workload.report(
        "simulation",
        weeks=world.weeks,
        seconds_a_policy_and_week=runs["model"].seconds / world.weeks,
        loop_over_xgboost=_ratio(world, settings),
        **{f"precision_{_word(text)}": run.precision for text, run in runs.items()},
        **{f"precision_by_quarter_{_word(text)}": _quarters(run) for text, run in runs.items()},
    )


def _ratio(world: RecordedWorld, settings: Settings) -> float:
    watched = Watched()
    whole = simulate_policy(world, watched, settings, name="watched").seconds
    bare = sum(_bare_seconds(learner, settings) for learner in watched.learners)
    return whole / bare


def _bare_seconds(learner: KnownLearner, settings: Settings) -> float:
    model, trained = settings.learning.model_config, learner.trained
    assert trained is not None  # the start has labels of both classes
    parameters = {"objective": "binary:logistic", "tree_method": "hist", "seed": model.seed, **model.parameters}
    start = time.perf_counter()
    data = xgboost.QuantileDMatrix(trained.fitted.matrix, trained.fitted.labels, nthread=1)
    xgboost.train(parameters, data, model.rounds).inplace_predict(learner.matrix, predict_type="margin")
    return time.perf_counter() - start


def _quarters(run: RunOfPolicy) -> list[float]:
    precision = run.weeks["precision"].drop_nulls().to_numpy()
    return [round(float(part.mean()), 3) for part in np.array_split(precision, 4)]


def _word(text: str) -> str:
    return text.replace("+", "_").replace(":", "_").replace(".", "")


if __name__ == "__main__":
    main()
