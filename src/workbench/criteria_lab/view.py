"""Answers in words: the key figures, tables and sentences that the desk and the static tables both show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.criteria_lab.answers import AgainstModel, Answers, Figures, Found
from workbench.evaluation import Estimate
from workbench.reports.numbers import Cell, Kind, date_text, interval_text, point_text
from workbench.reports.numbers import Estimate as Interval

_OVERLAPS_SHOWN = 6


@dataclass(frozen=True)
class Card:
    """One key figure: its written value, interval and what stands under it.

    Parameters
    ----------
    key
        Stable name.
    label, value, note, interval
        Texts; an interval is empty where there is none.
    controlled
        Whether it is known for controlled goods only.
    tone
        ``good``, ``attention`` or empty.
    """

    key: str
    label: str
    value: str
    note: str
    interval: str = ""
    controlled: bool = False
    tone: str = ""


@dataclass(frozen=True)
class Heading:
    """Head of a column; numbers stand at the right."""

    label: str
    right: bool = False


@dataclass(frozen=True)
class Table:
    """A small table of texts, with a note that says how to read it."""

    key: str
    title: str
    note: str
    columns: Sequence[Heading]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Bar:
    """Hits of one month: its name, the count, and the whole as words."""

    label: str
    hits: int
    text: str


@dataclass(frozen=True)
class View:
    """Everything that is shown of a criterion's figures."""

    cards: Sequence[Card]
    tables: Sequence[Table]
    months: Sequence[Bar]


def view_of(figures: Figures) -> View:
    """Put figures into words."""
    cards = [
        _hits(figures),
        _hit_rate(figures),
        _violations(figures),
        _not_evaluable(figures),
        _beyond_set(figures),
        _beyond_model(figures.model),
    ]
    return View(cards, [_overlaps(figures), _side_by_side(figures)], _months(figures))


def status_of(answers: Answers) -> str:
    """Return the answer in one sentence, as a screen reader should hear it after each change."""
    refusals = sum(not fault.warning for fault in answers.faults)
    if answers.figures is None:
        return f"{refusals} {'fault' if refusals == 1 else 'faults'}: the condition is not evaluated."
    hits = answers.figures.hits
    rate = f"hit rate {_share(hits.hit_rate)} of {_count(hits.controlled)} controlled" if hits.controlled else ""
    return "; ".join(part for part in (f"{_count(hits.items)} hits", rate or "none of them controlled") if part) + "."


def _hits(figures: Figures) -> Card:
    hits, whole = figures.hits, figures.whole
    share = _written(hits.items / whole.items if whole.items else None, "share")
    per_day = point_text(figures.controls_per_day, "number", 1)
    note = f"items in {_count(hits.declarations)} declarations; {share} of all; {per_day} controls a day"
    return Card("hits", "Hits", _count(hits.items), note)


def _hit_rate(figures: Figures) -> Card:
    rate = figures.hits.hit_rate
    of_all = _share(figures.whole.hit_rate)
    note = f"of {_count(figures.hits.controlled)} controlled hits; {of_all} of all controlled items"
    tone = ""
    if rate.low_95 is not None and rate.high_95 is not None and figures.whole.hit_rate.value is not None:
        above, below = rate.low_95 > figures.whole.hit_rate.value, rate.high_95 < figures.whole.hit_rate.value
        tone = "good" if above else "attention" if below else ""
    return Card("hit_rate", "Hit rate", _share(rate), note, _interval(rate), controlled=True, tone=tone)


def _violations(figures: Figures) -> Card:
    found = figures.hits
    share = _written(figures.share_of_violations, "share")
    duty = "" if found.recovered_duty_usd is None else f"; {_written(found.recovered_duty_usd, 'usd')} recovered"
    note = f"{share} of the {_count(figures.whole.violations)} found in the period{duty}"
    return Card("violations", "Violations found", _count(found.violations), note, controlled=True)


def _not_evaluable(figures: Figures) -> Card:
    count = figures.not_evaluable
    note = (
        "items: a value is missing or a division has no result" if count else "every item has what the condition reads"
    )
    return Card("not_evaluable", "Not evaluable", _count(count), note, tone="attention" if count else "")


def _beyond_set(figures: Figures) -> Card:
    added = figures.beyond_set
    note = f"hits that no other criterion has; {_worth(added)}"
    return Card("beyond_set", "Adds to the set", _count(added.items), note)


def _worth(found: Found) -> str:
    if not found.controlled:
        return "none of them was controlled"
    rate = f"{_share(found.hit_rate)} ({_interval(found.hit_rate)})"
    return f"{_count(found.violations)} violations in {_count(found.controlled)} controlled: {rate}"


def _beyond_model(model: AgainstModel | None) -> Card:
    if model is None:
        return Card("beyond_model", "Adds to the model", "–", "no hit has a score that may be compared")
    taken = _written(model.taken / model.hits, "share")
    note = (
        f"violations that the model's {_count(model.controlled)} controls would not have found; "
        f"its {_count(model.hits)} highest scores take {taken} of the hits"
    )
    return Card("beyond_model", "Adds to the model", _count(model.beyond_model), note, controlled=True)


def _overlaps(figures: Figures) -> Table:
    rows = [
        (one.criterion, one.title, _count(one.shared), _written(one.share, "share"))
        for one in figures.overlaps[:_OVERLAPS_SHOWN]
    ]
    others = len(figures.overlaps) - len(rows)
    more = f" {others} more share fewer." if others > 0 else ""
    note = (
        "Criteria of the set that hit the same items." + more if rows else "No criterion of the set hits these items."
    )
    heads = [Heading("Criterion"), Heading("Title"), *_numeric("Shared hits", "Of these hits")]
    return Table("overlap", "Overlap with the set", note, heads, rows)


def _side_by_side(figures: Figures) -> Table:
    heads = [Heading("Chosen by"), *_numeric("Controls", "Violations", "Hit rate")]
    model = figures.model
    title = "The same number of controls"
    if model is None or not model.controlled:
        note = "No hit was both controlled and scored by a model that had not seen it."
        return Table("versus", title, note, heads, ())
    counts = (("this criterion", model.violations), ("the model", model.model_violations), ("chance", model.by_chance))
    rows = [
        (who, _count(model.controlled), point_text(found, "number", 0), _written(found / model.controlled, "share"))
        for who, found in counts
    ]
    since = f"since {date_text(model.since)} " if model.since else ""
    note = f"Among items lodged {since}that were controlled and scored; known for controlled goods only."
    return Table("versus", title, note, heads, rows)


def _numeric(*labels: str) -> list[Heading]:
    return [Heading(label, right=True) for label in labels]


def _months(figures: Figures) -> list[Bar]:
    return [
        Bar(
            date_text(one.month[:7]),
            one.hits,
            f"{_count(one.hits)} hits, {_count(one.violations)} violations in {_count(one.controlled)} controlled",
        )
        for one in figures.months
    ]


def _count(number: int) -> str:
    return point_text(number, "count")


def _share(estimate: Estimate) -> str:
    return _written(estimate.value, "share")


def _interval(estimate: Estimate) -> str:
    if estimate.value is None or estimate.low_95 is None or estimate.high_95 is None:
        return ""
    return interval_text(Interval(estimate.value, estimate.low_95, estimate.high_95), "share", 1)


def _written(value: Cell, kind: Kind) -> str:
    return point_text(value, kind, 1 if kind == "share" else None)
