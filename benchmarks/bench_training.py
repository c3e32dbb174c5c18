"""Features and fit against `xgboost.train` on the ready matrix: one JSON line.

``python benchmarks/bench_training.py [--rows 200000] [--rounds 60] [--runs 3]``

Both sides grow the same trees with the shipped pipeline's parameters and build their own QuantileDMatrix. `rows` counts
labelled declaration items; ``ratio`` is for a past in which every item is labelled, ``ratio_mostly_unlabelled`` for the
generated history, in which only controlled items are: features learn from those without a label too.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

import workload
from workbench.features import TrainingFeatures, fit_features
from workbench.model import grow
from workbench.timeline import as_of, in_order

ROWS_FOR_EACH_LABEL = 2.5
"""Generated items for one label: 43 % are controlled, and the last controls are not recorded yet."""


def main() -> None:
    """Time both sides in turn, over both pasts."""
    given = workload.options(__doc__, rows=200_000, rounds=60, runs=3)
    with workload.scratch() as folder:
        made = workload.world(Path(folder) / "world", int(given.rows * ROWS_FOR_EACH_LABEL))
    history = as_of(made.declarations, made.outcomes, made.declarations["lodged_at"].max())
    labelled = history["violation"].is_not_null()
    until = labelled.cum_sum().search_sorted(given.rows) + 1
    history = history.head(until)
    every = in_order(history.filter(labelled.head(until)))
    config = workload.pipeline()

    def features(past: pl.DataFrame) -> TrainingFeatures:
        return fit_features(past, config.features)

    def fit(fitted: TrainingFeatures) -> object:
        return grow(fitted.matrix, fitted.labels, config.model, given.rounds)

    ready, ready_of_history = features(every), features(history)
    ours, bare, alone, ours_history, bare_history = workload.medians_s(
        given.runs,
        lambda: fit(features(every)),
        lambda: fit(ready),
        lambda: features(every),
        lambda: fit(features(history)),
        lambda: fit(ready_of_history),
    )
    workload.report(
        "training",
        rows=len(ready.labels),
        features=ready.matrix.shape[1],
        rounds=given.rounds,
        features_and_fit_s=ours,
        xgboost_s=bare,
        features_s=alone,
        ratio=ours / bare,
        unlabelled_rows=history.height - len(ready_of_history.labels),
        ratio_mostly_unlabelled=ours_history / bare_history,
    )


if __name__ == "__main__":
    main()
