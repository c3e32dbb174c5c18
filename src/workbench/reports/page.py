"""A report's page as data: what it says, in the order in which a manager reads it.

A page knows no markup. ``report.json`` is the page itself and ``report.html`` is drawn from it,
so that the two cannot hold different numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from workbench.reports.figures import Chart
from workbench.reports.numbers import STRICT, Cell, Kind, date_text
from workbench.scorer.errors import SourceError

Tone = Literal["neutral", "good", "attention", "bad"]


@dataclass(frozen=True, config=STRICT)
class KeyFigure:
    """One of the few numbers on the first screen.

    Parameters
    ----------
    label
        Name of the figure. Where the page defines a term of that name, the label leads to the definition.
    value
        The number, with its interval where it is an estimate; ``None`` if it is not known.
    kind, decimals
        How the number is written.
    note
        What to compare it with: the plan, the previous period.
    tone
        How the reader should take it; shown by a word and a sign as well as by colour.
    """

    label: str
    value: Cell
    kind: Kind = "number"
    decimals: int | None = None
    note: str = ""
    tone: Tone = "neutral"


@dataclass(frozen=True, config=STRICT)
class Column:
    """One column of a table.

    Parameters
    ----------
    name, label
        Its name in the JSON, and what people read.
    kind, decimals
        How its values are written.
    bars
        Draw each value with its interval as a small bar beside the number, all on one scale from 0 that cuts off what
        is far larger than the rest.
    under
        Write label and values small under those of the column before, so that a wide table fits a screen.
    """

    name: str
    label: str
    kind: Kind = "text"
    decimals: int | None = None
    bars: bool = False
    under: bool = False


@dataclass(frozen=True, config=STRICT)
class Table:
    """Rows under a caption; the first column names the row.

    Raises
    ------
    pydantic.ValidationError
        If a row has another number of cells than there are columns, or a cell is not of its column's kind.

    Examples
    --------
    >>> lanes = Table("Lanes", (Column("lane", "Lane"), Column("share", "Share", "share")), (("red", 0.0501),))
    >>> lanes.rows[0][1]
    0.0501
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    type: Literal["table"] = "table"

    @model_validator(mode="after")
    def _rows_fit_columns(self) -> Table:
        for number, row in enumerate(self.rows, start=1):
            if len(row) != len(self.columns):
                raise ValueError(
                    f"row {number} has {len(row)} cells for {len(self.columns)} columns; give one for each"
                )
            for column, cell in zip(self.columns, row, strict=True):
                _check_kind(column, cell, number)
        return self


def _check_kind(column: Column, cell: Cell, row: int) -> None:
    worded = column.kind in ("text", "date")
    if cell is not None and isinstance(cell, str) != worded:
        raise ValueError(
            f"row {row}, column {column.name!r}: {cell!r} is not a {column.kind}; "
            f"give {'text' if worded else 'a number'}, or None where nothing is known"
        )
    if column.kind == "date" and isinstance(cell, str):
        date_text(cell)


@dataclass(frozen=True, config=STRICT)
class Figure:
    """A picture with the table of its numbers under it.

    Parameters
    ----------
    title
        What the reader should see in it, as a statement.
    chart, table
        The picture and its numbers.
    summary
        The picture in a sentence, for readers who do not see it.
    note
        What must be known to read it rightly: how it was estimated, what it leaves out.
    """

    title: str
    chart: Chart
    table: Table
    summary: str
    note: str = ""
    type: Literal["figure"] = "figure"


@dataclass(frozen=True, config=STRICT)
class Details:
    """What only some readers want: figures and tables folded away under a title; a printed page shows them."""

    title: str
    blocks: tuple[Annotated[Figure | Table, Field(discriminator="type")], ...]
    text: tuple[str, ...] = ()
    type: Literal["details"] = "details"


Block = Annotated[Figure | Table | Details, Field(discriminator="type")]


@dataclass(frozen=True, config=STRICT)
class Section:
    """A heading, what it says in paragraphs, and the figures and tables that show it."""

    title: str
    text: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, config=STRICT)
class Fact:
    """Where the page comes from: a period, a fingerprint, a version."""

    name: str
    value: str


@dataclass(frozen=True, config=STRICT)
class Definition:
    """What a term of the page means, formula included."""

    term: str
    meaning: str


@dataclass(frozen=True, config=STRICT)
class Page:
    """One report: question, answer, key figures, sections, what to do next, and where it comes from.

    Parameters
    ----------
    title, subtitle
        What the report is about; period and scope.
    question, answer
        What the reader wants to know, and the few sentences that tell it, caveats included.
    key_figures
        The numbers of the first screen, four at best.
    sections
        The body, in reading order.
    next_steps
        What to do, the most urgent first, each a sentence.
    facts, definitions
        Provenance and terms, at the end.
    language
        BCP 47 tag of the text.

    Raises
    ------
    pydantic.ValidationError
        If a value is not of its field's type, or a number is NaN or infinite.

    Examples
    --------
    >>> page = Page("Selectivity", "October 2022", "Do we control the right things?", "Yes.")
    >>> Page.from_json(page.to_json()) == page
    True
    """

    title: str
    subtitle: str
    question: str
    answer: str
    key_figures: tuple[KeyFigure, ...] = ()
    sections: tuple[Section, ...] = ()
    next_steps: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    definitions: tuple[Definition, ...] = ()
    language: str = "en"
    protocol: Literal[1] = 1

    def figures(self) -> Iterator[Figure]:
        """Yield the figures in reading order, folded ones included; the page numbers them so."""
        for section in self.sections:
            for block in section.blocks:
                parts = block.blocks if isinstance(block, Details) else (block,)
                yield from (part for part in parts if isinstance(part, Figure))

    def to_json(self) -> str:
        """Return the page as indented JSON; floats keep every bit."""
        return _adapter().dump_json(self, indent=2).decode() + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Page:
        """Read a page that :meth:`to_json` wrote.

        Raises
        ------
        SourceError
            If the text is not such a page; the message names the first place that is wrong.
        """
        try:
            return _adapter().validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the beginning"
            raise SourceError(
                f"This is not a report's JSON: at {place}, {first['msg']} ({error.error_count()} faults in all). "
                "Write the report again, or read it with the version of the workbench that wrote it."
            ) from error


@cache
def _adapter() -> TypeAdapter[Page]:
    return TypeAdapter(Page)
