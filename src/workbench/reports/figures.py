"""Charts as data: what a picture shows, without a word on how it is drawn.

Every chart holds the numbers it shows, so ``report.json`` is enough to draw it again. Shares are in [0, 1].
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from workbench.reports.numbers import STRICT, Cell, Estimate, Kind, Measure, Number


@dataclass(frozen=True, config=STRICT)
class Axis:
    """What an axis measures.

    Parameters
    ----------
    label
        Name of the quantity, with its unit where `kind` does not say it.
    kind
        How its values are written.
    decimals
        Digits after the point of values written beside marks; ``None`` for the kind's usual number.
    """

    label: str
    kind: Kind = "number"
    decimals: int | None = None


@dataclass(frozen=True, config=STRICT)
class Reference:
    """A line to compare with: a plan, a target, the base rate. `value` is in the unit of the value axis."""

    label: str
    value: Number


@dataclass(frozen=True, config=STRICT)
class Series:
    """One measure for each position of a chart; an :class:`~workbench.reports.numbers.Estimate` shows its interval."""

    name: str
    values: tuple[Measure, ...]


def _one_value_each(series: tuple[Series, ...], positions: int) -> None:
    for line in series:
        if len(line.values) != positions:
            raise ValueError(
                f"series {line.name!r} has {len(line.values)} values for {positions} positions; "
                "give one value for each, None where nothing is known"
            )


@dataclass(frozen=True, config=STRICT)
class LineChart:
    """Measures along time or another ordered quantity; intervals become bands.

    Parameters
    ----------
    x
        Positions, ascending: numbers are placed to scale, text and dates (ISO, ``x_axis.kind="date"``) evenly.
    """

    x: tuple[Cell, ...]
    x_axis: Axis
    y_axis: Axis
    series: tuple[Series, ...]
    references: tuple[Reference, ...] = ()
    type: Literal["line"] = "line"

    @model_validator(mode="after")
    def _aligned(self) -> LineChart:
        _one_value_each(self.series, len(self.x))
        return self


@dataclass(frozen=True, config=STRICT)
class Bar:
    """One bar: a label, which may be text by strangers, and its measure."""

    label: str
    value: Measure


@dataclass(frozen=True, config=STRICT)
class BarChart:
    """One measure compared between things, as horizontal bars.

    Parameters
    ----------
    order
        ``descending`` sorts by value with unknown values last; ``given`` keeps an order that means something.
    highlight
        Labels of the bars the reader should find first; empty for no distinction.
    """

    bars: tuple[Bar, ...]
    axis: Axis
    references: tuple[Reference, ...] = ()
    order: Literal["descending", "given"] = "descending"
    highlight: tuple[str, ...] = ()
    type: Literal["bars"] = "bars"


@dataclass(frozen=True, config=STRICT)
class GroupedBarChart:
    """Several measures of the same unit side by side for each category, in the order given."""

    categories: tuple[str, ...]
    series: tuple[Series, ...]
    axis: Axis
    references: tuple[Reference, ...] = ()
    type: Literal["grouped_bars"] = "grouped_bars"

    @model_validator(mode="after")
    def _aligned(self) -> GroupedBarChart:
        _one_value_each(self.series, len(self.categories))
        return self


@dataclass(frozen=True, config=STRICT)
class Curve:
    """A curve through points, ``x`` ascending; both in the unit of the chart's axes."""

    name: str
    x: tuple[Number, ...]
    y: tuple[Number, ...]

    @model_validator(mode="after")
    def _aligned(self) -> Curve:
        if len(self.x) != len(self.y):
            raise ValueError(f"curve {self.name!r} has {len(self.x)} x and {len(self.y)} y; give one y for each x")
        return self


@dataclass(frozen=True, config=STRICT)
class GainChart:
    """Cumulative gain: the share of violations found when the riskiest share of declarations is controlled.

    Parameters
    ----------
    curves
        One a method; x = share controlled, y = share found, both in [0, 1]. Larger y is better.
        The diagonal of a random order is drawn by itself.
    marked
        Controlled shares at which the first curve's value is written.
    diagonal
        What the legend calls the diagonal.
    """

    curves: tuple[Curve, ...]
    x_axis: Axis
    y_axis: Axis
    marked: tuple[Number, ...] = ()
    diagonal: str = "Random order"
    type: Literal["gain"] = "gain"


@dataclass(frozen=True, config=STRICT)
class CalibrationBin:
    """Items of similar score: their mean predicted probability and the share observed, with its interval."""

    predicted: Number
    observed: Estimate
    count: Number


@dataclass(frozen=True, config=STRICT)
class CalibrationChart:
    """Predicted against observed rates; on the diagonal the model promises what happens.

    Parameters
    ----------
    bins
        Points, `predicted` ascending.
    diagonal
        What the legend calls the diagonal.
    """

    bins: tuple[CalibrationBin, ...]
    x_axis: Axis
    y_axis: Axis
    diagonal: str = "Predicted = observed"
    type: Literal["calibration"] = "calibration"


@dataclass(frozen=True, config=STRICT)
class StackedShareChart:
    """How a whole divides over time. Series named after a lane take the lane's colour.

    Parameters
    ----------
    periods
        Positions, written by `x_axis`.
    series
        Parts from the bottom up; their values are scaled to sum to one in each period.
    """

    periods: tuple[Cell, ...]
    series: tuple[Series, ...]
    x_axis: Axis
    y_axis: Axis
    type: Literal["stacked_share"] = "stacked_share"

    @model_validator(mode="after")
    def _aligned(self) -> StackedShareChart:
        _one_value_each(self.series, len(self.periods))
        return self


@dataclass(frozen=True, config=STRICT)
class Contribution:
    """What one reason adds to a sum (positive) or takes away from it (negative)."""

    label: str
    value: Number


@dataclass(frozen=True, config=STRICT)
class WaterfallChart:
    """An additive explanation, largest effect first as given: base + contributions = total, which is derived."""

    base: Contribution
    contributions: tuple[Contribution, ...]
    total_label: str
    axis: Axis
    type: Literal["waterfall"] = "waterfall"

    @property
    def total(self) -> float:
        """The sum that is explained.

        >>> axis = Axis("Log odds")
        >>> WaterfallChart(Contribution("Base", -3), (Contribution("Price", 2.5),), "Score", axis).total
        -0.5
        """
        return math.fsum([self.base.value, *(step.value for step in self.contributions)])


@dataclass(frozen=True, config=STRICT)
class HeatMap:
    """A measure for each pair of a row and a column: a grid of shaded cells, or on a phone a list of the largest.

    Parameters
    ----------
    rows, columns
        Their names, which may be text by strangers.
    values
        One tuple a row, one measure a column, none negative; 0 and ``None`` leave a cell empty.
    axis
        What is measured.
    link
        What stands between a row's and a column's name in the list: *A also hit by B*.
    full
        Value from which a cell has the darkest shade; the largest of the values for ``None``.

    Raises
    ------
    pydantic.ValidationError
        If a row or a value is missing, or a value is below 0.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[Annotated[Number, Field(ge=0)] | None, ...], ...]
    axis: Axis
    link: str = "and"
    full: Annotated[Number, Field(gt=0)] | None = None
    type: Literal["heat_map"] = "heat_map"

    @model_validator(mode="after")
    def _is_a_grid(self) -> HeatMap:
        if len(self.values) != len(self.rows) or any(len(row) != len(self.columns) for row in self.values):
            raise ValueError(
                f"the values are no grid of {len(self.rows)} rows and {len(self.columns)} columns; "
                "give one value for each pair, None where nothing is known"
            )
        return self


Chart = Annotated[
    LineChart
    | BarChart
    | GroupedBarChart
    | GainChart
    | CalibrationChart
    | StackedShareChart
    | WaterfallChart
    | HeatMap,
    Field(discriminator="type"),
]
"""Any chart; JSON tells them apart by ``type``."""
