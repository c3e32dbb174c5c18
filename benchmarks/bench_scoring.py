"""Raw canonical rows to decisions, without reasons, against bare prediction on the ready matrix: one JSON line.

``python benchmarks/bench_scoring.py [--rows 500000] [--runs 3]``

Two models share the shipped pipeline's features, criteria and policy: its own, and a reference of 400 full trees of
depth 8. ``ratio_*`` is ours over bare in rows a second, larger is better; bare runs every booster that the model has.
``profile_s`` is where the time of the reference goes, each stage without those inside it.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import polars as pl

import workload
from workbench.model import Training, grow
from workbench.scorer import scorer as scorer_module
from workbench.scorer.criteria import CriteriaSet
from workbench.scorer.criteria.hits import CompiledCriteria
from workbench.scorer.intake.mapping import Mapping
from workbench.scorer.lanes import arm as arm_module
from workbench.scorer.lanes import drawing as drawing_module
from workbench.scorer.lanes import filling as filling_module
from workbench.scorer.lanes import resolution as resolution_module
from workbench.scorer.lanes import room as room_module
from workbench.scorer.risk.featureset import FeatureSet, Matrix
from workbench.scorer.risk.lookups import KeySpace, Lookup
from workbench.scorer.risk.riskmodel import RiskModel
from workbench.scorer.scorer import Scorer
from workbench.selection import policy

PAST_ROWS = 200_000
DEPTH, TREES = 8, 400

STAGES: dict[str, list[tuple[Any, str]]] = {
    "mapping": [(Mapping, "apply")],
    "validation": [(scorer_module, "validate")],
    "derived_columns": [(scorer_module, "derive")],
    "codes": [(KeySpace, "codes")],
    "lookups": [(KeySpace, "keys"), (Lookup, "rows"), (Lookup, "take")],
    "matrix": [(FeatureSet, "matrix")],
    "prediction": [(RiskModel, "scores")],
    "criteria": [(CompiledCriteria, "hits")],
    "draws": [(module, "uniforms") for module in (drawing_module, filling_module, room_module, arm_module)],
    "selection": [(resolution_module, "select")],
    "table": [(Scorer, "assess"), (Scorer, "decide")],
}
"""What is timed under which name."""


class Profile:
    """Seconds by stage, each without the stages that it calls."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inner = [0.0]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time every function of `STAGES` while inside."""
        with ExitStack() as stack:
            for stage, places in STAGES.items():
                for owner, name in places:
                    stack.enter_context(patch.object(owner, name, self._timed(stage, getattr(owner, name))))
            yield

    def _timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **options: Any) -> Any:
            self._inner.append(0.0)
            start = time.perf_counter()
            result = function(*args, **options)
            taken = time.perf_counter() - start
            self.seconds[stage] += taken - self._inner.pop()
            self._inner[-1] += taken
            return result

        return timed


def profile(runs: int, work: Callable[[], object]) -> dict[str, float]:
    """Return the median seconds of each stage."""
    profiles = [Profile() for _ in range(runs)]
    for one in profiles:
        with one.running():
            work()
    return {stage: round(statistics.median(one.seconds[stage] for one in profiles), 4) for stage in STAGES}


def scorer_with(model: RiskModel) -> Scorer:
    """Return the shipped pipeline's scorer around `model`."""
    pipeline = workload.pipeline()
    return Scorer(
        Mapping.from_toml(pipeline.resolve(pipeline.source.mapping)),
        model,
        CriteriaSet.from_toml(pipeline.resolve(pipeline.criteria.path)),
        policy(pipeline.selection, bytes(32)),
    )


def reference(trained: Training) -> RiskModel:
    """Return full trees on the same features: labels without any pattern leave no branch short."""
    labels = np.random.default_rng(workload.SEED).integers(0, 2, len(trained.fitted.labels)).astype(np.float64)
    config = workload.pipeline().model.model_copy(update={"parameters": {"max_depth": DEPTH, "eta": 0.05}})
    booster = grow(trained.fitted.matrix, labels, config, TREES)
    return RiskModel(trained.model.features, booster, trained.model.calibration)


def bare(model: RiskModel, matrix: Matrix) -> None:
    """Predict with every booster of `model`, as anyone would who has the matrix."""
    for booster in (model.booster, model.recovery):
        if booster is not None:
            booster.inplace_predict(matrix)


def matrix_of(scorer: Scorer, raw: pl.DataFrame) -> Matrix:
    """Return the ready matrix of all rows."""
    return scorer.model.features.matrix(scorer.model.features.read(scorer.mapping.apply(raw).frame))


def main() -> None:
    """Time both models against their bare predictions, in turn."""
    given = workload.options(__doc__, rows=500_000, runs=3)
    with workload.scratch() as folder:
        made = workload.world(Path(folder) / "world", PAST_ROWS + given.rows)
    trained = workload.trained(made, PAST_ROWS)
    shipped, full = scorer_with(trained.model), scorer_with(reference(trained))
    raw = made.declarations.tail(given.rows)
    matrix = matrix_of(shipped, raw)
    seconds = workload.medians_s(
        given.runs,
        lambda: shipped.score(raw, reasons=False),
        lambda: bare(shipped.model, matrix),
        lambda: full.score(raw, reasons=False),
        lambda: bare(full.model, matrix),
    )
    rates = [round(given.rows / taken) for taken in seconds]
    workload.report(
        "scoring",
        rows=given.rows,
        features=matrix.shape[1],
        trees=trained.rounds,
        trees_reference=TREES,
        rows_per_s=rates[0],
        bare_rows_per_s=rates[1],
        ratio=rates[0] / rates[1],
        rows_per_s_reference=rates[2],
        bare_rows_per_s_reference=rates[3],
        ratio_reference=rates[2] / rates[3],
        score_s_reference=seconds[2],
        bare_s_reference=seconds[3],
        profile_s=profile(given.runs, lambda: full.score(raw, reasons=False)),
    )


if __name__ == "__main__":
    main()
