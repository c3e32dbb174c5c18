"""How well scores order and price the whole table: AUC, average precision, Brier score, log loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from .intervals import Array, Estimate, bootstrap, defined
from .ranked import RankedOutcomes
from .tables import Coverage


@dataclass(frozen=True)
class RankingSummary:
    """Quality of a ranking over all labelled rows, each figure with a 95 % bootstrap interval.

    Parameters
    ----------
    coverage
        Counts that the figures rest on.
    auc, average_precision
        Larger is better; see :func:`auc` and :func:`average_precision`.
    brier_score, log_loss
        Smaller is better; ``None`` throughout when scores are not probabilities in [0, 1].
    """

    coverage: Coverage
    auc: Estimate
    average_precision: Estimate
    brier_score: Estimate
    log_loss: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as nested plain JSON values."""
        figures = {name: getattr(self, name).to_dict() for name in _FIGURES}
        return {**self.coverage.to_dict(), "base_rate": self.coverage.base_rate, **figures}


_FIGURES = ("auc", "average_precision", "brier_score", "log_loss")


def ranking_summary(table: pl.DataFrame, *, replicates: int = 200, seed: int = 0) -> RankingSummary:
    """Compute the four figures of a ranking with intervals from resampled declarations.

    Parameters
    ----------
    table
        Ranked outcome table, in any order of rows.
    replicates, seed
        Bootstrap over declarations; 0 replicates leave intervals ``None``.

    Raises
    ------
    SchemaError, LabelError
        See :meth:`workbench.evaluation.RankedOutcomes.from_table`.

    Examples
    --------
    >>> table = pl.DataFrame({"declaration_id": ["A", "B", "C", "D"], "item_no": 1,
    ...                       "score": [0.9, 0.8, 0.4, 0.1], "violation": [1, 0, 1, 0]})
    >>> ranking_summary(table, replicates=0).auc
    Estimate(value=0.75, low_95=None, high_95=None)
    """
    ranked = RankedOutcomes.from_table(table, "ranking_summary")
    losses = _losses(ranked)

    def figures(weights: Array) -> Array:
        return np.array(
            [_auc(ranked, weights), weighted_average_precision(ranked, weights), *(losses @ weights / weights.sum())]
        )

    values = figures(np.ones(ranked.frame.height))
    low, high = bootstrap(figures, ranked.declaration, replicates=replicates, seed=seed)
    estimates = [Estimate(*map(defined, triple)) for triple in zip(values, low, high, strict=True)]
    return RankingSummary(ranked.coverage, *estimates)


def auc(table: pl.DataFrame) -> float:
    """Return the area under the ROC curve: the chance that a violation outscores a compliant row, ties one half.

    In [0, 1], larger is better, 0.5 is chance. Labelled rows only.

    >>> auc(pl.DataFrame({"declaration_id": ["A", "B", "C"], "item_no": 1, "score": [3, 2, 2], "violation": [1, 1, 0]}))
    0.75
    """
    ranked = RankedOutcomes.from_table(table, "auc")
    return _auc(ranked, np.ones(ranked.frame.height))


def average_precision(table: pl.DataFrame) -> float:
    """Return the mean precision over the violations, ``sum_n (R_n - R_(n-1)) P_n`` over the distinct scores.

    P and R are precision and recall of all rows at or above the n-th largest score: a tied block counts as one step,
    without interpolation. In [0, 1], larger is better; chance gives about the base rate. Labelled rows only.

    >>> average_precision(pl.DataFrame({"declaration_id": ["A", "B", "C", "D"], "item_no": 1,
    ...                                 "score": [0.9, 0.8, 0.7, 0.1], "violation": [1, 0, 0, 1]}))
    0.75
    """
    ranked = RankedOutcomes.from_table(table, "average_precision")
    return weighted_average_precision(ranked, np.ones(ranked.frame.height))


def _auc(ranked: RankedOutcomes, weights: Array) -> float:
    violations = ranked.block_sums(weights * ranked.violation)
    compliant = ranked.block_sums(weights) - violations
    pairs = violations.sum() * compliant.sum()
    outscored = np.cumsum(violations) - violations / 2
    return float(compliant @ outscored / pairs) if pairs else float("nan")


def weighted_average_precision(ranked: RankedOutcomes, weights: Array) -> float:
    """Return :func:`average_precision` of rows that count `weights` times; NaN where no violation counts."""
    violations, rows = ranked.block_sums(weights * ranked.violation), ranked.block_sums(weights)
    found, selected = np.cumsum(violations), np.cumsum(rows)
    # In a resample the best blocks may not have been drawn: nothing is selected there, and nothing is found.
    precision = np.divide(found, selected, out=np.zeros_like(found), where=selected > 0)
    return float(violations @ precision / found[-1]) if found[-1] else float("nan")


def _losses(ranked: RankedOutcomes) -> Array:
    """Return each row's squared error and negative log-likelihood (2 x rows), NaN unless scores are probabilities."""
    if ranked.score[0] > 1 or ranked.score[-1] < 0:
        return np.full((2, ranked.frame.height), np.nan)
    # A certain score that is wrong would cost infinity; the nearest float inside (0, 1) keeps the mean finite.
    nearest = np.finfo(float).eps
    certainty = np.clip(np.where(ranked.violation == 1, ranked.score, 1 - ranked.score), nearest, 1 - nearest)
    return np.vstack([(ranked.score - ranked.violation) ** 2, -np.log(certainty)])
