"""How charts along an axis are drawn: lines, cumulative gain, calibration, shares over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from workbench.reports.canvas import (
    DASHES,
    REFERENCE_DASHES,
    Layout,
    colour,
    ends,
    fit_to_ticks,
    horizontal_reference,
    known,
    on_paper,
    quiet,
    series_role,
    title,
    title_text,
    write_positions,
    write_ticks,
)
from workbench.reports.figures import (
    Axis,
    CalibrationChart,
    Curve,
    GainChart,
    LineChart,
    Reference,
    Series,
    StackedShareChart,
)
from workbench.reports.numbers import Cell, point, point_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LABELLED_SHARE = 0.07  # thinner parts have no room for their number
_LABEL_PX = 36  # room that "57 %" needs
_FEW_POINTS = 14


def draw_lines(axes: Axes, chart: LineChart, layout: Layout) -> None:
    """Draw each series with the band of its intervals; the value of a single series' last point is written."""
    x = _positions(chart.x)
    for index, series in enumerate(chart.series):
        _draw_series(axes, x, series, index)
    quiet(axes, layout)
    axes.locator_params(axis="y", integer=chart.y_axis.kind == "count")
    _fit(axes, chart)
    for reference in chart.references:
        horizontal_reference(axes, reference, chart.y_axis, layout, at=_emptier_end(reference, chart))
    write_ticks(axes, "y", chart.y_axis)
    if _is_scaled(chart.x):
        write_ticks(axes, "x", chart.x_axis)
    else:
        write_positions(axes, chart.x, chart.x_axis, layout)
    _name_axes(axes, chart.x_axis, chart.y_axis, layout)
    if len(chart.series) == 1:
        _write_last(axes, x, chart, layout)


def _draw_series(axes: Axes, x: list[float], series: Series, index: int) -> None:
    role = colour(series_role(series.name, index))
    lows, highs = zip(*map(ends, series.values), strict=True) if series.values else ((), ())
    axes.fill_between(x, lows, highs, color=role, alpha=0.18, linewidth=0)
    y = [float("nan") if value is None else value for value in map(point, series.values)]
    count = len(_points(series))
    marker, size = ("o" if count <= _FEW_POINTS else ""), (9 if count == 1 else 4)
    dashes = DASHES[index % len(DASHES)]
    axes.plot(x, y, color=role, linewidth=2, dashes=dashes, marker=marker, markersize=size, zorder=3)


def _fit(axes: Axes, chart: LineChart) -> None:
    # A line that cannot fall below zero starts there, so that a small change does not look like a large one.
    values = [value for series in chart.series for value in known(series.values)]
    values += [reference.value for reference in chart.references]
    fit_to_ticks(axes, min([0.0, *values]), max(values, default=1.0))


def _emptier_end(reference: Reference, chart: LineChart) -> Literal["left", "right"]:
    # The name of a reference goes where the lines are further from it.
    firsts = [abs(found[0] - reference.value) for series in chart.series if (found := _points(series))]
    lasts = [abs(found[-1] - reference.value) for series in chart.series if (found := _points(series))]
    return "left" if min(firsts, default=0.0) > min(lasts, default=0.0) else "right"


def _points(series: Series) -> list[float]:
    return [value for value in map(point, series.values) if value is not None]


def _write_last(axes: Axes, x: list[float], chart: LineChart, layout: Layout) -> None:
    last = next(
        ((at, value) for at, value in reversed([*zip(x, chart.series[0].values, strict=True)]) if value is not None),
        None,
    )
    if last is None:
        return
    axes.annotate(
        point_text(last[1], chart.y_axis.kind, chart.y_axis.decimals),
        xy=(last[0], point(last[1]) or 0.0),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        fontsize=layout.font_px,
        fontweight="bold",
        color=colour("ink"),
        annotation_clip=False,
    )


def draw_gain(axes: Axes, chart: GainChart, layout: Layout) -> None:
    """Draw the curves against the diagonal of controls by lot, and the marked points of the first one."""
    _diagonal(axes, 1.0)
    for index, curve in enumerate(chart.curves):
        role = colour(series_role(curve.name, index))
        axes.plot(
            curve.x, curve.y, color=role, linewidth=2, dashes=DASHES[index % len(DASHES)], zorder=3, clip_on=False
        )
    for share in chart.marked if chart.curves else ():
        _mark(axes, chart, float(share), layout)
    _unit_square(axes, chart.x_axis, chart.y_axis, 1.0, layout)


def _mark(axes: Axes, chart: GainChart, share: float, layout: Layout) -> None:
    found = _interpolated(chart.curves[0], share)
    axes.plot([share], [found], marker="o", markersize=6, color=colour("series-1"), zorder=4)
    axes.annotate(
        point_text(found, chart.y_axis.kind, 0),
        xy=(share, found),
        # Above the curve nothing else is drawn, but a narrow plot has the ticks of its axis there.
        xytext=(7, -5) if layout.compact else (-7, 4),
        textcoords="offset points",
        ha="left" if layout.compact else "right",
        va="top" if layout.compact else "bottom",
        bbox=on_paper(),
        fontsize=layout.font_px,
        fontweight="bold",
        color=colour("ink"),
    )


def _interpolated(curve: Curve, at: float) -> float:
    previous = (0.0, 0.0)
    for x, y in zip(curve.x, curve.y, strict=True):
        if x >= at:
            return y if x == previous[0] else previous[1] + (y - previous[1]) * (at - previous[0]) / (x - previous[0])
        previous = (x, y)
    return previous[1]


def draw_calibration(axes: Axes, chart: CalibrationChart, layout: Layout) -> None:
    """Draw each bin with its interval against the diagonal."""
    limit = max([bin_.predicted for bin_ in chart.bins] + known([bin_.observed for bin_ in chart.bins]), default=1.0)
    fit_to_ticks(axes, 0.0, limit)
    limit = min(1.0, axes.get_ylim()[1])
    _diagonal(axes, limit)
    predicted = [bin_.predicted for bin_ in chart.bins]
    role = colour("series-1")
    axes.plot(predicted, [bin_.observed.value for bin_ in chart.bins], color=role, linewidth=1.4, zorder=3)
    axes.vlines(
        predicted,
        [bin_.observed.low for bin_ in chart.bins],
        [bin_.observed.high for bin_ in chart.bins],
        color=role,
        linewidth=1.6,
    )
    axes.plot(predicted, [bin_.observed.value for bin_ in chart.bins], "o", markersize=6, color=role, zorder=4)
    _unit_square(axes, chart.x_axis, chart.y_axis, limit, layout)


def draw_stacked_shares(axes: Axes, chart: StackedShareChart, layout: Layout) -> None:
    """Stack the parts of each period to one; parts that have room carry their share."""
    columns = [
        _shares([point(series.values[at]) or 0.0 for series in chart.series]) for at in range(len(chart.periods))
    ]
    bottoms = [0.0] * len(columns)
    roomy = 0.8 * layout.width_px / max(len(columns), 1) >= _LABEL_PX
    for index, series in enumerate(chart.series):
        role = series_role(series.name, index)
        heights = [column[index] for column in columns]
        bars = axes.bar(range(len(columns)), heights, bottom=bottoms, width=0.86, color=colour(role), linewidth=0.8)
        for bar in bars:
            bar.set_edgecolor(colour(role))
        if roomy:
            _write_shares(axes, heights, bottoms, role, layout)
        bottoms = [bottom + height for bottom, height in zip(bottoms, heights, strict=True)]
    quiet(axes, layout)
    axes.set(ylim=(0, 1), xlim=(-0.5, max(len(columns), 1) - 0.5))
    write_ticks(axes, "y", Axis(chart.y_axis.label, "share"))
    write_positions(axes, chart.periods, chart.x_axis, layout)
    _name_axes(axes, chart.x_axis, chart.y_axis, layout)


def _shares(parts: list[float]) -> list[float]:
    whole = sum(parts)
    return [part / whole if whole else 0.0 for part in parts]


def _write_shares(axes: Axes, heights: list[float], bottoms: list[float], role: str, layout: Layout) -> None:
    dark_words = role == "series-2" or (role.startswith("lane-") and role != "lane-red")
    ink = "on-light" if dark_words else "on-dark" if role == "lane-red" else "paper"
    for at, (height, bottom) in enumerate(zip(heights, bottoms, strict=True)):
        if height >= _LABELLED_SHARE:
            text = point_text(height, "share", 0)
            axes.text(
                at, bottom + height / 2, text, ha="center", va="center", fontsize=layout.font_px - 1, color=colour(ink)
            )


def _is_scaled(x: tuple[Cell, ...]) -> bool:
    return all(isinstance(cell, int | float) for cell in x)


def _positions(x: tuple[Cell, ...]) -> list[float]:
    scaled = [float(cell) for cell in x if isinstance(cell, int | float)]
    return scaled if len(scaled) == len(x) else [float(index) for index in range(len(x))]


def _diagonal(axes: Axes, limit: float) -> None:
    axes.plot([0, limit], [0, limit], color=colour("muted"), linewidth=1.2, dashes=REFERENCE_DASHES, zorder=2)


def _unit_square(axes: Axes, x_axis: Axis, y_axis: Axis, limit: float, layout: Layout) -> None:
    quiet(axes, layout)
    axes.set(xlim=(0, limit), ylim=(0, limit))
    axes.locator_params(axis="both", nbins=4 if layout.compact else 5)
    write_ticks(axes, "y", y_axis)
    write_ticks(axes, "x", x_axis)
    _name_axes(axes, x_axis, y_axis, layout)


def _name_axes(axes: Axes, x_axis: Axis, y_axis: Axis, layout: Layout) -> None:
    title(axes, y_axis.label, layout)
    axes.set_xlabel(
        title_text(x_axis.label, layout),
        fontsize=layout.font_px,
        color=colour("muted"),
        labelpad=axes.xaxis.labelpad + 4,
    )
