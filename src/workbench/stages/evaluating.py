"""Evaluate: what the measured model was worth on the judging part, which it never saw, beside the baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from workbench import estimates, evaluation
from workbench.errors import LabelError
from workbench.evaluation import Refusal
from workbench.scorer.schema import KEY, derive
from workbench.stages.folder import RunFolder

MODEL, BASELINE = "model", "baseline:"
SLICES = ("office_id", "hs2", "origin_country_code")
_OPERATING_SHARE = 0.05

Tables = dict[str, pl.DataFrame]


def evaluate(run: RunFolder, *, replicates: int, seed: int) -> dict[str, Any]:
    """Measure the judged rows and write ``metrics.json``.

    Parameters
    ----------
    run
        A run that has been trained.
    replicates
        Bootstrap replicates of each interval.
    seed
        Seed of the bootstrap.

    Returns
    -------
    dict
        The content of ``metrics.json``: single numbers at the top (they go to MLflow), tables as lists of rows below.

    Raises
    ------
    LabelError
        The judging part has no label, or all are of one class.
    """
    judged = run.read("judged")
    repeats = _marked_repeats(run, judged)
    top = evaluation.metrics_at(judged, replicates=replicates, seed=seed)
    baselines = compare(judged)
    ranking = evaluation.ranking_summary(judged, replicates=replicates, seed=seed).to_dict()
    metrics = {
        **_headline(top, ranking),
        "expected_calibration_error": evaluation.expected_calibration_error(judged),
        "ranking": ranking,
        "metrics_at": top.to_dicts(),
        "gain": evaluation.cumulative_gain(judged).to_dicts(),
        "violations_in_top": evaluation.violations_in_top(judged).to_dicts(),
        "calibration": evaluation.calibration_table(judged).to_dicts(),
        "baselines": baselines,
        "difference_to_best": difference_to_best(judged, baselines, replicates=replicates, seed=seed),
        "slices": {name: evaluation.by_group(derive(judged), name, _OPERATING_SHARE).to_dicts() for name in SLICES},
        "repeats": {name: _ranking_of(part) for name, part in repeats.items()},
        "history": _history(run),
    }
    run.write_json("metrics", metrics)
    return metrics


def _headline(top: pl.DataFrame, ranking: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures that runs are compared by, under names that say what they are."""
    numbers = {
        f"{row['metric']}_at_{100 * row['share']:g}pct": row["value"]
        for row in top.iter_rows(named=True)
        if row["value"] is not None
    }
    names = ("auc", "average_precision", "brier_score", "log_loss")
    estimates = {name: ranking[name]["value"] for name in names if isinstance(ranking.get(name), dict)}
    return numbers | estimates


def compare(judged: pl.DataFrame) -> list[dict[str, Any]]:
    """Return precision, recall and average precision of the model and of each baseline on the same rows."""
    rows = []
    for name in ["score", *(column for column in judged.columns if column.startswith(BASELINE))]:
        ranked = judged.with_columns(score=pl.col(name))
        at = evaluation.metrics_at(ranked, (0.01, 0.05, 0.10), replicates=2)
        found = {(row["metric"], row["share"]): row["value"] for row in at.iter_rows(named=True)}
        rows.append(
            {
                "method": MODEL if name == "score" else name.removeprefix(BASELINE),
                "precision_at_1pct": found["precision", 0.01],
                "precision_at_5pct": found["precision", 0.05],
                "precision_at_10pct": found["precision", 0.10],
                "recall_at_10pct": found["recall", 0.10],
                "average_precision": evaluation.average_precision(ranked),
                "auc": evaluation.auc(ranked),
            }
        )
    return rows


def difference_to_best(
    judged: pl.DataFrame, methods: Sequence[Mapping[str, Any]], *, replicates: int, seed: int
) -> dict[str, Any]:
    """Return the other method that ranks best, and by how much the model's average precision exceeds its own."""
    best = max((row for row in methods if row["method"] != MODEL), key=lambda row: row["average_precision"])["method"]
    excess = evaluation.difference(judged, "score", f"{BASELINE}{best}", replicates=replicates, seed=seed)
    return {"method": best, **excess.to_dict()}


def _marked_repeats(run: RunFolder, judged: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Part the judged rows by whether the same goods at the same value and mass were lodged in the learning part.

    A set with many copies of the same consignment flatters every model that remembers; the two halves tell how much.
    """
    same = ["hs_code", "origin_country_code", "departure_country_code", "customs_value_usd", "net_mass_kg"]
    learnt = run.read("declarations").filter(pl.col("part") == "learn").select(same).unique()
    seen = judged.join(learnt, on=same, how="semi", nulls_equal=True)
    return {"seen before": seen, "first time": judged.join(seen.select(KEY), on=list(KEY), how="anti")}


def _ranking_of(part: pl.DataFrame) -> dict[str, Any]:
    labelled = part.filter(pl.col("violation").is_not_null())
    counts = {"labelled": labelled.height, "violations": int(labelled["violation"].sum() or 0)}
    return counts | {
        "auc": _or_none(evaluation.auc, labelled),
        "average_precision": _or_none(evaluation.average_precision, labelled),
    }


def _or_none(metric: Callable[[pl.DataFrame], float], table: pl.DataFrame) -> float | None:
    try:
        return metric(table)
    except LabelError:
        return None  # one class only: the figure does not exist, which is a result


def _history(run: RunFolder) -> dict[str, Any]:
    """Return what past controls found, by method, lane and cause, and what controls by lot say of all goods."""
    outcomes, declarations = run.read("outcomes"), run.read("declarations")
    if outcomes["cause"].null_count() == outcomes.height:
        return {"methods": [], "lanes": [], "causes": [], "months": [], "random_arm": None, "lifts": []}
    months = declarations.select(*KEY, month=pl.col("lodged_at").dt.strftime("%Y-%m"))
    monthly = outcomes.join(months, on=list(KEY)).group_by("month", "lane").len("declarations").sort("month", "lane")
    lodged = derive(declarations).select(*KEY, "office_id", "regime_code", "declared_duty_usd")
    frame, lane = run.pipeline.source.lot_frame, run.pipeline.selection.random_lane
    goods = outcomes.join(lodged, on=list(KEY))
    arm = estimates.compliance(estimates.ControlRecord.from_history(goods, lot_frame=frame, random_lane=lane))
    lifts = (
        [] if isinstance(arm, Refusal) else estimates.lifts(outcomes, arm.violation_rate, random_lane=lane).to_dicts()
    )
    return {
        "methods": evaluation.hit_rates(outcomes).to_dicts(),
        "lanes": evaluation.hit_rates(outcomes, "lane").to_dicts(),
        "causes": evaluation.hit_rates(outcomes, "cause").to_dicts(),
        "months": monthly.to_dicts(),
        "random_arm": arm.to_dict(),
        "lifts": lifts,
    }
