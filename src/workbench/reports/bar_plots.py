"""How horizontal bars are drawn: label, bar, value, in rows that read like a table.

The vertical axis is in pixels from the top, so that rows keep their height however many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.reports.canvas import (
    PX_PER_CHARACTER,
    REFERENCE_DASHES,
    Layout,
    bare,
    colour,
    ends,
    known,
    on_paper,
    reference_text,
    series_role,
    title,
    title_text,
)
from workbench.reports.figures import Axis, Bar, BarChart, GroupedBarChart, Reference, WaterfallChart
from workbench.reports.numbers import MINUS, Measure, cell_text, clipped, point, point_text, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GAP_PX, _LABEL_LINE_PX, _REFERENCE_LINE_PX, _TITLE_LINE_PX, _MARGIN_PX = 14, 19, 17, 16, 22
_ROOM_BETWEEN = 2
"""Characters between a label and the value on its line."""


@dataclass(frozen=True)
class _Row:
    """A label with its bars: where each starts, its measure, its colour role and the text beside it."""

    label: str
    bars: tuple[_Span, ...]


@dataclass(frozen=True)
class _Span:
    start: float
    measure: Measure
    role: str
    text: str


def bars_height_px(chart: BarChart | GroupedBarChart | WaterfallChart, layout: Layout) -> float:
    """Return the height of the picture: so much a row, and room for the title and the names of references."""
    rows, bars = _size(chart)
    titles = title_text(chart.axis.label, layout).count("\n") + 1
    references = 0 if isinstance(chart, WaterfallChart) else len(chart.references)
    return rows * _row_px(bars, layout) + (references * _REFERENCE_LINE_PX) + titles * _TITLE_LINE_PX + _MARGIN_PX


def draw_bars(axes: Axes, chart: BarChart, layout: Layout) -> None:
    """Draw one bar a thing, sorted as the chart says, the highlighted ones in the accent colour."""
    rows = [
        _Row(bar.label, (_Span(0.0, bar.value, _bar_role(bar, chart), _bar_text(bar, chart.axis, layout)),))
        for bar in ordered(chart)
    ]
    _draw_rows(axes, rows, chart.axis, chart.references, layout)


def draw_grouped_bars(axes: Axes, chart: GroupedBarChart, layout: Layout) -> None:
    """Draw the bars of each category under one another, one colour a series."""
    rows = [
        _Row(
            category,
            tuple(
                _Span(0.0, line.values[at], series_role(line.name, index), _text(line.values[at], chart.axis, layout))
                for index, line in enumerate(chart.series)
            ),
        )
        for at, category in enumerate(chart.categories)
    ]
    _draw_rows(axes, rows, chart.axis, chart.references, layout)


def draw_waterfall(axes: Axes, chart: WaterfallChart, layout: Layout) -> None:
    """Draw the base, each contribution from where the one before ended, and their total."""
    rows, level = [_anchored(chart.base.label, chart.base.value, chart.axis)], float(chart.base.value)
    for step in chart.contributions:
        role = "series-1" if step.value >= 0 else "series-3"
        text = _with_sign(point_text(step.value, chart.axis.kind, chart.axis.decimals))
        rows.append(_Row(step.label, (_Span(level, step.value, role, text),)))
        level += step.value
    rows.append(_anchored(chart.total_label, chart.total, chart.axis))
    _draw_rows(axes, rows, chart.axis, (), layout)


def ordered(chart: BarChart) -> list[Bar]:
    """Return the bars in the order in which they are drawn; unknown values come last."""
    if chart.order == "given":
        return list(chart.bars)
    return sorted(chart.bars, key=lambda bar: (point(bar.value) is None, -(point(bar.value) or 0.0)))


def _anchored(label: str, value: float, axis: Axis) -> _Row:
    return _Row(label, (_Span(0.0, value, "series-2", point_text(value, axis.kind, axis.decimals)),))


def _with_sign(text: str) -> str:
    return text if text.startswith(MINUS) else f"+{text}"


def _bar_role(bar: Bar, chart: BarChart) -> str:
    role = series_role(bar.label, 0)
    return "series-2" if role == "series-1" and chart.highlight and bar.label not in chart.highlight else role


def _bar_text(bar: Bar, axis: Axis, layout: Layout) -> str:
    """Write a bar's value beside it; where that is on the line of its label, with its interval if both have room."""
    whole = cell_text(bar.value, axis.kind, axis.decimals)
    room = layout.width_px / (PX_PER_CHARACTER * layout.font_px) - _ROOM_BETWEEN
    return whole if len(bar.label) + len(whole) <= room else _text(bar.value, axis, layout)


def _text(measure: Measure, axis: Axis, layout: Layout) -> str:
    return (point_text if layout.compact else cell_text)(measure, axis.kind, axis.decimals)


def _size(chart: BarChart | GroupedBarChart | WaterfallChart) -> tuple[int, int]:
    if isinstance(chart, GroupedBarChart):
        return len(chart.categories), len(chart.series)
    return (len(chart.bars), 1) if isinstance(chart, BarChart) else (len(chart.contributions) + 2, 1)


def _pitch_px(bars: int, layout: Layout) -> int:
    return 16 if bars > 1 or layout.compact else 19


def _row_px(bars: int, layout: Layout) -> float:
    return bars * _pitch_px(bars, layout) + _GAP_PX + (_LABEL_LINE_PX if layout.compact else 0)


def _draw_rows(axes: Axes, rows: Sequence[_Row], axis: Axis, references: Iterable[Reference], layout: Layout) -> None:
    bars = max((len(row.bars) for row in rows), default=1)
    height = len(rows) * _row_px(bars, layout)
    for index, row in enumerate(rows):
        _draw_row(axes, row, index * _row_px(bars, layout), layout)
    lines = [*references]
    for index, line in enumerate(lines):
        _draw_reference(axes, line, axis, -_REFERENCE_LINE_PX * (index + 0.5), height, layout)
    axes.set_ylim(height or 1.0, -_REFERENCE_LINE_PX * len(lines))
    _fit(axes, rows, lines)
    # Labels above the bars of a narrow plot would cut a line at its left edge.
    if not layout.compact or axes.get_xlim()[0] < 0:
        axes.vlines([0], 0, height, color=colour("muted"), linewidth=1, zorder=0.5)
    bare(axes)
    title(axes, axis.label, layout)


def _draw_row(axes: Axes, row: _Row, top: float, layout: Layout) -> None:
    pitch = _pitch_px(len(row.bars), layout)
    first = top + _GAP_PX / 2 + (_LABEL_LINE_PX if layout.compact else 0)
    _write_label(axes, row.label, first, first + pitch * len(row.bars), layout)
    for index, span in enumerate(row.bars):
        middle = first + pitch * (index + 0.5)
        _draw_span(axes, span, middle, pitch - 3)
        # A single narrow bar has its value at the end of its label's line: the bar keeps the whole width.
        on_label_line = layout.compact and len(row.bars) == 1
        y, ha, offset = (first - _LABEL_LINE_PX / 2, "right", 0) if on_label_line else (middle, "left", 10)
        _write(axes, span.text, 1, y, layout, ha=ha, offset=offset)


def _write_label(axes: Axes, label: str, top: float, bottom: float, layout: Layout) -> None:
    if layout.compact:
        _write(axes, clipped(label, layout.label_characters), 0, top - _LABEL_LINE_PX / 2, layout, ha="left")
        return
    # Each line by itself: the browser's font is not the one that the lines of one text would be aligned by.
    lines = wrapped(label, layout.label_characters).split("\n")
    for index, line in enumerate(lines):
        y = (top + bottom) / 2 + (index - (len(lines) - 1) / 2) * (layout.font_px + 1.5)
        _write(axes, line, 0, y, layout, ha="right", offset=-10)


def _draw_span(axes: Axes, span: _Span, y: float, height: float) -> None:
    value = point(span.measure)
    if value is None:
        return
    axes.barh(y, value, left=span.start, height=height, color=colour(span.role), linewidth=0)
    low, high = ends(span.measure)
    # The interval is drawn on a line in the colour of the paper, or it would vanish within the bar.
    axes.hlines([y], [low], [high], color=colour("paper"), linewidth=4)
    axes.hlines([y], [low], [high], color=colour("ink"), linewidth=1.6)


def _draw_reference(
    axes: Axes, reference: Reference, axis: Axis, label_y: float, bottom: float, layout: Layout
) -> None:
    axes.vlines(
        [reference.value], label_y + 7, bottom, color=colour("muted"), linewidth=1.2, linestyle=(0, REFERENCE_DASHES)
    )
    axes.annotate(
        reference_text(reference, axis),
        xy=(reference.value, label_y),
        ha="center",
        va="center",
        fontsize=layout.font_px,
        color=colour("muted"),
        annotation_clip=False,
    )


def _fit(axes: Axes, rows: Sequence[_Row], references: Sequence[Reference]) -> None:
    spans = [span for row in rows for span in row.bars]
    values = [value for span in spans for value in (span.start, *(span.start + v for v in known([span.measure])))]
    values += [reference.value for reference in references]
    low, high = min([0.0, *values]), max([0.0, *values])
    pad = ((high - low) or 1.0) * 0.01
    axes.set_xlim(low - (pad if low < 0 else 0), high + pad)


def _write(axes: Axes, text: str, at: float, y: float, layout: Layout, *, ha: str, offset: float = 0) -> None:
    axes.annotate(
        text,
        xy=(at, y),
        xycoords=("axes fraction", "data"),
        xytext=(offset, 0),
        textcoords="offset points",
        ha=ha,
        va="center",
        fontsize=layout.font_px,
        color=colour("ink"),
        bbox=on_paper() if layout.compact and text else None,
    )
