"""The domain classifier: a model that tries to tell current rows from reference rows by all columns together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.drift.arrays import Flags, Floats, Ints
from workbench.drift.counting import has_order
from workbench.errors import SchemaError

GROUP = "declaration_id"
"""Rows of one declaration lie in one fold: the others would give away on which side it is."""

_FOLDS = 2
_ROUNDS = 25
_PARAMETERS = {"objective": "binary:logistic", "eta": 0.3, "max_depth": 4, "min_child_weight": 5.0, "nthread": 1}
_MOST_CODES = 64


def domain_auc(reference: pl.DataFrame, current: pl.DataFrame, seed: int) -> float:
    """Return how well a classifier tells current rows from reference rows: its area under the ROC curve.

    Parameters
    ----------
    reference, current
        The same columns in both; all are used, numbers as they are, names with up to 64 levels as codes and others by
        how frequent they are in the reference. A column ``declaration_id`` is not used: it keeps a declaration's items
        together.
    seed
        Of the folds. The order of rows plays no part.

    Returns
    -------
    float
        About 0.5 for samples alike, 1 for samples that can be told apart; cross-validated, so that what is learnt by
        heart does not count. NaN with fewer than 20 rows on a side.

    Raises
    ------
    SchemaError
        The two tables have other columns.

    Notes
    -----
    Gradient boosting in two folds. Lopez-Paz and Oquab, Revisiting classifier two-sample tests, ICLR 2017.

    Examples
    --------
    >>> near, far = (pl.DataFrame({"duty_rate": [start + n / 100 for n in range(50)]}) for start in (0.0, 2.0))
    >>> round(domain_auc(near, far, seed=1), 1)
    1.0
    """
    if missing := set(reference.columns) ^ set(current.columns):
        raise SchemaError.missing_columns(
            sorted(missing), sorted({*reference.columns} & {*current.columns}), "domain_auc"
        )
    if min(reference.height, current.height) < 20:
        return float("nan")
    both = pl.concat([reference, current.select(reference.columns)], how="vertical_relaxed")
    side = np.arange(both.height) >= reference.height
    return auc_of(side, domain_margins(both, side, seed))


def domain_margins(both: pl.DataFrame, in_current: Flags, seed: int) -> Floats:
    """Return the log-odds of being a current row that a classifier gives each row which had not seen it.

    Parameters
    ----------
    both
        Rows of both samples; see :func:`domain_auc`.
    in_current
        Which of them are current.
    seed
        Of the folds.
    """
    order = both.with_row_index("row").sort(pl.exclude("row"), nulls_last=True)["row"].to_numpy()
    rows, side = both[order], in_current[order]
    columns, kinds = _encoded(rows, side)
    margins = np.empty(len(order))
    margins[order] = _held_out_margins(columns, kinds, side, _folds(rows, seed))
    return margins


def auc_of(in_current: Flags, score: Floats) -> float:
    """Return the probability that a current row scores above a reference row, ties counting half.

    >>> auc_of(np.array([False, False, True, True]), np.array([0.1, 0.4, 0.4, 0.8]))
    0.875
    """
    ranks = pl.Series(score).rank("average").to_numpy()
    n = int(in_current.sum())
    return float((ranks[in_current].sum() - n * (n + 1) / 2) / (n * (len(score) - n)))


def _folds(both: pl.DataFrame, seed: int) -> Ints:
    """Return the fold of each row, drawn by declaration where there is one."""
    group = both[GROUP].rank("dense").fill_null(0).to_numpy() if GROUP in both.columns else np.arange(both.height)
    draws: Ints = np.random.default_rng(seed).integers(0, _FOLDS, int(group.max()) + 1)
    return draws[group]


def _encoded(both: pl.DataFrame, in_current: Flags) -> tuple[npt.NDArray[np.float32], list[str]]:
    columns, kinds = [], []
    for column in both.drop(GROUP, strict=False):
        few = column.n_unique() <= _MOST_CODES
        kinds.append("c" if few and not has_order(column) else "float")
        columns.append(_numbers(column, in_current, few))
    return np.column_stack(columns), kinds


def _numbers(column: pl.Series, in_current: Flags, few: bool) -> npt.NDArray[np.float32]:
    if has_order(column):
        values = column.to_physical().cast(pl.Float64).fill_null(float("nan")).to_numpy()
        kept: npt.NDArray[np.float32] = np.where(np.isfinite(values), values, np.nan).astype(np.float32)
        return kept
    codes = column.cast(pl.String).rank("dense").fill_null(0).to_numpy()
    if few:
        return codes.astype(np.float32)
    frequency: npt.NDArray[np.float32] = np.bincount(codes[~in_current], minlength=int(codes.max()) + 1)[codes]
    return frequency.astype(np.float32)


def _held_out_margins(columns: npt.NDArray[np.float32], kinds: list[str], side: Flags, folds: Ints) -> Floats:
    """Return the margin that each row gets from a model trained on the other fold."""
    import xgboost

    margins = np.zeros(len(side))
    for fold in range(_FOLDS):
        held_out = folds == fold
        known, asked = (
            xgboost.DMatrix(columns[rows], side[rows], feature_types=kinds, enable_categorical=True, nthread=1)
            for rows in (~held_out, held_out)
        )
        booster = xgboost.train(_PARAMETERS, known, _ROUNDS)
        margins[held_out] = booster.predict(asked, output_margin=True)
    return margins
