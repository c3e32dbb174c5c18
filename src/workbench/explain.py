"""Explanations as tables: what each feature added to a declaration's margin, so that base and contributions add up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from workbench.scorer.risk.featureset import Matrix
from workbench.scorer.risk.lookups import Values
from workbench.scorer.risk.reasons import Teller, by_subject, subjects
from workbench.scorer.risk.riskmodel import RiskModel
from workbench.scorer.schema import KEY, derive


@dataclass(frozen=True)
class Explanation:
    """Contributions to the margin of some declaration items.

    Parameters
    ----------
    rows
        The items' canonical rows.
    matrix
        Their features, shape (rows, features).
    contributions
        TreeSHAP values in log odds, shape (rows, features).
    base
        The margin before any feature is known; base plus a row's contributions is its margin.
    names
        Names of the features.
    """

    rows: pl.DataFrame
    matrix: Matrix
    contributions: Values
    base: float
    names: list[str]


def explain(model: RiskModel, rows: pl.DataFrame) -> Explanation:
    """Explain canonical rows by TreeSHAP (see `RiskModel.contributions`)."""
    derived = derive(rows)
    matrix = model.features.matrix(model.features.read(derived))
    found = model.contributions(matrix)
    base = float(found[0, -1]) if len(found) else float("nan")
    return Explanation(derived, matrix, found[:, :-1], base, model.features.names)


def importance(explanation: Explanation) -> pl.DataFrame:
    """Return ``feature`` and ``mean_contribution`` (mean absolute contribution in log odds), largest first."""
    size = np.abs(explanation.contributions).mean(axis=0)
    table = pl.DataFrame({"feature": explanation.names, "mean_contribution": size})
    return table.sort("mean_contribution", "feature", descending=[True, False])


def reasons(model: RiskModel, explanation: Explanation, *, most: int = 3) -> pl.DataFrame:
    """Return the reasons table: for each item its `most` largest contributions by subject, with the sentence.

    Returns
    -------
    polars.DataFrame
        Key, ``rank`` from 1, ``subject``, ``contribution`` in log odds (positive raises the suspicion), ``sentence``.
    """
    given = model.features.read(explanation.rows)
    named = subjects(model.features)
    totals = by_subject(model.features, np.column_stack([explanation.contributions, np.zeros(len(explanation.matrix))]))
    order = np.argsort(-totals, axis=1, kind="stable")[:, :most]
    teller = Teller(model.features, given)
    keys = explanation.rows.select(KEY).rows()
    told = [
        (*keys[row], rank, named[place].name, float(totals[row, place]), teller.tell(row, named[place]).sentence)
        for row, places in enumerate(order)
        for rank, place in enumerate(places, start=1)
    ]
    return pl.DataFrame(told, schema=_REASONS, orient="row")


_REASONS = {
    "declaration_id": pl.String(),
    "item_no": pl.Int32(),
    "rank": pl.Int32(),
    "subject": pl.String(),
    "contribution": pl.Float64(),
    "sentence": pl.String(),
}
