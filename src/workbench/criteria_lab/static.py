"""The same answers as plain tables of HTML: what a notebook shows where no widget can live.

No script and no style of its own that reaches beyond it; all text is escaped, for strangers wrote much of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from workbench.criteria_lab.answers import Answers
from workbench.criteria_lab.hits import HitsPage, Order, hits_page, written
from workbench.criteria_lab.session import Session, days
from workbench.criteria_lab.view import Heading, Table, status_of, view_of
from workbench.reports.numbers import EN_DASH, Estimate, interval_text, point_text, printable
from workbench.scorer.criteria import Criterion
from workbench.scorer.expressions import Fault


def session_html(session: Session) -> str:
    """Return what the session works on: run, period, criteria."""
    (start, end), whole = days(session.period), session.evidence.whole
    rows = [
        ("Run", str(session.run.path)),
        ("Criteria", f"{session.criteria_file}: {len(session.present.criteria)} criteria"),
        ("Period", f"{start} to {end}, both included"),
        ("Items", f"{whole.items:,} in {whole.declarations:,} declarations"),
        ("Controlled", f"{whole.controlled:,} items with a recorded result, {whole.violations:,} violations"),
    ]
    return _table((), rows)


class StaticAnswers:
    """The answers to one criterion, which a notebook shows as tables.

    Parameters
    ----------
    session
        Run, period and set.
    criterion
        What is asked about.
    """

    def __init__(self, session: Session, criterion: Criterion) -> None:
        self.session, self.criterion = session, criterion

    def __repr__(self) -> str:
        answers = self.session.answer(self.criterion)
        return "\n".join([f"{self.criterion.id}: {status_of(answers)}", *map(str, answers.faults)])

    def _repr_html_(self) -> str:
        return answers_html(self.session, self.criterion)


class StaticOverview:
    """The key figures of every criterion of a session's set, which a notebook shows as a table."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def __repr__(self) -> str:
        return repr(self.session.overview())

    def _repr_html_(self) -> str:
        return overview_html(self.session)


def overview_html(session: Session) -> str:
    """Return the key figures of every criterion of the set, one row each, as HTML."""
    counts = ("Hits", "Of no other criterion", "Not evaluable", "Controlled", "Violations", "Hit rate", "95 % interval")
    heads = [Heading("Criterion"), Heading("Lane"), *(Heading(label, right=True) for label in counts)]
    rows = [_overview_row(row) for row in session.overview().iter_rows(named=True)]
    note = "Hits are items. Violations and hit rates are known for controlled goods only."
    return _paragraph(note) + _table(heads, rows)


def _overview_row(row: Mapping[str, Any]) -> list[str]:
    value, low, high = (row[name] for name in ("hit_rate_of_controlled", "low_95", "high_95"))
    interval = EN_DASH if None in (value, low, high) else interval_text(Estimate(value, low, high), "share", 1)
    counts = ("hits", "unique_hits", "not_evaluable", "labelled_hits", "known_violations")
    numbers = [point_text(row[name], "count") for name in counts]
    return [row["criterion"], row["lane"], *numbers, point_text(value, "share", 1), interval]


def answers_html(session: Session, criterion: Criterion) -> str:
    """Return everything that is known of a criterion, with its first hits, as HTML."""
    answers = session.answer(criterion)
    parts = [_heading(criterion), _paragraph(status_of(answers)), _faults(answers.faults)]
    if answers.figures is not None:
        parts += _figures_html(answers)
        page = hits_page(session.evidence, criterion.id, answers.hit, session.reads(criterion), Order())
        parts += [_hits_html(page, criterion)]
    return "".join(parts)


def _figures_html(answers: Answers) -> list[str]:
    assert answers.figures is not None  # the caller asked
    view = view_of(answers.figures)
    cards = [
        (card.label, card.value, card.interval, card.note + (" (known for controlled goods only)" * card.controlled))
        for card in view.cards
    ]
    heads = [Heading("Figure"), Heading("Value", right=True), Heading("95 % interval"), Heading("Of what")]
    months = [(bar.label, bar.text) for bar in view.months]
    return [_table(heads, cards), *map(_titled, view.tables), "<h4>Hits by month</h4>", _table((), months)]


def _titled(table: Table) -> str:
    body = _table(table.columns, table.rows) if table.rows else ""
    return f"<h4>{_text(table.title)}</h4>{_paragraph(table.note)}{body}"


def _hits_html(page: HitsPage, criterion: Criterion) -> str:
    told = written(page)
    heads = [Heading(column["label"], right=column["right"]) for column in told["columns"]]
    more = f" The first {len(told['rows'])} are listed." if page.pages > 1 else ""
    note = f"{told['total']}.{more} Reason shown to the officer: {criterion.stated_reason()}"
    return f"<h4>Hits</h4>{_paragraph(note)}{_table(heads, told['rows'])}"


def _faults(faults: Iterable[Fault]) -> str:
    items = "".join(f"<li>{_text(str(fault))}</li>" for fault in faults)
    return f"<ul>{items}</ul>" if items else ""


def _heading(criterion: Criterion) -> str:
    when = _text(criterion.when.strip())
    return f"<h3>{_text(criterion.id)}: {_text(criterion.title)}</h3><pre>{when}</pre>"


def _paragraph(text: str) -> str:
    return f"<p>{_text(text)}</p>"


def _table(heads: Sequence[Heading], rows: Iterable[Sequence[str]]) -> str:
    sides = [" style='text-align:right'" if head.right else " style='text-align:left'" for head in heads]
    head = "".join(f"<th{side}>{_text(one.label)}</th>" for one, side in zip(heads, sides, strict=True))
    lines = "".join(f"<tr>{_cells(row, sides)}</tr>" for row in rows)
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if heads else ''}<tbody>{lines}</tbody></table>"


def _cells(row: Sequence[str], sides: Sequence[str]) -> str:
    placed = sides or [" style='text-align:left'"] * len(row)
    return "".join(f"<td{side}>{_text(cell)}</td>" for cell, side in zip(row, placed, strict=True))


def _text(text: str) -> str:
    return escape(printable(text))
