"""What a mining run says: which criteria the past suggests, whether they held later, what they would add."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workbench.criteria.mining.evidence import LEAST_CONFIRMING
from workbench.reports.figures import Axis, Bar, BarChart, Reference
from workbench.reports.page import Definition, Details, Figure, KeyFigure, Section, Table
from workbench.reports.sections.cells import Row, Spec, counted, decimals, estimate, laid_out, percent, table
from workbench.reports.sections.criteria_figures import cumulative
from workbench.reports.sections.criteria_words import named

_SHOWN = 15


def answer(found: Row) -> str:
    """Return how many criteria are proposed, how many held in the later period, and what they add."""
    if not found["proposals"]:
        return "No rule of the past adds enough to what is controlled already."
    held, judged = _held(found)
    results, violations = _sum(found, "labelled"), _sum(found, "violations")
    return (
        f"{_count(len(found['proposals']))} proposed; a later period that had no part in the choice confirms "
        f"{len(_confirmed(found)) or 'none'}. Its hit rate lies in the stated interval for {held} of {judged}. There "
        f"they add {counted(violations, 'violation')} in {results:,} controlled goods to what the present criteria hit."
    )


def key_figures(found: Row) -> Iterator[KeyFigure]:
    """Yield the numbers of the first screen."""
    held, judged = _held(found)
    yield KeyFigure(
        "Confirmed", len(_confirmed(found)), "count", 0, f"of {counted(len(found['proposals']), 'proposal')}"
    )
    yield KeyFigure("Stated interval held", held, "count", 0, f"of {judged} that could be judged")
    added = f"in {_sum(found, 'labelled'):,} controlled goods that no present criterion hits"
    yield KeyFigure("Violations added", _sum(found, "violations"), "count", 0, added)
    later = f"of {found['later']['hits']:,} declaration items of the later period"
    yield KeyFigure("Goods added", _sum(found, "hits"), "count", 0, later)


def sections(found: Row) -> Iterator[Section]:
    """Yield the body of the page."""
    proposals = found["proposals"]
    if not proposals:
        return
    yield Section("The proposals", (_text(found),), (_table(proposals), _conditions(proposals)))
    figures = tuple(figure for figure in (_rates(proposals), _gain(found)) if figure is not None)
    if figures:
        yield Section("What the later period showed", (), figures)


def next_steps(found: Row) -> Iterator[str]:
    """Yield what to do with the proposals."""
    confirmed = _confirmed(found)
    if confirmed:
        yield f"Read the conditions of {named(confirmed)} with people who know the goods, and save what makes sense."
        yield "Let them run in shadow first: a proposal is a pattern of past controls, not a proof."
    if failed := [_id(one) for one in found["proposals"] if not one["evidence"]["confirmed"]]:
        yield f"Leave out what the later period does not confirm: {named(failed)}."


def _text(found: Row) -> str:
    base = _base_rate(found)
    return (
        f"In the later period controls found a violation in {percent(base, 2)} of all goods that they looked at. A "
        f"proposal is confirmed where its whole interval lies above that, on {LEAST_CONFIRMING} violations or more. "
        "Known for controlled goods only."
    )


def _table(proposals: Sequence[Row]) -> Table:
    digits = decimals(max((_rate(one) or 0.0 for one in proposals), default=0.0))
    columns: dict[str, Spec] = {
        "title": ("Criterion", "text"),
        "id": ("id", "text"),
        "confirmed": ("Confirmed", "text"),
        "violations": ("Violations", "count"),
        "labelled": ("of results", "count"),
        "hit_rate": ("Hit rate later", "share", digits),
        "stated": ("Stated before", "share", digits),
        "added": ("Adds violations", "count"),
        "added_hits": ("with goods hit", "count"),
    }
    made = table(
        "Proposals, in the order in which they were chosen on the past", [_row(one) for one in proposals], **columns
    )
    return laid_out(made, under=("id", "labelled", "added_hits"), bars=("hit_rate",))


def _row(one: Row) -> Row:
    evidence = one["evidence"]
    return {
        "title": one["criterion"]["title"],
        "id": _id(one),
        "confirmed": "yes" if evidence["confirmed"] else "no",
        "violations": evidence["later"]["violations"],
        "labelled": evidence["later"]["labelled"],
        "hit_rate": estimate(evidence["later"]["hit_rate"]),
        "stated": estimate(evidence["stated"]),
        "added": evidence["added"]["violations"],
        "added_hits": evidence["added"]["hits"],
    }


def _conditions(proposals: Sequence[Row]) -> Details:
    made = table(
        "As they would stand in the file",
        [{**one["criterion"], "set": _parameters(one["criterion"])} for one in proposals],
        id=("Criterion", "text"),
        when=("Condition", "text"),
        set=("Parameters", "text"),
    )
    return Details("The conditions", (made,))


def _parameters(criterion: Row) -> str:
    return ", ".join(f"{name} = {_value(given)}" for name, given in criterion.get("parameters", {}).items())


def _value(given: Any) -> str:
    """Write a parameter as a file states it: a value, or a value with its range."""
    if not isinstance(given, Mapping):
        return str(given)
    low, high = given["range"]
    return f"{given['value']:g} ({low:g} to {high:g})"


def _rates(proposals: Sequence[Row]) -> Figure | None:
    rows = [_row(one) for one in proposals if _rate(one) is not None][:_SHOWN]
    if not rows:
        return None
    digits = decimals(max(row["hit_rate"].value for row in rows))
    base = proposals[0]["evidence"]["base_rate"]
    above = sum(row["confirmed"] == "yes" for row in rows)
    return Figure(
        f"Surely more than today's controls: {above} of {counted(len(rows), 'proposal')}"
        if above
        else "No proposal is shown to find more than today's controls",
        BarChart(
            tuple(Bar(row["title"], row["hit_rate"]) for row in rows),
            Axis("Hit rate in the later period", "share", digits),
            (Reference("All controls", base),),
            order="given",
            highlight=tuple(row["title"] for row in rows if row["confirmed"] == "yes"),
        ),
        table(
            "Hit rate in the later period",
            rows,
            title=("Criterion", "text"),
            violations=("Violations", "count"),
            labelled=("Results", "count"),
            hit_rate=("Hit rate", "share", digits),
            stated=("Stated before", "share", digits),
        ),
        f"{above} of {len(rows)} intervals lie wholly above the rate of all controls, {percent(base, 2)}.",
        "In the order of the proposals. Intervals are over declarations, whose items are found out together.",
    )


def _gain(found: Row) -> Figure | None:
    added = [(one["criterion"]["title"], one["evidence"]["added"]) for one in found["proposals"]]
    steps = [(title, count["labelled"], count["violations"]) for title, count in added if count["labelled"]]
    if not steps or not sum(violations for *_, violations in steps):
        return None
    controls = sum(labelled for _, labelled, _ in steps)
    expected = _base_rate(found) * controls
    return Figure(
        "What the proposals add to the present criteria",
        cumulative(
            "Proposals, in their order",
            [(labelled, violations) for _, labelled, violations in steps],
            None,
            (Reference("All controls, as many", expected),),
        ),
        table(
            "What each proposal adds to the present criteria and to those before it",
            [{"title": title, "labelled": labelled, "violations": violations} for title, labelled, violations in steps],
            title=("Criterion", "text"),
            labelled=("Results added", "count"),
            violations=("Violations added", "count"),
        ),
        f"Together they add {counted(sum(violations for *_, violations in steps), 'violation')} in "
        f"{counted(controls, 'control')}.",
        f"The line: what as many of today's controls find, at {percent(_base_rate(found), 2)}.",
    )


def _rate(one: Row) -> float | None:
    rate: float | None = one["evidence"]["later"]["hit_rate"]["value"]
    return rate


def _base_rate(found: Row) -> float:
    rate: float = found["proposals"][0]["evidence"]["base_rate"]
    return rate


def _confirmed(found: Row) -> list[str]:
    return [_id(one) for one in found["proposals"] if one["evidence"]["confirmed"]]


def _held(found: Row) -> tuple[int, int]:
    judged = [one["evidence"]["held"] for one in found["proposals"] if one["evidence"]["held"] is not None]
    return sum(judged), len(judged)


def _sum(found: Row, what: str) -> int:
    return sum(one["evidence"]["added"][what] for one in found["proposals"])


def _id(one: Row) -> str:
    name: str = one["criterion"]["id"]
    return name


def _count(proposals: int) -> str:
    return "One criterion is" if proposals == 1 else f"{proposals} criteria are"


DEFINITIONS = tuple(
    Definition(term, meaning)
    for term, meaning in {
        "Confirmed": "In the later period alone the whole interval of the hit rate lies above that of all controls, "
        f"and {LEAST_CONFIRMING} violations or more say so.",
        "Stated before": "Interval, known before the later period was looked at, in which its hit rate was to lie with "
        "95 % probability.",
        "Violations added": "Known violations of the later period that neither the present criteria nor the proposals "
        "before hit.",
        "Goods added": "Declaration items that neither the present criteria nor the proposals before hit: what it "
        "costs to control all of them.",
        "Hit rate later": "Violations / items with a recorded result among the goods hit in the later period.",
    }.items()
)
