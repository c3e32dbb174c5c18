"""Charts for notebooks: each draws the numbers it was given."""

from __future__ import annotations

import subprocess
import sys

import polars as pl
import pytest

from workbench import plots
from workbench.explain import explain
from workbench.scorer.scorer import Scorer

pytest.importorskip("plotly")

METRICS = [
    {"metric": "precision", "share": 0.01, "value": 0.9, "low_95": 0.8, "high_95": 1.0, "upper_bound": 1.0},
    {"metric": "precision", "share": 0.05, "value": 0.7, "low_95": 0.6, "high_95": 0.75, "upper_bound": None},
    {"metric": "revenue", "share": 0.05, "value": None, "low_95": None, "high_95": None, "upper_bound": None},
]


def test_a_metric_is_drawn_with_its_interval_and_its_upper_bound() -> None:
    figure = plots.metric_by_share(METRICS, "precision")
    model, bound = figure.data
    assert list(model.x) == [0.01, 0.05]
    assert list(model.y) == [0.9, 0.7]
    assert list(model.error_y.array) == pytest.approx([0.1, 0.05])
    assert list(model.error_y.arrayminus) == pytest.approx([0.1, 0.1])
    assert bound.name == "upper bound"


def test_a_metric_without_values_draws_no_points() -> None:
    assert all(not trace.x for trace in plots.metric_by_share(METRICS, "revenue").data)


def test_gain_is_drawn_beside_controls_by_lot() -> None:
    figure = plots.gain([{"share": 0.0, "violation_share": 0.0}, {"share": 1.0, "violation_share": 1.0}])
    assert [trace.name for trace in figure.data] == ["model", "by lot"]


def test_calibration_reaches_as_far_as_what_was_observed() -> None:
    rows = [{"mean_score": 0.1, "observed_rate": 0.4, "low_95": 0.3, "high_95": 0.5}]
    assert list(plots.calibration(rows).data[1].x) == [0, 0.4]
    assert list(plots.calibration([]).data[1].x) == [0, 1.0]


def test_importance_shows_the_largest_on_top() -> None:
    table = pl.DataFrame({"feature": ["a", "b", "c"], "mean_contribution": [3.0, 2.0, 1.0]})
    assert list(plots.importance(table, most=2).data[0].y) == ["b", "a"]


def test_lanes_are_stacked_by_cause() -> None:
    table = pl.DataFrame({"lane": ["red", "red"], "cause": ["model", "random"], "rows": [5, 2]})
    figure = plots.lanes(table)
    assert {trace.name: list(trace.y) for trace in figure.data} == {"model": [5], "random": [2]}
    assert figure.layout.barmode == "stack"


def test_the_beeswarm_is_a_picture_that_notebooks_show(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    plt = pytest.importorskip("matplotlib.pyplot")
    picture = plots.beeswarm(explain(small_scorer.model, small_raw.head(40)), most=5)
    assert picture._repr_png_().startswith(b"\x89PNG")
    assert repr(picture) == "Picture()"
    assert plt.get_fignums() == []


def test_shap_is_imported_without_the_warning_about_widgets() -> None:
    code = "from workbench import plots; plots._shap()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "IProgress" not in done.stderr
