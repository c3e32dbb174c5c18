"""Tables of a back-test: the league of the criteria, every number of each, flags, kinds, lanes, offices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench.reports.page import Table
from workbench.reports.sections import criteria_words as words
from workbench.reports.sections.cells import Row, Spec, decimals, estimate, laid_out, table

_RATE = "hit_rate_of_controlled"
_SHOWN = 15


def league(found: Row, states: Mapping[str, str]) -> Table:
    """Return what each criterion is worth, the most violations found first; `states` are of the lifecycle, by id."""
    rows = ranked(found)[:_SHOWN]
    columns: dict[str, Spec] = {
        "criterion": ("Criterion", "text"),
        "title": ("what it looks for", "text"),
        "hit_rate": ("Hit rate", "share", _digits(rows)),
        "known_violations": ("Violations", "count"),
        "labelled_hits": ("of results", "count"),
        "lane": ("Lane", "text"),
        "state": ("state", "text"),
        "share_of_known_violations": ("Of all known", "share", 0),
        "stands_out": ("Stands out", "text"),
    }
    caption = "What each criterion found"
    if len(rows) < len(found["criteria"]):
        caption += f": the {len(rows)} with the most violations, of {len(found['criteria'])}"
    told = _told(found)
    made = [
        {
            **row,
            "state": states.get(row["criterion"], row["mode"]),
            "hit_rate": estimate(row, _RATE),
            "stands_out": told.get(row["criterion"], ""),
        }
        for row in rows
    ]
    return laid_out(table(caption, made, **columns), under=("title", "state", "labelled_hits"), bars=("hit_rate",))


def numbers(found: Row) -> Table:
    """Return every number of every criterion."""
    rows = ranked(found)
    columns: dict[str, Spec] = {
        "criterion": ("Criterion", "text"),
        "items_in_scope": ("In scope", "count"),
        "not_evaluable": ("not evaluable", "count"),
        "hits": ("Hits", "count"),
        "unique_hits": ("unique", "count"),
        "declarations": ("Declarations", "count"),
        "expected_controls": ("controls asked for", "count"),
        "labelled_hits": ("Results", "count"),
        "known_violations": ("Violations", "count"),
        "unique_known_violations": ("unique", "count"),
        "hit_rate": ("Hit rate", "share", _digits(rows)),
        "known_recovered_duty_usd": ("Duty recovered", "usd"),
    }
    if all(row["known_recovered_duty_usd"] is None for row in rows):
        del columns["known_recovered_duty_usd"]
    made = [{**row, "hit_rate": estimate(row, _RATE)} for row in rows]
    under = ("not_evaluable", "unique_hits", "expected_controls", "unique_known_violations")
    caption = "In declaration items; declarations and controls are of whole declarations"
    return laid_out(table(caption, made, **columns), under=under)


def flags(found: Row) -> Table | None:
    """Return why each criterion stands out; ``None`` where none does."""
    if not found["flags"]:
        return None
    return table(
        "Flags, and what raised them",
        [{**row, "flag": words.FLAGS.get(row["flag"], row["flag"])} for row in found["flags"]],
        criterion=("Criterion", "text"),
        flag=("Stands out", "text"),
        detail=("Because", "text"),
    )


def kinds(found: Row) -> Table | None:
    """Return the violations found by kind; ``None`` where none was found."""
    if not found["kinds"]:
        return None
    columns: dict[str, Spec] = {
        "criterion": ("Criterion", "text"),
        "violation_kind": ("Kind of violation", "text"),
        "known_violations": ("Violations", "count"),
        "known_recovered_duty_usd": ("Duty recovered", "usd"),
    }
    if all(row["known_recovered_duty_usd"] is None for row in found["kinds"]):
        del columns["known_recovered_duty_usd"]
    return table("Violations known among the goods hit", found["kinds"], **columns)


def lanes(found: Row) -> Table | None:
    """Return what the set asks for by lane; ``None`` where no criterion hit."""
    rows = [row for row in found["summary"] if row["scope"] != "set" and row["hits"]]
    if not rows:
        return None
    return table(
        "What the set asks for, by lane",
        [{**row, "hit_rate": estimate(row, _RATE)} for row in rows],
        scope=("Lane", "text"),
        criteria=("Criteria", "count"),
        declarations=("Declarations hit", "count"),
        expected_controls=("Controls asked for", "count"),
        labelled_hits=("Results", "count"),
        known_violations=("Violations", "count"),
        hit_rate=("Hit rate", "share", _digits(rows)),
    )


def offices(rows: Sequence[Row]) -> Table:
    """Return controls asked for by office and lane, of rows of the back-test's ``capacity``."""
    columns: dict[str, Spec] = {
        "office_id": ("Office", "text"),
        "lane": ("Lane", "text"),
        "expected_controls": ("Controls asked for", "count"),
        "mean_per_day": ("a day", "number", 1),
        "peak_per_day": ("Busiest day", "number", 1),
        "capacity_per_day": ("Capacity a day", "number", 1),
        "share_of_days_over": ("Days over capacity", "share", 0),
    }
    if all(row["capacity_per_day"] is None for row in rows):
        del columns["capacity_per_day"], columns["share_of_days_over"]
    return table("Controls asked for by office", rows, **columns)


def ranked(found: Row) -> list[Row]:
    """Return the criteria by what they found: violations, then hit rate, then the fewest controls."""
    return sorted(
        found["criteria"],
        key=lambda row: (-row["known_violations"], -(row[_RATE] or 0.0), row["labelled_hits"], row["criterion"]),
    )


def _told(found: Row) -> dict[str, str]:
    flags = [(row["criterion"], row["flag"]) for row in found["flags"]]
    return {
        criterion: ", ".join(told for flag, told in words.FLAGS.items() if (criterion, flag) in flags)
        for criterion, _ in flags
    }


def _digits(rows: Sequence[Row]) -> int:
    """Return the decimals that the highest hit rate of a column needs."""
    return decimals(max((row[_RATE] or 0.0 for row in rows), default=0.0))
