"""Chart descriptions become SVG: the only place that loads matplotlib.

Each chart is drawn twice, for a desk and for a phone, and the stylesheet shows the one that fits.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, assert_never

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

from workbench.reports.bar_plots import bars_height_px, draw_bars, draw_grouped_bars, draw_waterfall
from workbench.reports.canvas import DASHES, NARROW, REFERENCE_DASHES, WIDE, Layout, series_role
from workbench.reports.figures import (
    BarChart,
    CalibrationChart,
    Chart,
    GainChart,
    GroupedBarChart,
    HeatMap,
    LineChart,
    Series,
    StackedShareChart,
    WaterfallChart,
)
from workbench.reports.heat_plots import draw_heat, heat_height_px
from workbench.reports.line_plots import draw_calibration, draw_gain, draw_lines, draw_stacked_shares
from workbench.reports.svg import inline_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINTS_PER_INCH = 72  # one point is then one pixel of the picture's own coordinates
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # labels are strangers' text: "$" is money, not a formula
    "text.usetex": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "path.simplify_threshold": 0.3,
    "figure.constrained_layout.h_pad": 3 / _POINTS_PER_INCH,
    "figure.constrained_layout.w_pad": 3 / _POINTS_PER_INCH,
}
# Dates and versions in the file would make two equal reports differ.
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


@dataclass(frozen=True)
class LegendEntry:
    """One entry of a legend: its label, its colour role, its shape, and the dashes of a line."""

    label: str
    role: str
    shape: Literal["line", "area", "dot"]
    dashes: str = ""


@dataclass(frozen=True)
class Drawing:
    """A chart as two ``svg`` elements and the entries of the legend that both share."""

    wide: str
    narrow: str
    legend: tuple[LegendEntry, ...]


def draw(chart: Chart, *, name: str, summary: str) -> Drawing:
    """Draw a chart in both widths.

    Parameters
    ----------
    chart
        What to draw.
    name
        Unique in the page; ids within the pictures start with it.
    summary
        The picture in a sentence, for readers who do not see it.

    Returns
    -------
    Drawing
        The same bytes for the same chart, name and versions of matplotlib.

    Examples
    --------
    >>> from workbench.reports.figures import Axis, Bar
    >>> lanes = BarChart((Bar("red", 0.05), Bar("green", 0.58)), Axis("Share", "share"))
    >>> draw(lanes, name="figure-1", summary="Lanes").wide[:23]
    '<svg viewBox="0 0 760 1'
    """
    wide, narrow = (_picture(chart, layout, f"{name}-{layout.name}", summary) for layout in (WIDE, NARROW))
    return Drawing(wide, narrow, _legend(chart))


def _picture(chart: Chart, layout: Layout, name: str, summary: str) -> str:
    # The reader's own matplotlibrc must not change a report.
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE | {"svg.hashsalt": name})
        size = (layout.width_px / _POINTS_PER_INCH, _height_px(chart, layout) / _POINTS_PER_INCH)
        canvas = Canvas(figsize=size, dpi=_POINTS_PER_INCH, layout="constrained")
        _paint(canvas.add_subplot(), chart, layout)
        source = io.StringIO()
        canvas.savefig(source, format="svg", metadata=_NO_METADATA)
    return inline_svg(source.getvalue(), prefix=name, label=summary)


def _height_px(chart: Chart, layout: Layout) -> float:
    if isinstance(chart, BarChart | GroupedBarChart | WaterfallChart):
        return bars_height_px(chart, layout)
    if isinstance(chart, HeatMap):
        return heat_height_px(chart, layout)
    return layout.plot_height_px


def _paint(axes: Axes, chart: Chart, layout: Layout) -> None:
    match chart:
        case LineChart():
            draw_lines(axes, chart, layout)
        case BarChart():
            draw_bars(axes, chart, layout)
        case GroupedBarChart():
            draw_grouped_bars(axes, chart, layout)
        case GainChart():
            draw_gain(axes, chart, layout)
        case CalibrationChart():
            draw_calibration(axes, chart, layout)
        case StackedShareChart():
            draw_stacked_shares(axes, chart, layout)
        case WaterfallChart():
            draw_waterfall(axes, chart, layout)
        case HeatMap():
            draw_heat(axes, chart, layout)
        case _:
            assert_never(chart)


def _legend(chart: Chart) -> tuple[LegendEntry, ...]:
    """Name what the eye must tell apart; a single series needs no legend."""
    diagonal = [LegendEntry(getattr(chart, "diagonal", ""), "muted", "line", _dash_list(REFERENCE_DASHES))]
    match chart:
        case LineChart() if len(chart.series) > 1:
            lines = zip(chart.series, _lines([series.name for series in chart.series]), strict=True)
            return tuple(replace(line, shape="dot") if _is_dot(series) else line for series, line in lines)
        case GainChart():
            return (*_lines([curve.name for curve in chart.curves]), *diagonal)
        case CalibrationChart():
            return tuple(diagonal)
        case GroupedBarChart() | StackedShareChart():
            names = [series.name for series in chart.series]
            return tuple(LegendEntry(name, series_role(name, at), "area") for at, name in enumerate(names))
        case _:
            return ()


def _is_dot(series: Series) -> bool:
    return sum(value is not None for value in series.values) == 1


def _lines(names: list[str]) -> list[LegendEntry]:
    return [
        LegendEntry(name, series_role(name, at), "line", _dash_list(DASHES[at % len(DASHES)]))
        for at, name in enumerate(names)
    ]


def _dash_list(dashes: tuple[float, ...]) -> str:
    return " ".join(f"{2 * dash:g}" for dash in dashes)
