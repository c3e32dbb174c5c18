"""What every chart shares: the two widths, the colours by role, and quiet axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from workbench.reports.figures import Axis, Reference
from workbench.reports.numbers import (
    NO_BREAK_SPACE,
    Cell,
    Estimate,
    Measure,
    date_text,
    point,
    point_text,
    shortened,
    tick_texts,
    wrapped,
)
from workbench.reports.svg import SENTINELS, SERIES_COUNT
from workbench.scorer.schema import Lane

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Line pattern a series, so that lines differ in print and to readers who do not tell the colours apart.
DASHES: tuple[tuple[float, ...], ...] = ((), (5, 2.5), (1.5, 2), (8, 2, 1.5, 2), (3, 1.5), (10, 3))
REFERENCE_DASHES = (3.0, 3.0)
PX_PER_CHARACTER = 0.6  # of the font size: the mean advance of a sans-serif letter, on the generous side


@dataclass(frozen=True)
class Layout:
    """One of the two forms a chart is drawn in; lengths are CSS pixels at the picture's natural size."""

    name: str
    width_px: int
    plot_height_px: int
    font_px: float
    label_characters: int
    title_characters: int
    compact: bool


WIDE = Layout("wide", 760, 330, 12.5, 36, 90, compact=False)
NARROW = Layout("narrow", 340, 260, 12, 34, 46, compact=True)


def colour(role: str) -> str:
    """Return the stand-in colour of a role of the stylesheet."""
    return SENTINELS[role]


def series_role(name: str, index: int) -> str:
    """Return the colour role of a series: the lane's own where it is named after a lane, else one by position."""
    lane = name.strip().casefold()
    return f"lane-{lane}" if lane in list(Lane) else f"series-{index % SERIES_COUNT + 1}"


def ends(measure: Measure) -> tuple[float, float]:
    """Return the interval of a measure, NaN at both ends where it has none."""
    return (measure.low, measure.high) if isinstance(measure, Estimate) else (float("nan"), float("nan"))


def known(measures: Sequence[Measure]) -> list[float]:
    """Return every number that must fit on the axis: values and ends of intervals."""
    values = [value for value in map(point, measures) if value is not None]
    return values + [
        end for measure in measures if isinstance(measure, Estimate) for end in (measure.low, measure.high)
    ]


def title(axes: Axes, text: str, layout: Layout) -> None:
    """Name the value axis above the plot: horizontal words are read without turning the head."""
    axes.set_title(title_text(text, layout), loc="left", fontsize=layout.font_px, color=colour("muted"), pad=10)


def title_text(text: str, layout: Layout) -> str:
    """Return the name of the value axis, in two lines where one has no room."""
    return wrapped(text, layout.title_characters)


def write_ticks(axes: Axes, which: str, axis: Axis) -> None:
    """Write the ticks of a numeric axis by the axis's kind; only those within its limits stay."""
    side = getattr(axes, f"{which}axis")
    low, high = sorted(side.get_view_interval())
    slack = (high - low) * 1e-9
    ticks = [tick for tick in side.get_majorticklocs().tolist() if low - slack <= tick <= high + slack]
    side.set_ticks(ticks, labels=tick_texts(ticks, axis.kind))


def write_positions(axes: Axes, x: Sequence[Cell], axis: Axis, layout: Layout) -> None:
    """Write evenly placed positions, as many as fit, the last one always."""
    labels = [_position(cell, axis) for cell in x]
    longest = max(map(len, labels), default=1)
    room = 0.88 * layout.width_px / max(len(labels), 1)
    step = max(1, -int(-(longest * PX_PER_CHARACTER * layout.font_px + 8) // room))
    shown = range((len(labels) - 1) % step, len(labels), step)
    axes.set_xticks(list(shown), labels=[labels[index] for index in shown])
    if axis.kind == "date" and any(label != str(cell) for label, cell in zip(labels, x, strict=True)):
        _write_years(axes, x, shown, layout)


def _position(cell: Cell, axis: Axis) -> str:
    if axis.kind != "date" or not isinstance(cell, str):
        return shortened(point_text(cell, axis.kind, axis.decimals), 14)
    month, _, year = date_text(cell).rpartition(NO_BREAK_SPACE)
    return month or year


def _write_years(axes: Axes, x: Sequence[Cell], shown: Sequence[int], layout: Layout) -> None:
    # The year stands under the first date shown and wherever it changes, not under every month.
    written = ""
    for index in shown:
        year = str(x[index])[:4]
        if x[index] is not None and year != written:
            _write_below(axes, year, index, layout)
            written = year
    axes.xaxis.labelpad += 1.5 * layout.font_px


def _write_below(axes: Axes, text: str, at: float, layout: Layout) -> None:
    axes.annotate(
        text,
        xy=(at, 0),
        xycoords=("data", "axes fraction"),
        xytext=(0, -2.2 * layout.font_px),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=layout.font_px,
        color=colour("muted"),
    )


def quiet(axes: Axes, layout: Layout, *, grid: str = "y") -> None:
    """Leave only what is read: grid lines across the value axis and one base line."""
    axes.set_axisbelow(True)
    axes.grid(axis="y" if grid == "y" else "both", color=colour("rule"), linewidth=0.8)
    for spine in ("top", "right", "left"):
        axes.spines[spine].set_visible(False)
    axes.spines["bottom"].set_color(colour("muted"))
    axes.tick_params(length=0, labelsize=layout.font_px, colors=colour("muted"), pad=6)
    axes.locator_params(axis="y", nbins=4 if layout.compact else 5)


def bare(axes: Axes) -> None:
    """Leave no axis at all: every mark has its words beside it."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def horizontal_reference(
    axes: Axes, reference: Reference, axis: Axis, layout: Layout, *, at: Literal["left", "right"]
) -> None:
    """Draw a dashed line at a value and name it above one of its ends."""
    axes.axhline(reference.value, color=colour("muted"), linewidth=1.2, dashes=REFERENCE_DASHES, zorder=2)
    axes.annotate(
        reference_text(reference, axis),
        xy=(1 if at == "right" else 0, reference.value),
        xycoords=("axes fraction", "data"),
        xytext=(0, 4),
        textcoords="offset points",
        ha=at,
        va="bottom",
        fontsize=layout.font_px,
        color=colour("muted"),
    )


def on_paper() -> dict[str, Any]:
    """Return the box that keeps words readable where a line crosses them."""
    return {"facecolor": colour("paper"), "edgecolor": "none", "pad": 1.5}


def fit_to_ticks(axes: Axes, low: float, high: float) -> None:
    """Let the value axis end on ticks, so that no mark stands above the last number."""
    ticks = axes.yaxis.get_major_locator().tick_values(low, high if high > low else low + 1.0)
    within = [tick for tick in ticks if tick > low]
    bottom = max((tick for tick in ticks if tick <= low), default=low)
    axes.set_ylim(bottom, next((tick for tick in within if tick >= high), high))


def reference_text(reference: Reference, axis: Axis) -> str:
    """Write a reference's name with its value."""
    return f"{shortened(reference.label, 24)} {point_text(reference.value, axis.kind, axis.decimals)}"
