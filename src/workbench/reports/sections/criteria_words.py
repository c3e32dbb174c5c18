"""What a back-test says, in sentences: the answer, what stands out, what to do about it.

Every function reads a back-test as JSON (`Backtest.to_dict`). What controls found is known for controlled goods only,
so each sentence about findings names the number of recorded results that it rests on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from workbench.criteria.backtest.versus import LONGER_ARM
from workbench.reports.numbers import Estimate
from workbench.reports.sections.cells import Row, counted, estimate, percent, period
from workbench.reports.sections.verdict import FEW_VIOLATIONS

FLAGS = {
    "better_than_chance": "finds more than chance",
    "worse_than_chance": "finds less than chance",
    "dead": "never hit",
    "never_evaluable": "never evaluable",
    "decaying_hits": "hits less and less",
    "decaying_hit_rate": "finds less and less",
    "growing_counts": "hits less as its counts grow",
    "expired": "expired",
    "expiring": "expires soon",
}
"""The flags of a back-test as a manager reads them, in the order of telling."""

_NAMED = 5
_ENOUGH_RESULTS = 30
_OFTEN_NOT_EVALUABLE = 0.2
_SAME_GOODS = 0.8


def answer(found: Row) -> str:
    """Return what the set finds, beside the model and chance at the same number of controls."""
    return " ".join([_found(found), *_beside(found), *_too_few(found)])


def covered(found: Row) -> str:
    """Return what the set would ask for, and how much of it is known."""
    whole = of_set(found)
    known = (
        f"{whole['labelled_hits']:,} of these items have a recorded control result; nobody knows what is in the rest."
    )
    if whole["labelled_hits"] == whole["hits"]:
        known = "All of them have a recorded control result."
    return (
        f"From {days(found)} the criteria hit {_items(whole['hits'], found['items'])}. With their hit percentages that "
        f"asks for {_rounded(whole['expected_controls'])} of declarations. {known}"
    )


def stands_out(found: Row) -> Iterator[str]:
    """Yield a sentence a finding about single criteria: which find, which do not, which are dead, fading, expiring."""
    by_flag = flagged(found)
    tested = [row["criterion"] for row in found["criteria"] if row["labelled_hits"]]
    if better := by_flag.get("better_than_chance"):
        yield f"Surely find more than chance: {named(better)}."
    elif tested:
        yield "No single criterion is shown to find more than chance."
    if worse := by_flag.get("worse_than_chance"):
        yield f"Surely find less than chance: {named(worse)}."
    if empty := empty_handed(found):
        yield f"Found nothing in at least {_ENOUGH_RESULTS} controls: {named(empty)}."
    for flag, words in _LATER.items():
        if ids := by_flag.get(flag):
            yield f"{words}: {named(ids)}."


_LATER = {
    "dead": "Never hit in the period",
    "never_evaluable": "Could never be evaluated, for lack of a value",
    "decaying_hits": "Hit less and less",
    "decaying_hit_rate": "Find less and less",
    "growing_counts": "Hit less, as may be since the counts that they read grow with the history",
    "expired": "Expired, or every entry of a list they read",
    "expiring": "Expire soon, or entries of a list they read",
}


_FLAGGED_STEPS = {
    ("expired",): "Extend or retire what has expired",
    ("expiring",): "Decide before they expire whether to extend",
    ("worse_than_chance",): "Ask whether these earn their controls, and tighten or retire them",
    ("dead", "never_evaluable"): "Rewrite or retire what never hits",
    ("decaying_hits", "decaying_hit_rate"): "Tune the thresholds of what fades",
}
"""What flags ask for, the most urgent first; flags that are not here ask for nothing."""


def next_steps(found: Row) -> Iterator[str]:
    """Yield what to do about the criteria, the most urgent first."""
    yield from (step for _, step in _steps(found))
    yield from _over_capacity(found)


def to_look_at(found: Row) -> list[str]:
    """Return the criteria that the next steps are about."""
    return [*dict.fromkeys(name for ids, _ in _steps(found) for name in ids)]


def _steps(found: Row) -> Iterator[tuple[list[str], str]]:
    """Yield what to do about criteria, with those that it is about."""
    by_flag = flagged(found)
    for flags, step in _FLAGGED_STEPS.items():
        if ids := [*dict.fromkeys(name for flag in flags for name in by_flag.get(flag, ()))]:
            yield ids, f"{step}: {named(ids)}."
    yield from _not_evaluable(found)
    yield from _same_goods(found)


def in_shadow(found: Row, states: Mapping[str, str]) -> str:
    """Return what criteria in shadow would have hit and found; empty where none is in shadow."""
    rows = [row for row in found["criteria"] if states.get(row["criterion"], row["mode"]) == "shadow"]
    told = [_would_have_hit(row) for row in rows[:_NAMED]]
    more = f"; and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
    return f"In shadow, deciding nothing: {'; '.join(told)}{more}." if rows else ""


def _would_have_hit(row: Row) -> str:
    hit = f"{row['criterion']} would have hit {counted(row['hits'], 'item')}"
    if not row["labelled_hits"]:
        return f"{hit}, none of them controlled" if row["hits"] else hit
    return f"{hit}, {row['labelled_hits']:,} of them controlled, {counted(row['known_violations'], 'violation')}"


def flagged(found: Row) -> dict[str, list[str]]:
    """Return the criteria that carry each flag."""
    by_flag: dict[str, list[str]] = {}
    for row in found["flags"]:
        by_flag.setdefault(row["flag"], []).append(row["criterion"])
    return {flag: [*dict.fromkeys(ids)] for flag, ids in by_flag.items()}


def chance(found: Row) -> Estimate | None:
    """Return the rate of violations that a choice by lot would find, with its interval; ``None`` if it is not known."""
    row = next((row for row in found["versus"] if (row["scope"], row["method"]) == ("set", "chance")), None)
    return None if row is None else estimate(row, "hit_rate_of_controlled")


def empty_handed(found: Row) -> list[str]:
    """Return the criteria with enough recorded results and no violation among them, the most controls first."""
    rows = [r for r in found["criteria"] if r["labelled_hits"] >= _ENOUGH_RESULTS and not r["known_violations"]]
    return [row["criterion"] for row in sorted(rows, key=lambda row: -row["labelled_hits"])]


def of_set(found: Row) -> Row:
    """Return the row of the summary for all active criteria together."""
    whole: Row = next(row for row in found["summary"] if row["scope"] == "set")
    return whole


def versus_set(found: Row) -> dict[str, Row]:
    """Return what criteria, model and chance find with the controls of the set, by method; empty without a label."""
    rows = [row for row in found["versus"] if row["scope"] == "set" and row["hit_rate_of_controlled"] is not None]
    return {row["method"]: row for row in rows if row["controls"]}


def days(found: Row) -> str:
    """Write the first and the last day of the period."""
    last = datetime.fromisoformat(found["end"]) - timedelta(microseconds=1)
    return period(found["start"], last.isoformat())


def named(ids: Sequence[str]) -> str:
    """Name some criteria in a sentence, the rest by their number.

    >>> named(["a", "b", "c", "d", "e", "f", "g"])
    'a, b, c, d, e and 2 more'
    """
    return ", ".join(ids[:_NAMED]) + (f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else "")


def number_of_criteria(count: int) -> str:
    """Write a number of criteria.

    >>> number_of_criteria(1), number_of_criteria(12)
    ('1 criterion', '12 criteria')
    """
    return "1 criterion" if count == 1 else f"{count:,} criteria"


def number(value: float) -> str:
    """Write an expected number of violations: whole from ten on, else with one decimal.

    >>> number(1234.4), number(2.31), number(3), number(0.04)
    ('1,234', '2.3', '3', '0')
    """
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}".removesuffix(".0")


def _found(found: Row) -> str:
    whole = of_set(found)
    if not whole["hits"]:
        return "In the period no criterion hit anything."
    if not whole["labelled_hits"]:
        return "None of the goods that the criteria hit has a recorded control result, so their worth is not known."
    share = whole["share_of_known_violations"]
    held = "" if share is None else f"; that is {percent(share, 2)} of {_all_violations(found)}"
    return (
        f"{percent(whole['hit_rate_of_controlled'], 2)} of the controlled goods that the criteria hit held a violation "
        f"({percent(whole['low_95'], 2)} to {percent(whole['high_95'], 2)}; {whole['known_violations']:,} of "
        f"{whole['labelled_hits']:,}){held}."
    )


def _all_violations(found: Row) -> str:
    return "the one violation known" if found["violations"] == 1 else f"all {found['violations']:,} violations known"


def _beside(found: Row) -> Iterator[str]:
    methods, lot = versus_set(found), chance(found)
    if not methods:
        return
    controls, told = methods["criteria"]["controls"], []
    if "model" in methods:
        told.append(f"{number(methods['model']['known_violations'])} in the order of the model's score")
    if lot is not None:
        low, value, high = (number(rate * controls) for rate in (lot.low, lot.value, lot.high))
        whose = ", at their rate over all the time read" if found["chance_basis"] == LONGER_ARM else ""
        told.append(f"{value} ({low} to {high}) if drawn by lot{whose}")
    if told:
        yield f"{_given(found, methods['criteria'])} would have found {' and '.join(told)}."


def _given(found: Row, criteria: Row) -> str:
    """Say what model and chance were given: as many controls as the criteria, or as many as have a score."""
    if criteria["controls"] == of_set(found)["labelled_hits"]:
        return "As many controls"
    return (
        f"Where there are scores the criteria found {number(criteria['known_violations'])} with "
        f"{counted(criteria['controls'], 'control')}; as many"
    )


def _too_few(found: Row) -> Iterator[str]:
    """Warn where no rate of a criterion can say anything."""
    if found["known_items"] and found["violations"] < FEW_VIOLATIONS:
        yield f"Only {counted(found['violations'], 'known violation')} in the period: too few to judge criteria."


def _items(hits: int, items: int) -> str:
    return f"{hits:,} of {items:,} declaration items ({percent(hits / items)})"


def _rounded(controls: float) -> str:
    return f"some {counted(round(controls), 'control')}" if controls >= 1 else "hardly any control"


def _not_evaluable(found: Row) -> Iterator[tuple[list[str], str]]:
    for row in found["criteria"]:
        share = row["not_evaluable"] / max(row["items_in_scope"], 1)
        if _OFTEN_NOT_EVALUABLE < share < 1:
            name, missing = row["criterion"], percent(share, 2)
            yield [name], f"Look at {name}: it could not be evaluated for {missing} of the goods in its scope."


def _same_goods(found: Row) -> Iterator[tuple[list[str], str]]:
    """Name the pair that overlaps most, if one adds hardly anything to the other."""
    pairs = [row for row in found["overlap"] if row["criterion"] != row["other"]]
    widest: Iterable[Row] = sorted(pairs, key=lambda row: -row["share_of_criterion"])[:1]
    for row in widest:
        if row["share_of_criterion"] >= _SAME_GOODS:
            name, share = row["criterion"], percent(row["share_of_criterion"], 2)
            yield [name], f"See whether {name} is needed beside {row['other']}: it shares {share} of its hits."


def _over_capacity(found: Row) -> Iterator[str]:
    over = [row for row in found["capacity"] if row["share_of_days_over"]]
    if over:
        worst = max(over, key=lambda row: row["share_of_days_over"])
        offices = counted(len({row["office_id"] for row in over}), "office")
        yield (
            f"Lower hit percentages or add capacity: on some days criteria ask {offices} for more than capacity, "
            f"{worst['office_id']} ({worst['lane']}) on {percent(worst['share_of_days_over'], 2)} of its days."
        )
