"""A page becomes one HTML file that opens from disk, loads nothing and runs nothing.

The Content-Security-Policy forbids every load and every script; the one stylesheet is allowed by its hash.
All text goes through autoescaping after control characters and bidirectional overrides are taken out.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from itertools import takewhile
from pathlib import Path
from statistics import median
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from workbench.reports.beside import refuse_foreign
from workbench.reports.canvas import ends, known
from workbench.reports.charts import Drawing, draw
from workbench.reports.figures import Chart
from workbench.reports.numbers import (
    Cell,
    Estimate,
    Kind,
    Measure,
    cell_text,
    interval_text,
    point,
    point_text,
    printable,
    unit_text,
)
from workbench.reports.page import Column, Page, Table
from workbench.scorer.errors import SelectivityError

_TEMPLATES = files("workbench.reports") / "templates"
_NOTHING: Mapping[str, bytes] = {}
_TONES = {"good": "\u25b2", "attention": "\u25c6", "bad": "\u25bc"}
_BAR_PX, _BRIEF_CHARACTERS = 64, 10
_RIGHT_ALIGNED: tuple[Kind, ...] = ("count", "share", "usd", "number")


def render(page: Page) -> str:
    """Return the page as an HTML document; equal pages give equal text.

    Examples
    --------
    >>> text = render(Page("Selectivity", "October 2022", "Who is <b>?", "Nobody."))
    >>> "Who is &lt;b&gt;?" in text, "<script" in text
    (True, False)
    """
    style = (_TEMPLATES / "report.css").read_text("utf-8")
    return (
        _template_environment()
        .get_template("report.html.j2")
        .render(
            page=page,
            style=Markup(style),
            style_hash=_content_hash(style),
            defined={item.term.casefold(): number for number, item in enumerate(page.definitions, start=1)},
        )
    )


def write_report(page: Page, folder: str | os.PathLike[str], *, beside: Mapping[str, bytes] = _NOTHING) -> None:
    """Write ``report.html`` and ``report.json``, made of the same page, into `folder`.

    All files are written beside and renamed when all are whole, so that a reader never meets half a report.

    Parameters
    ----------
    page
        What the report says.
    folder
        Where to; made if it does not exist. Reports of that name in it are replaced.
    beside
        Other files that belong to the report: content by name, which may lie in a folder of `folder`. A report with
        any stands alone: its folder is empty, or holds the first of them from an earlier report.

    Raises
    ------
    RunDirectoryError
        If a report that stands alone would be put among other files.
    SelectivityError
        If the folder cannot be written: no permission, a full disk, a file of that name.
    """
    contents = {**beside, "report.json": page.to_json().encode(), "report.html": render(page).encode()}
    if beside:
        refuse_foreign(folder, next(iter(beside)))
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        _replace_together(Path(folder), contents)
    except OSError as error:
        raise SelectivityError(
            f"The report could not be written to {os.fspath(folder)!r}: {error.strerror or error}. "
            "Free space or choose another folder; an earlier report there is as it was."
        ) from error


def figure_files(page: Page) -> dict[str, str]:
    """Return every figure of the page as a standalone SVG, by a file name such as ``figure-1.svg``."""
    style = (_TEMPLATES / "report.css").read_text("utf-8")
    return {
        f"figure-{number}.svg": _standalone(_drawn(figure.chart, number, figure.summary), style)
        for number, figure in enumerate(page.figures(), start=1)
    }


@lru_cache(maxsize=64)
def _drawn(chart: Chart, number: int, summary: str) -> Drawing:
    """Draw a figure once, for the page and for its own file."""
    return draw(chart, name=f"figure-{number}", summary=printable(summary))


def _standalone(drawing: Drawing, style: str) -> str:
    opened = drawing.wide.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    head, _, rest = opened.partition(">")
    return f"{head}><style>{escape(style)}</style>{rest}"


def _replace_together(folder: Path, contents: Mapping[str, bytes]) -> None:
    # Beside the target, because a rename is atomic only within one file system.
    with tempfile.TemporaryDirectory(prefix=".report-", dir=folder) as beside:
        for name, content in contents.items():
            (Path(beside) / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            with (Path(beside) / name).open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for name in contents:
            (Path(beside) / name).replace(folder / name)


@cache
def _template_environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(lambda name: (_TEMPLATES / name).read_text("utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        breakable=_breakable, options=_options, cell=cell_text, point=point_text, interval=interval_text, unit=unit_text
    )
    environment.globals.update(
        drawing=_drawing,
        bar=_bar,
        bar_limit=_bar_limit,
        beneath=_beneath,
        brief=_brief,
        tone_signs=_TONES,
        right_aligned=_RIGHT_ALIGNED,
    )
    return environment


def _finalize(value: Any) -> Any:
    # Markup is the template's own and the drawings'; anything else is text that may be a stranger's.
    return value if isinstance(value, Markup) or not isinstance(value, str) else printable(value)


def _breakable(text: str) -> Markup:
    """Let a line break after the colon of a cause such as criterion:low-value, and in no other place inside a word."""
    return Markup(re.sub(r"(?<=\w):", ":<wbr>", str(escape(printable(text)))))


def _options(text: str) -> Markup:
    """Keep each option of a command on one line with its number, such as --weeks 26."""
    return Markup(re.sub(r"--[a-z][a-z-]*(?: \d+)?", r"<code>\g<0></code>", str(escape(printable(text)))))


def _beneath(table: Table, column: Column) -> list[Column]:
    """Return the columns that are written under `column`: those after it that ask for it."""
    after = table.columns[table.columns.index(column) + 1 :]
    return [*takewhile(lambda lower: lower.under, after)]


def _brief(table: Table, column: int) -> bool:
    """Return whether all texts of a column are short, so that it needs no room to wrap in."""
    last = column + len(_beneath(table, table.columns[column]))
    cells = [cell for row in table.rows for cell in row[column : last + 1]]
    return all(len(cell) <= _BRIEF_CHARACTERS for cell in cells if isinstance(cell, str))


def _bar_limit(table: Table, column: int) -> float:
    """Return where the scale of a column's bars ends: at the largest value, or before if it is an interval's.

    Few controls have wide intervals, and on a scale that holds them whole the others would be dots; they are cut off.
    """
    measures = [_measure(row[column]) for row in table.rows]
    estimates = [measure for measure in measures if isinstance(measure, Estimate)]
    if not estimates:
        return max(known(measures), default=0.0)
    return max(2 * max(found.low for found in estimates), median(found.high for found in estimates))


def _bar(cell: Cell, limit: float) -> Markup:
    """Draw a measure on a scale from 0 to `limit`; the number beside it says the same to those who do not see it."""
    measure, scale = _measure(cell), _BAR_PX / limit if limit else 0.0
    low, high = ends(measure)
    value = f'<rect y="2" width="{(point(measure) or 0.0) * scale:.1f}" height="8" class="fill-series-2"/>'
    interval = f'<path d="M{low * scale:.1f} 6H{high * scale:.1f}" class="stroke-ink" stroke-width="1.5"/>'
    drawn = value + (interval if isinstance(measure, Estimate) else "")
    return Markup(f'<svg class="bar" viewBox="0 0 {_BAR_PX} 12" aria-hidden="true">{drawn}</svg>')


def _measure(cell: Cell) -> Measure:
    return None if isinstance(cell, str) else cell


def _drawing(chart: Chart, number: int, summary: str) -> dict[str, Any]:
    drawn = _drawn(chart, number, summary)
    return {"wide": Markup(drawn.wide), "narrow": Markup(drawn.narrow), "legend": drawn.legend}


def _content_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
