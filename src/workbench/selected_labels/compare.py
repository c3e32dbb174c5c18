"""Compare: every variant trained on the same past and judged on the same later goods, three ways.

Judged on the truth about all goods, which only a generated world has; on the random arm, which any service can have;
and on whatever was controlled, which is what misleads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import NormalDist
from typing import Any

import numpy as np
import polars as pl

from workbench.config import FeaturesConfig, ModelConfig
from workbench.errors import LabelError
from workbench.evaluation import Estimate, auc, average_precision, difference, metrics_at
from workbench.progress import Tell
from workbench.scorer.risk.lookups import Values
from workbench.scorer.schema import KEY
from workbench.selected_labels.ground import Prepared, prepare
from workbench.selected_labels.variants import VARIANTS, TrainingSet, Variant
from workbench.timeline import before, in_order, since_or_undated

GOODS = {
    "truth": "all later goods, by the truth about them",
    "random arm": "later goods that the random arm had drawn",
    "controlled": "later goods that were controlled, by whatever had selected them",
}
"""What variants are judged on."""

NOTES = {
    "truth": "Only a generated world knows it: the other tables can be held against this one.",
    "random arm": "What any service can measure: it speaks of all goods that the random arm is drawn from.",
    "controlled": "Known for controlled goods only, which the selection itself chose: it says nothing of the others.",
}
"""What can be read off each."""

LEAST_VIOLATIONS = 10
"""Violations, and goods without one, below which nothing is judged: resampling so few shows no uncertainty."""

_COLUMNS: Mapping[str, pl.DataType] = {
    "variant": pl.String(),
    "goods": pl.String(),
    "trained_on": pl.Int64(),
    "effective_size": pl.Float64(),
    "judged_on": pl.Int64(),
    "violations": pl.Int64(),
    "average_precision": pl.Float64(),
    "gain": pl.Float64(),
    "gain_low_95": pl.Float64(),
    "gain_high_95": pl.Float64(),
    "auc": pl.Float64(),
    "precision_at_5pct": pl.Float64(),
    "recall_at_5pct": pl.Float64(),
    "expected_over_observed": pl.Float64(),
}


@dataclass(frozen=True)
class Comparison:
    """What training on selected labels cost, and what each variant made of it.

    Parameters
    ----------
    table
        One row a variant and kind of goods judged (`GOODS`): ``trained_on`` rows with their Kish ``effective_size``,
        ``judged_on`` rows and ``violations`` among them, ``average_precision`` and its ``gain`` over the variant "as
        found" with a paired 95 % interval that holds for all variants together, ``auc``, ``precision_at_5pct``,
        ``recall_at_5pct`` (all larger is better),
        and ``expected_over_observed`` violations, 1 where scores are calibrated to those goods. Null where a kind of
        goods holds fewer than `LEAST_VIOLATIONS` violations, or as few goods without one.
    moment, until
        What was known at `moment` taught; goods lodged from then to before `until` judged.
    """

    table: pl.DataFrame
    moment: datetime
    until: datetime

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain JSON values."""
        told = [{"variant": one.name, "told": one.told, "source": one.source} for one in VARIANTS]
        days = {"first_day": self.moment.date().isoformat(), "last_day": self._last_day.isoformat()}
        return {**days, "goods": GOODS, "variants": told, "table": self.table.to_dicts()}

    @property
    def _last_day(self) -> date:
        return (self.until - timedelta(microseconds=1)).date()

    def describe(self) -> str:
        """Return the table as text, for each kind of goods that could be judged."""
        days = f"goods lodged from {self.moment:%Y-%m-%d} to {self._last_day}"
        lines = [f"Taught by what was known on {self.moment:%Y-%m-%d}, judged on {days}."]
        for goods, told in GOODS.items():
            rows = self.table.filter(pl.col("goods") == goods).to_dicts()
            if not rows:
                continue
            violations = f"{rows[0]['violations']:,} violation{'' if rows[0]['violations'] == 1 else 's'}"
            lines += ["", f"{goods}: {told}, {rows[0]['judged_on']:,} items with {violations}."]
            if rows[0]["average_precision"] is None:
                lines.append(f"Too few to judge by: {LEAST_VIOLATIONS} violations and as many others are needed.")
            else:
                lines += [NOTES[goods], _HEAD, *map(_line, rows)]
        return "\n".join([*lines, "", _READING])


_HEAD = (
    f"{'variant':20}{'trained on':>12}{'AP':>7}{'gain, points (95 %)':>24}{'AUC':>6}{'prec@5%':>9}{'rec@5%':>8}"
    f"{'exp/obs':>9}"
)
_READING = (
    "AP: average precision. A gain over 'as found' whose interval holds 0 is none; intervals hold for all variants\n"
    "together. exp/obs: 1 where scores hold."
)


def _line(row: Mapping[str, Any]) -> str:
    low, value, high = (row[name] for name in ("gain_low_95", "gain", "gain_high_95"))
    gain = "" if value is None else f"{100 * value:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
    precision, top, recall = (100 * row[name] for name in ("average_precision", "precision_at_5pct", "recall_at_5pct"))
    return (
        f"{row['variant']:20}{row['trained_on']:>12,}{precision:>6.1f}%{gain:>24}{row['auc']:>6.2f}{top:>8.1f}%"
        f"{recall:>7.0f}%{row['expected_over_observed']:>9.1f}"
    )


def compare(
    declarations: pl.DataFrame,
    outcomes: pl.DataFrame,
    *,
    moment: datetime,
    until: datetime,
    features: FeaturesConfig,
    config: ModelConfig,
    truth: pl.DataFrame | None = None,
    replicates: int = 200,
    tell: Tell | None = None,
) -> Comparison:
    """Train every variant on what was known at `moment` and judge all on the goods lodged until `until`.

    Parameters
    ----------
    declarations, outcomes
        Canonical tables of the past and of the goods judged.
    moment, until
        End of what teaches; end of what is judged.
    features, config
        The pipeline's [features] and [model]; all variants grow as many trees as early stopping finds for "as found".
    truth
        Key and ``violation`` of **all** goods: a generated world's. Nothing is trained on it.
    replicates
        Resamples of declarations behind each interval of a gain.
    tell
        Told each variant that is done.

    Raises
    ------
    LabelError
        See :func:`.ground.prepare`; or nothing was lodged between the two moments.

    References
    ----------
    D. J. Hand and W. E. Henley (1993), Can reject inference ever work?, IMA J. Math. Appl. Bus. Ind. 5, 45-55;
    J. Crook and J. Banasik (2004), Does reject inference really improve the performance of application scoring
    models?, J. Banking and Finance 28, 857-874.
    """
    later = in_order(before(declarations, until))
    later = later.filter(since_or_undated(later["lodged_at"], moment))
    if later.is_empty():
        raise LabelError(f"Nothing was lodged from {moment:%Y-%m-%d} to before {until:%Y-%m-%d}. Give other days.")
    prepared = prepare(declarations, outcomes, moment, features, config)
    judged = later.select(*KEY).hstack(_scored(prepared, later, tell))
    rows = [
        row
        for goods, labels in _labels(outcomes, truth).items()
        for row in _judge(judged.join(labels, on=list(KEY), how="inner"), goods, prepared, replicates)
    ]
    return Comparison(pl.DataFrame(rows, schema=_COLUMNS), moment, until)


def _made(prepared: Prepared) -> Iterator[tuple[Variant, TrainingSet]]:
    """Yield each variant's training set; one of a single class teaches nothing and is left out."""
    for kind in VARIANTS:
        made = kind().training_set(prepared.ground)
        if len(np.unique(made.labels)) == 2:
            yield kind(), made


def _scored(prepared: Prepared, later: pl.DataFrame, tell: Tell | None) -> pl.DataFrame:
    matrix = prepared.fitted.features.matrix(prepared.fitted.features.read(later))
    scores: dict[str, Values] = {}
    for variant, made in _made(prepared):
        scores[variant.name] = prepared.scores(made, matrix)
        if tell:
            tell(variant.name, len(scores))
    return pl.DataFrame(scores)


def _labels(outcomes: pl.DataFrame, truth: pl.DataFrame | None) -> dict[str, pl.DataFrame]:
    """Return key and violation of what each kind of goods is judged by."""
    known = outcomes.filter(pl.col("violation").is_not_null())
    kinds = {"random arm": known.filter(pl.col("cause") == "random"), "controlled": known}
    every = kinds if truth is None else {"truth": truth} | kinds
    return {name: table.select(*KEY, "violation") for name, table in every.items()}


def _judge(judged: pl.DataFrame, goods: str, prepared: Prepared, replicates: int) -> Iterator[dict[str, Any]]:
    violations = int(judged["violation"].sum() or 0)
    counts = {"goods": goods, "judged_on": judged.height, "violations": violations}
    both = LEAST_VIOLATIONS <= violations <= judged.height - LEAST_VIOLATIONS
    for variant, made in _made(prepared):
        size = {"variant": variant.name, "trained_on": len(made.labels), "effective_size": made.effective_size}
        yield size | counts | (_figures(judged, variant.name, replicates) if both else {})


def _for_all(gain: Estimate) -> Estimate:
    """Widen a variant's 95 % interval so that those of all variants hold together: of many, one gains by chance.

    Bonferroni's inequality, with each end moved as that of a normal distribution would be: 1.37 times as far for seven.
    """
    if gain.value is None or gain.low_95 is None or gain.high_95 is None:
        return gain
    tail, normal = 0.025, NormalDist()
    wider = normal.inv_cdf(1 - tail / (len(VARIANTS) - 1)) / normal.inv_cdf(1 - tail)
    return Estimate(
        gain.value, gain.value + wider * (gain.low_95 - gain.value), gain.value + wider * (gain.high_95 - gain.value)
    )


def _figures(judged: pl.DataFrame, name: str, replicates: int) -> dict[str, float | None]:
    ranked = judged.select(*KEY, "violation", score=name)
    at = {row["metric"]: row["value"] for row in metrics_at(ranked, [0.05], replicates=0).to_dicts()}
    first = VARIANTS[0].name
    nothing = Estimate(None, None, None)
    gain = nothing if name == first else _for_all(difference(judged, name, first, replicates=replicates))
    return {
        "average_precision": average_precision(ranked),
        "gain": gain.value,
        "gain_low_95": gain.low_95,
        "gain_high_95": gain.high_95,
        "auc": auc(ranked),
        "precision_at_5pct": at["precision"],
        "recall_at_5pct": at["recall"],
        "expected_over_observed": judged[name].sum() / int(judged["violation"].sum()),
    }
