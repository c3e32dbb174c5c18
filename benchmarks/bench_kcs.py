"""Ranking and stage times on the Korea Customs Service's public declarations: one JSON line.

``python benchmarks/bench_kcs.py --train train.csv.gz --valid valid.csv.gz``

The files may also be named by KCS_TRAIN and KCS_VALID; without them the line says that the benchmark was skipped. The
stages run in this process, without notebooks. Targets on the validation file: precision .98 at 5 % and .94 at 10 %,
average precision .82.
"""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import workload
from workbench.stages.evaluating import evaluate
from workbench.stages.folder import RunFolder
from workbench.stages.prepare import prepare
from workbench.stages.training import train_and_judge

REPLICATES = 50


def main() -> None:
    """Run prepare, train and evaluate, and print what the judged rows say."""
    pipeline = workload.korean_pipeline("kcs", __doc__)
    if pipeline is None:
        return
    with workload.scratch() as folder:
        run = RunFolder.create(Path(folder) / "run", pipeline)
        start = time.perf_counter()
        prepare(run, as_of=datetime.now())
        prepared = time.perf_counter()
        train_and_judge(run)
        trained = time.perf_counter()
        metrics = evaluate(run, replicates=REPLICATES, seed=workload.SEED)
    workload.report(
        "kcs",
        precision_at_5pct=metrics["precision_at_5pct"],
        precision_at_10pct=metrics["precision_at_10pct"],
        average_precision=metrics["average_precision"],
        prepare_s=prepared - start,
        train_s=trained - prepared,
        evaluate_s=time.perf_counter() - trained,
    )


if __name__ == "__main__":
    main()
