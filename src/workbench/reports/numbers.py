"""How a number, an interval, a date or a stranger's text is written: the one place that decides it.

Units are joined to their number by a no-break space, thousands are separated by commas, minus is the minus sign,
and what is not known is an en dash.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, Strict, model_validator
from pydantic.dataclasses import dataclass

Kind = Literal["text", "count", "share", "usd", "number", "date"]
"""What a value is: ``share`` is in [0, 1] and written in percent; ``date`` is ISO text (a day, a month or a year)."""

STRICT = ConfigDict(extra="forbid")
NO_BREAK_SPACE, EN_DASH, MINUS = "\u00a0", "\u2013", "\u2212"

_DECIMALS: dict[Kind, int] = {"count": 0, "share": 2, "usd": 0, "number": 2}
_UNITS: dict[Kind, str] = {"share": NO_BREAK_SPACE + "%", "usd": NO_BREAK_SPACE + "USD"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Control characters would make the SVG ill-formed; bidi controls let a stranger's text reorder the words around it.
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)


def _plain(value: Any) -> Any:
    """Turn a date into ISO text and a NumPy scalar into its Python number, so that JSON holds them exactly."""
    if isinstance(value, date):
        return value.isoformat()
    return value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") else value


Number = Annotated[
    Annotated[int, Strict()] | Annotated[float, Strict(), Field(allow_inf_nan=False)], BeforeValidator(_plain)
]
"""A finite number. What is not known is ``None``; NaN and infinity are refused."""


@dataclass(frozen=True, config=STRICT)
class Estimate:
    """A value with its interval, all three in the same unit.

    Parameters
    ----------
    value
        The point estimate.
    low, high
        Ends of the interval, ``low <= high``. The page's definitions say which interval it is.

    Raises
    ------
    pydantic.ValidationError
        If the ends are in the wrong order, or a number is NaN or infinite.

    Examples
    --------
    >>> cell_text(Estimate(0.0024, 0.0018, 0.0031), "share").replace(NO_BREAK_SPACE, " ")
    '0.24 % (0.18 to 0.31)'
    """

    value: Number
    low: Number
    high: Number

    @model_validator(mode="after")
    def _ends_in_order(self) -> Estimate:
        if self.low > self.high:
            raise ValueError(f"the interval starts at {self.low} and ends at {self.high}; give the lower end first")
        return self


Measure = Number | Estimate | None
"""A number, a number with its interval, or nothing known."""

Cell = Annotated[Annotated[str, Strict()] | Measure, BeforeValidator(_plain)]
"""What a table or a key figure holds; a date is held as ISO text."""


def point(measure: Measure) -> float | None:
    """Return the number of a measure without its interval.

    >>> point(Estimate(0.5, 0.4, 0.6)), point(3), point(None)
    (0.5, 3, None)
    """
    return measure.value if isinstance(measure, Estimate) else measure


def cell_text(cell: Cell, kind: Kind, decimals: int | None = None) -> str:
    """Write a cell as the reader sees it, interval included.

    Parameters
    ----------
    cell
        The value; a share in [0, 1], money in USD.
    kind
        What the value is.
    decimals
        Digits after the point as written, so of the percentage for a share; ``None`` for the kind's usual number.

    Examples
    --------
    >>> cell_text(3491560, "count"), cell_text(None, "usd") == EN_DASH, cell_text("2022", "date")
    ('3,491,560', True, '2022')
    """
    interval = interval_text(cell, kind, decimals)
    return f"{point_text(cell, kind, decimals)} ({interval})" if interval else point_text(cell, kind, decimals)


def point_text(cell: Cell, kind: Kind, decimals: int | None = None) -> str:
    """Write a cell without its interval: ``0.24 %``."""
    if cell is None:
        return EN_DASH
    if isinstance(cell, str):
        return date_text(cell) if kind == "date" else cell
    number = cell.value if isinstance(cell, Estimate) else cell
    return _more_than_zero(number, kind, decimals) + unit_text(cell, kind)


def unit_text(cell: Cell, kind: Kind) -> str:
    """Return the unit that ends the written cell, with its no-break space; empty where it has none."""
    return "" if cell is None or isinstance(cell, str) else _UNITS.get(kind, "")


def interval_text(cell: Cell, kind: Kind, decimals: int | None = None) -> str:
    """Write the interval of a cell without its unit, ``0.18 to 0.31``; the empty string where it has none."""
    if not isinstance(cell, Estimate):
        return ""
    return f"{_digits(cell.low, kind, decimals)} to {_digits(cell.high, kind, decimals)}"


def date_text(iso: str) -> str:
    """Write an ISO day, moment, month or year as words that no reader confuses.

    >>> date_text("2022-10-31").replace(NO_BREAK_SPACE, " ")
    '31 Oct 2022'

    Raises
    ------
    ValueError
        If `iso` is not a year, a month, a day or a moment.
    """
    if len(iso) == 4 and iso.isdecimal():
        return iso
    parsed = date.fromisoformat(f"{iso}-01" if len(iso) == 7 else iso[:10])
    words = ([] if len(iso) == 7 else [str(parsed.day)]) + [_MONTHS[parsed.month - 1], str(parsed.year)]
    return NO_BREAK_SPACE.join(words)


def tick_texts(ticks: Sequence[float], kind: Kind) -> list[str]:
    r"""Write the ticks of an axis with as few digits as tell them apart; the axis title carries the currency.

    >>> tick_texts([0, 500_000, 1_000_000], "usd")
    ['0', '0.5\xa0M', '1.0\xa0M']
    """
    largest = max((abs(tick) for tick in ticks), default=0.0)
    scale, unit = (0.01, _UNITS["share"]) if kind == "share" else _magnitude(largest)
    scaled = [tick / scale for tick in ticks]
    step = min((after - before for before, after in pairwise(scaled) if after > before), default=1.0)
    decimals = next((d for d in range(9) if all(abs(round(tick, d) - tick) < step / 100 for tick in scaled)), 9)
    return [_signed(tick, decimals) + unit if tick else "0" for tick in scaled]


def printable(text: str) -> str:
    r"""Remove what a reader cannot see but a browser obeys: control characters and bidirectional overrides.

    >>> printable("invoice\u202egpj.exe\x00")
    'invoicegpj.exe'
    """
    return _UNPRINTABLE.sub("", text)


def shortened(text: str, characters: int) -> str:
    """Return `text` on one line and in at most `characters`, an ellipsis in place of what was cut.

    >>> shortened("Machinery and mechanical appliances", 12)
    'Machinery a…'
    """
    line = " ".join(printable(text[: 4 * characters]).split())
    return line if len(line) <= characters else line[: characters - 1].rstrip() + "…"


def clipped(text: str, characters: int) -> str:
    """Return `text` as :func:`shortened` does, but cut in the middle: beginning and end tell things apart.

    >>> clipped("customs value in dollars, chapter 33", 24)
    'customs val…, chapter 33'
    """
    line = shortened(text, 4 * characters)
    end = (characters - 1) // 2 + 1
    return line if len(line) <= characters else f"{line[: characters - 1 - end].rstrip()}…{line[-end:]}"


def wrapped(text: str, characters: int, lines: int = 2) -> str:
    r"""Return `text` in at most `lines` lines of at most `characters`, an ellipsis in place of what was cut.

    >>> wrapped("Hit rate among the riskiest", 16)
    'Hit rate among\nthe riskiest'
    """
    broken = textwrap.wrap(shortened(text, characters * lines), characters)
    return "\n".join([*broken[: lines - 1], shortened(" ".join(broken[lines - 1 :]), characters)]).rstrip("\n")


def _more_than_zero(number: float, kind: Kind, decimals: int | None) -> str:
    """Write a number, a share that would round to nothing as less than the smallest that can be written."""
    written = _digits(number, kind, decimals)
    places = _DECIMALS["share"] if decimals is None else decimals
    nothing = kind == "share" and number > 0 and not written.strip("0.")
    return f"<{NO_BREAK_SPACE}{10**-places:.{places}f}" if nothing else written


def _digits(number: float, kind: Kind, decimals: int | None) -> str:
    scaled = number * 100 if kind == "share" else number
    return _signed(scaled, _DECIMALS.get(kind, 0) if decimals is None else decimals)


def _signed(number: float, decimals: int) -> str:
    # Adding zero turns a negative zero, which rounding leaves, into zero.
    return f"{round(number, decimals) + 0.0:,.{decimals}f}".replace("-", MINUS)


def _magnitude(largest: float) -> tuple[float, str]:
    for scale, name in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if largest >= scale and largest >= 1e4:
            return scale, NO_BREAK_SPACE + name
    return 1.0, ""
