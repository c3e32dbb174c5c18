"""Charts for notebooks, by Plotly and SHAP: they draw what `evaluation` and `explain` computed."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.explain import Explanation

Row = Mapping[str, Any]

_LAYOUT = {"template": "simple_white", "height": 380, "margin": {"l": 60, "r": 20, "t": 50, "b": 50}}


def _figure(title: str, across: str, up: str, *, x: Row | None = None, y: Row | None = None) -> go.Figure:
    import plotly.graph_objects as go

    axes = {"xaxis": {"title": across, **(x or {})}, "yaxis": {"title": up, **(y or {})}}
    return go.Figure(layout={"title": title, **axes, **_LAYOUT})


_SHARE = {"tickformat": ".0%"}


def metric_by_share(rows: Sequence[Row], metric: str) -> go.Figure:
    """Draw one metric of `evaluation.metrics_at` by share controlled, with its interval and its upper bound."""
    found = [row for row in rows if row["metric"] == metric and row["value"] is not None]
    shares = [row["share"] for row in found]
    values = [row["value"] for row in found]
    above = [row["high_95"] - row["value"] for row in found]
    below = [row["value"] - row["low_95"] for row in found]
    figure = _figure(f"{metric.capitalize()} by share controlled", "Share controlled", metric.capitalize(), x=_SHARE)
    bars = {"type": "data", "array": above, "arrayminus": below}
    figure.add_scatter(x=shares, y=values, error_y=bars, mode="lines+markers", name="model")
    bounds = [row["upper_bound"] for row in found]
    if any(bound is not None for bound in bounds):
        figure.add_scatter(x=shares, y=bounds, mode="lines", line={"dash": "dot"}, name="upper bound")
    return figure


def gain(rows: Sequence[Row]) -> go.Figure:
    """Draw the cumulative gain: the share of violations in the highest scores, beside controls by lot."""
    figure = _figure("Cumulative gain", "Share controlled", "Share of violations found", x=_SHARE, y=_SHARE)
    figure.add_scatter(x=[row["share"] for row in rows], y=[row["violation_share"] for row in rows], name="model")
    figure.add_scatter(x=[0, 1], y=[0, 1], line={"dash": "dot"}, name="by lot")
    return figure


def calibration(rows: Sequence[Row]) -> go.Figure:
    """Draw predicted against observed rates with Wilson intervals."""
    figure = _figure("Calibration", "Predicted", "Observed", x=_SHARE, y=_SHARE)
    observed = [row["observed_rate"] for row in rows]
    bars = {"type": "data", "array": [row["high_95"] - row["observed_rate"] for row in rows],
            "arrayminus": [row["observed_rate"] - row["low_95"] for row in rows]}  # fmt: skip
    figure.add_scatter(x=[row["mean_score"] for row in rows], y=observed, error_y=bars, mode="markers", name="model")
    top = max([*observed, *(row["mean_score"] for row in rows)], default=1.0)
    figure.add_scatter(x=[0, top], y=[0, top], line={"dash": "dot"}, mode="lines", name="predicted = observed")
    return figure


def importance(table: pl.DataFrame, *, most: int = 20) -> go.Figure:
    """Draw the features that move scores most, as `explain.importance` gives them."""
    shown = table.head(most).reverse()
    figure = _figure("What moves the score", "Mean absolute contribution (log odds)", "")
    figure.add_bar(x=shown["mean_contribution"].to_list(), y=shown["feature"].to_list(), orientation="h")
    figure.update_layout(height=120 + 24 * shown.height, margin={"l": 360})
    return figure


@dataclass(frozen=True)
class Picture:
    """A picture (PNG) that notebooks show."""

    png: bytes = field(repr=False)

    def _repr_png_(self) -> bytes:
        """Return what Jupyter shows in the place of the object."""
        return self.png


def beeswarm(explanation: Explanation, *, most: int = 15) -> Picture:
    """Draw SHAP's beeswarm of an explanation, one dot a declaration item and feature."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    shap = _shap()
    values = shap.Explanation(
        values=explanation.contributions,
        base_values=explanation.base,
        data=explanation.matrix,
        feature_names=explanation.names,
    )
    shap.plots.beeswarm(values, max_display=most, show=False)
    drawn = io.BytesIO()
    plt.savefig(drawn, format="png", bbox_inches="tight")
    plt.close()
    return Picture(drawn.getvalue())


def _shap() -> ModuleType:
    """Import SHAP without the warning that progress bars, which nothing here draws, lack a widget library."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")
        import shap
    return shap  # type: ignore[no-any-return]


def lanes(table: pl.DataFrame) -> go.Figure:
    """Draw decisions by lane and cause, as `stages.selecting` counts them."""
    figure = _figure("Decisions", "Lane", "Items")
    for cause in table["cause"].unique().sort():
        rows = table.filter(pl.col("cause") == cause)
        figure.add_bar(x=rows["lane"].cast(pl.String).to_list(), y=rows["rows"].to_list(), name=cause)
    figure.update_layout(barmode="stack")
    return figure
