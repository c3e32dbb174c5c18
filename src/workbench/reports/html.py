"""A page becomes one HTML file that opens from disk, loads nothing and runs nothing.

The Content-Security-Policy forbids every load and every script; the one stylesheet is allowed by its hash.
All text goes through autoescaping after control characters and bidirectional overrides are taken out.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from workbench.reports.charts import Drawing, draw
from workbench.reports.figures import Chart
from workbench.reports.numbers import Kind, cell_text, interval_text, point_text, printable, unit_text
from workbench.reports.page import Figure, Page
from workbench.scorer.errors import SelectivityError

_TEMPLATES = files("workbench.reports") / "templates"
_TONES = {"good": "\u25b2", "attention": "\u25c6", "bad": "\u25bc"}
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


def write_report(page: Page, folder: str | os.PathLike[str]) -> None:
    """Write ``report.html`` and ``report.json``, made of the same page, into `folder`.

    Both are written beside and renamed when both are whole, so that a reader never meets half a report.

    Parameters
    ----------
    page
        What the report says.
    folder
        Where to; made if it does not exist. Reports of that name in it are replaced.

    Raises
    ------
    SelectivityError
        If the folder cannot be written: no permission, a full disk, a file of that name.
    """
    contents = {"report.json": page.to_json(), "report.html": render(page)}
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
    figures = [block for section in page.sections for block in section.blocks if isinstance(block, Figure)]
    return {
        f"figure-{number}.svg": _standalone(_drawn(figure.chart, number, figure.summary), style)
        for number, figure in enumerate(figures, start=1)
    }


@lru_cache(maxsize=64)
def _drawn(chart: Chart, number: int, summary: str) -> Drawing:
    """Draw a figure once, for the page and for its own file."""
    return draw(chart, name=f"figure-{number}", summary=printable(summary))


def _standalone(drawing: Drawing, style: str) -> str:
    opened = drawing.wide.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    head, _, rest = opened.partition(">")
    return f"{head}><style>{escape(style)}</style>{rest}"


def _replace_together(folder: Path, contents: dict[str, str]) -> None:
    # Beside the target, because a rename is atomic only within one file system.
    with tempfile.TemporaryDirectory(prefix=".report-", dir=folder) as beside:
        for name, text in contents.items():
            with (Path(beside) / name).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
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
        breakable=_breakable, cell=cell_text, point=point_text, interval=interval_text, unit=unit_text
    )
    environment.globals.update(drawing=_drawing, tone_signs=_TONES, right_aligned=_RIGHT_ALIGNED)
    return environment


def _finalize(value: Any) -> Any:
    # Markup is the template's own and the drawings'; anything else is text that may be a stranger's.
    return value if isinstance(value, Markup) or not isinstance(value, str) else printable(value)


def _breakable(text: str) -> Markup:
    """Let a line break after a colon, as in the cause criterion:low-value, and in no other place inside a word."""
    return Markup(str(escape(printable(text))).replace(":", ":<wbr>"))


def _drawing(chart: Chart, number: int, summary: str) -> dict[str, Any]:
    drawn = _drawn(chart, number, summary)
    return {"wide": Markup(drawn.wide), "narrow": Markup(drawn.narrow), "legend": drawn.legend}


def _content_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
