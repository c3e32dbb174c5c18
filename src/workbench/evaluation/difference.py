"""Whether one ranking is better than another on the same rows."""

from __future__ import annotations

import numpy as np
import polars as pl

from .discrimination import weighted_average_precision
from .intervals import Array, Estimate, bootstrap, defined
from .ranked import RankedOutcomes


def difference(table: pl.DataFrame, one: str, other: str, *, replicates: int = 200, seed: int = 0) -> Estimate:
    """Return by how much the average precision of one score exceeds that of another, with a paired interval.

    Both rankings are judged on the same resampled declarations: what makes a resample easy or hard for both cancels
    out, so the interval is narrower than two separate ones suggest.

    Parameters
    ----------
    table
        Key, ``violation`` (null where nobody looked) and both columns of scores, in any order of rows.
    one, other
        Columns of scores; larger means inspect sooner.
    replicates, seed
        Bootstrap over declarations (see :func:`workbench.evaluation.bootstrap`); 0 replicates leave the interval
        ``None``.

    Returns
    -------
    Estimate
        AP(one) - AP(other), in [-1, 1]. Above 0 `one` ranks better; an interval that includes 0 proves neither.

    Raises
    ------
    SchemaError, LabelError
        See :meth:`workbench.evaluation.RankedOutcomes.from_table`.

    References
    ----------
    B. Efron (1979), Bootstrap methods: another look at the jackknife, Annals of Statistics 7, 1-26.

    Examples
    --------
    >>> table = pl.DataFrame({"declaration_id": ["A", "B"], "item_no": 1, "violation": [1, 0],
    ...                       "model": [0.9, 0.1], "rule": [0.1, 0.9]})
    >>> difference(table, "model", "rule", replicates=0).value
    0.5
    """
    rankings = [
        RankedOutcomes.from_table(table.with_columns(score=pl.col(name)), "difference") for name in (one, other)
    ]
    declarations = np.arange(rankings[0].declaration.max() + 1)

    def gap(drawn: Array) -> Array:
        # Both rankings hold the same labelled rows, so a declaration has the same number in both.
        first, second = (weighted_average_precision(ranked, drawn[ranked.declaration]) for ranked in rankings)
        return np.array(first - second)

    low, high = bootstrap(gap, declarations, replicates=replicates, seed=seed)
    return Estimate(defined(gap(np.ones(len(declarations)))), defined(low), defined(high))
