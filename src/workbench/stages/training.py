"""Train: the measured model on what was known when judging began, baselines beside it, then the final model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from workbench.baselines import baseline_scores
from workbench.config import ModelConfig
from workbench.errors import LabelError
from workbench.model import Training, calibrate, label_weights, train, train_again
from workbench.scorer.risk.calibration import Calibration
from workbench.scorer.schema import KEY
from workbench.stages.folder import FINAL, MEASURED, RunFolder
from workbench.timeline import as_of, known_labels, start_of


@dataclass(frozen=True)
class Trained:
    """What training gave.

    Parameters
    ----------
    measured
        Trained on what was known when the judging part began.
    final
        Trained on what was known when the deciding part began, the judging part's labels included.
    judged
        The judging part: canonical rows with ``score``, ``expected_recovery``, one column ``baseline:<name>`` each, and
        the outcome columns (null where nobody looked).
    """

    measured: Training
    final: Training
    judged: pl.DataFrame


def train_and_judge(run: RunFolder) -> Trained:
    """Train both models and score the judging part with the measured one and the baselines."""
    declarations, outcomes = run.read("declarations"), run.read("outcomes")
    config = run.pipeline
    judge_from = start_of(declarations, "judge")
    if judge_from is None:
        raise LabelError("No rows to judge on. Give a table with part = 'judge', or a [split] with judge_weeks.")
    measured = train(declarations, outcomes, judge_from, config.features, config.model)
    judged = _judge(run, measured, declarations, outcomes, judge_from)
    decide_from = _after_judging(declarations)
    final = train_again(
        declarations,
        outcomes,
        decide_from,
        config.features,
        config.model,
        rounds=measured.rounds,
        calibration=_recalibrate(measured, judged, decide_from, config.model),
    )
    run.write_model(MEASURED, measured.model)
    run.write_model(FINAL, final.model)
    run.write("judged", judged)
    run.write_json("training", {MEASURED: _facts(measured), FINAL: _facts(final)})
    return Trained(measured, final, judged)


def _after_judging(declarations: pl.DataFrame) -> datetime:
    """Return the day after the last judged lodgement: nothing later teaches the final model."""
    last = declarations.filter(pl.col("part") == "judge")["lodged_at"].max()
    assert isinstance(last, datetime)  # the judging part has rows
    return datetime(last.year, last.month, last.day) + timedelta(days=1)


def _judge(
    run: RunFolder, measured: Training, declarations: pl.DataFrame, outcomes: pl.DataFrame, judge_from: datetime
) -> pl.DataFrame:
    """Score the judging part; its labels are joined on only after every score is there."""
    later = declarations.filter(pl.col("part") == "judge")
    model = measured.model
    scores = model.scores(model.features.matrix(model.features.read(later)))
    past = as_of(declarations, outcomes, judge_from)
    baselines = baseline_scores(measured.fitted, past, later, seed=run.pipeline.model.seed)
    scored = later.with_columns(
        pl.Series("score", scores.score),
        pl.Series("expected_recovery", scores.expected_recovery, nan_to_null=True),
        *(pl.Series(f"baseline:{name}", values) for name, values in baselines.items()),
    )
    return scored.join(outcomes, on=list(KEY), how="left", maintain_order="left")


def _recalibrate(measured: Training, judged: pl.DataFrame, moment: datetime, config: ModelConfig) -> Calibration:
    """Calibrate the final model where the measured one was judged, on rows that one never saw."""
    known = known_labels(judged, moment)
    if known["violation"].n_unique() < 2:
        return measured.model.calibration
    matrix = measured.model.features.matrix(measured.model.features.read(known))
    labels = np.asarray(known["violation"].cast(pl.Float64))
    return calibrate(measured.model.margins(matrix), labels, label_weights(known, config))


def _facts(training: Training) -> dict[str, Any]:
    return {
        "as_of": training.as_of.isoformat(),
        "rounds": training.rounds,
        "log_loss_of_stopping": training.stop_loss,
        "labelled_items": len(training.fitted.labels),
        "violations": int(training.fitted.labels.sum()),
        "features": training.model.features.names,
        "recovery_model": training.model.recovery is not None,
    }
