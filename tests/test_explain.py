"""Explanations as tables: additive, ranked, with the sentence beside the number."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from workbench.explain import Explanation, explain, importance, reasons
from workbench.scorer.scorer import Scorer


@pytest.fixture(scope="module")
def explanation(small_scorer: Scorer, small_raw: pl.DataFrame) -> Explanation:
    return explain(small_scorer.model, small_raw.head(80))


def test_base_and_contributions_are_the_margin_of_every_row(small_scorer: Scorer, explanation: Explanation) -> None:
    margins = small_scorer.model.margins(explanation.matrix)
    assert explanation.base + explanation.contributions.sum(axis=1) == pytest.approx(margins, abs=1e-4)
    assert explanation.contributions.shape == (80, len(explanation.names))


def test_importance_is_the_mean_absolute_contribution_largest_first(explanation: Explanation) -> None:
    table = importance(explanation)
    assert sorted(table["feature"]) == sorted(explanation.names)
    assert table["mean_contribution"].is_sorted(descending=True)
    first = explanation.names.index(table["feature"][0])
    assert table["mean_contribution"][0] == pytest.approx(np.abs(explanation.contributions[:, first]).mean())


def test_reasons_rank_subjects_by_their_contribution(small_scorer: Scorer, explanation: Explanation) -> None:
    table = reasons(small_scorer.model, explanation, most=3)
    assert table.height == 80 * 3
    assert table["rank"].to_list() == [1, 2, 3] * 80
    keys = ["declaration_id", "item_no"]
    assert table.select(keys).unique(maintain_order=True).rows() == explanation.rows.select(keys).rows()
    falls = table.group_by(keys).agg(pl.col("contribution").diff().drop_nulls().max().alias("most"))
    assert (falls["most"] <= 0).all()


def test_an_explanation_of_no_rows_has_no_base(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    nothing = explain(small_scorer.model, small_raw.head(0))
    assert np.isnan(nothing.base)
    assert reasons(small_scorer.model, nothing).is_empty()
