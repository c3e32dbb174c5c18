"""Whether a score of 0.3 means three violations in ten controls."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from workbench.scorer.errors import ConfigError, SchemaError

from .intervals import Array, with_rate
from .ranked import RankedOutcomes


def calibration_table(table: pl.DataFrame, bins: int = 10) -> pl.DataFrame:
    """Compare mean score and observed rate in bins of equally many labelled rows.

    Parameters
    ----------
    table
        Ranked outcome table; scores are probabilities in [0, 1].
    bins
        Number of bins wished for. Rows with equal scores share a bin, so ties give fewer and unequal bins.

    Returns
    -------
    polars.DataFrame
        One row for each bin from the lowest scores up: ``bin`` (from 1), ``score_min, score_max, mean_score,
        observed_rate`` with its Wilson interval ``low_95, high_95``, and ``labelled, violations``. Well calibrated is
        a `mean_score` inside the interval. It holds for controlled goods only.

    Raises
    ------
    SchemaError
        Scores are not probabilities, or see :meth:`workbench.evaluation.RankedOutcomes.from_table`.
    LabelError
        No row is labelled, or all labels are of one class.

    Examples
    --------
    >>> table = pl.DataFrame({"declaration_id": ["A", "B", "C", "D"], "item_no": 1,
    ...                       "score": [0.9, 0.8, 0.4, 0.1], "violation": [1, 0, 1, 0]})
    >>> calibration_table(table, bins=2).select("bin", "score_min", "score_max", "observed_rate").rows()
    [(1, 0.1, 0.4, 0.5), (2, 0.8, 0.9, 0.5)]
    """
    if bins < 1:
        raise ConfigError(f"bins is {bins}; it must be 1 or more. Typical: 10.")
    ranked = RankedOutcomes.from_table(table, "calibration_table")
    if ranked.score[0] > 1 or ranked.score[-1] < 0:
        found = f"scores from {ranked.score[-1]:g} to {ranked.score[0]:g}"
        raise SchemaError(
            f"calibration_table found {found}; it needs probabilities in [0, 1]. Calibrate the model first."
        )
    score = pl.col("score")
    binned = ranked.frame.group_by(bin=pl.Series(_bin_of(ranked.score, bins)), maintain_order=True).agg(
        score_min=score.min(),
        score_max=score.max(),
        mean_score=score.mean(),
        labelled=pl.len().cast(pl.Int64),
        violations=pl.col("violation").cast(pl.Int64).sum(),
    )
    rated = with_rate(binned.sort("bin"), "observed_rate", "violations", "labelled")
    # Ties can leave numbers unused; the reader counts the bins that there are.
    return rated.with_columns(bin=pl.int_range(1, pl.len() + 1, dtype=pl.Int64)).select(
        *("bin", "score_min", "score_max", "mean_score", "observed_rate", "low_95", "high_95", "labelled", "violations")
    )


def expected_calibration_error(table: pl.DataFrame, bins: int = 10) -> float:
    """Return the mean distance of score and observed rate, ``sum_b n_b / n |mean score_b - observed rate_b|``.

    In [0, 1], smaller is better; bins as in :func:`calibration_table`, whose number and sampling noise it depends on:
    compare it at equal bins and similar counts only.

    >>> table = pl.DataFrame({"declaration_id": ["A", "B", "C", "D"], "item_no": 1,
    ...                       "score": [0.9, 0.8, 0.4, 0.1], "violation": [1, 0, 1, 0]})
    >>> round(expected_calibration_error(table, bins=2), 3)
    0.3
    """
    binned = calibration_table(table, bins)
    distance = (pl.col("mean_score") - pl.col("observed_rate")).abs()
    return float(binned.select((distance * pl.col("labelled")).sum() / pl.col("labelled").sum()).item())


def _bin_of(falling_score: Array, bins: int) -> NDArray[np.int64]:
    """Return each score's bin: edges are scores at equal ranks, and a score on an edge belongs below it."""
    rising = falling_score[::-1]
    count = min(bins, len(rising))
    last_of_bin = [len(rising) * part // count - 1 for part in range(1, count)]
    return np.searchsorted(rising[last_of_bin], falling_score, side="left")
