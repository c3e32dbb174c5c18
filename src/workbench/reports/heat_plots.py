"""How a measure of pairs is drawn: shaded cells where there is room for a grid, else a list of the largest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.reports.canvas import PX_PER_CHARACTER, Layout, bare, colour, title
from workbench.reports.figures import HeatMap
from workbench.reports.numbers import clipped, point_text, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHADES = (0.08, 0.2, 0.35, 0.5, 1.0)
"""Opacity of a cell by fifths of the scale; words on all but the last are dark in the light theme."""

_ROW_PX, _PAIR_PX, _HEAD_PX, _MARGIN_PX = 30, 50, 40, 16
_LISTED, _VALUE_SHARE = 8, 0.18


def heat_height_px(chart: HeatMap, layout: Layout) -> float:
    """Return the height of the picture: so much a row, and room for the names of the columns."""
    if layout.compact:
        return len(strongest(chart)) * _PAIR_PX + _HEAD_PX
    return len(chart.rows) * _ROW_PX + _HEAD_PX + _MARGIN_PX


def strongest(chart: HeatMap) -> list[tuple[str, str, float]]:
    """Return row, column and value of the largest cells.

    Examples
    --------
    >>> from workbench.reports.figures import Axis
    >>> strongest(HeatMap(("green",), ("green", "red"), ((None, 7),), Axis("Declarations", "count")))
    [('green', 'red', 7)]
    """
    cells = [
        (row, column, value)
        for row, values in zip(chart.rows, chart.values, strict=True)
        for column, value in zip(chart.columns, values, strict=True)
        if value
    ]
    return sorted(cells, key=lambda cell: -cell[2])[:_LISTED]


def draw_heat(axes: Axes, chart: HeatMap, layout: Layout) -> None:
    """Draw one cell a pair with its value; row and column names stand at the edges of the grid."""
    if layout.compact:
        _draw_list(axes, chart, layout)
        return
    axes.set(xlim=(0, max(len(chart.columns), 1)), ylim=(max(len(chart.rows), 1), 0))
    for row, values in enumerate(chart.values):
        for column, value in enumerate(values):
            _draw_cell(axes, chart, (row, column), value, layout)
    _write_names(axes, chart, layout)
    bare(axes)


def _draw_list(axes: Axes, chart: HeatMap, layout: Layout) -> None:
    pairs = strongest(chart)
    axes.set(xlim=(0, 1), ylim=(max(len(pairs), 1) * _PAIR_PX, 0))
    for index, (row, column, value) in enumerate(pairs):
        middle, shade = (index + 0.5) * _PAIR_PX, _shade(value, chart)
        fill = (colour("series-1"), shade)
        axes.barh(middle, _VALUE_SHARE, left=1 - _VALUE_SHARE, height=_PAIR_PX - 8, facecolor=fill, linewidth=0)
        _write_value(axes, chart, (1 - _VALUE_SHARE / 2, middle), value, layout)
        for line, text in ((-9, row), (9, f"{chart.link} {column}")):
            _write(
                axes, clipped(text, layout.label_characters), (0, middle), (0, -line), layout, ha="left", va="center"
            )
    bare(axes)
    title(axes, chart.axis.label, layout)


def _draw_cell(axes: Axes, chart: HeatMap, at: tuple[int, int], value: float | None, layout: Layout) -> None:
    row, column = at
    if value:
        fill = (colour("series-1"), _shade(value, chart))
        axes.barh(row + 0.5, 1, left=column, height=1, facecolor=fill, edgecolor=colour("paper"), linewidth=1.5)
        _write_value(axes, chart, (column + 0.5, row + 0.5), value, layout)


def _write_value(axes: Axes, chart: HeatMap, at: tuple[float, float], value: float, layout: Layout) -> None:
    words = colour("paper" if _shade(value, chart) == SHADES[-1] else "ink")
    text = point_text(value, chart.axis.kind, chart.axis.decimals)
    axes.text(*at, text, ha="center", va="center", fontsize=layout.font_px - 0.5, color=words)


def _shade(value: float, chart: HeatMap) -> float:
    limit = chart.full or strongest(chart)[0][2]
    return SHADES[min(int(value / limit * len(SHADES)), len(SHADES) - 1)]


def _write_names(axes: Axes, chart: HeatMap, layout: Layout) -> None:
    rows = [clipped(name, layout.label_characters) for name in chart.rows]
    columns = _column_names(chart, rows, layout)
    numbered = chart.rows == chart.columns and columns == [str(n) for n in range(1, len(rows) + 1)]
    for index, name in enumerate(rows):
        text = f"{name}  {index + 1}" if numbered else name
        _write(axes, text, (0, index + 0.5), (-10, 0), layout, ha="right", va="center")
    for index, name in enumerate(columns):
        _write(axes, name, (index + 0.5, 0), (0, 7), layout, ha="center", va="bottom")


def _column_names(chart: HeatMap, rows: Sequence[str], layout: Layout) -> list[str]:
    """Return what stands above the columns: their names, or the numbers of the rows where names have no room."""
    widest = max(map(len, rows), default=0) * PX_PER_CHARACTER * layout.font_px
    room = int((layout.width_px - widest) / max(len(chart.columns), 1) / (PX_PER_CHARACTER * layout.font_px))
    if chart.rows == chart.columns and max(map(len, chart.columns), default=0) > room:
        return [str(number) for number in range(1, len(chart.columns) + 1)]
    return [shortened(name, max(room, 2)) for name in chart.columns]


def _write(
    axes: Axes, text: str, at: tuple[float, float], offset: tuple[int, int], layout: Layout, *, ha: str, va: str
) -> None:
    axes.annotate(
        text,
        xy=at,
        xytext=offset,
        textcoords="offset points",
        ha=ha,
        va=va,
        fontsize=layout.font_px,
        color=colour("ink"),
        annotation_clip=False,
    )
