"""What a comparison of two sets says: how many declarations change lane, where to, why, and at which offices."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.criteria.diff.results import BECAUSE
from workbench.evaluation.tables import MISSING
from workbench.reports.figures import Axis, GroupedBarChart, HeatMap, Series
from workbench.reports.page import Definition, Details, Figure, KeyFigure, Section
from workbench.reports.sections import criteria_diff_offices as by_office
from workbench.reports.sections.cells import Row, counted, percent, table
from workbench.scorer.schema import Lane

_SHOWN, _REASONS_SHOWN, _CHANGES = 20, 10, 60
_KNOWN_FOR = " Known for controlled goods only: what was released then is not known."


def answer(found: Row) -> str:
    """Return how many declarations change lane, what that does to the controls, and what is known of those."""
    if not found["moves"]:
        return f"None of the {found['declarations']:,} declarations changes lane."
    ways = directions(found)
    before, after = controls(found)
    return (
        f"{_moved(found):,} of {found['declarations']:,} declarations change lane ({percent(_share(found), 2)}): "
        f"{ways['up']['declarations']:,} to a more severe one, {ways['down']['declarations']:,} to a lesser one. "
        f"Controls go from {before:,} to {after:,} ({after - before:+,}). {_known(ways)}"
    )


def key_figures(found: Row) -> Iterator[KeyFigure]:
    """Yield the numbers of the first screen."""
    ways, (before, after) = directions(found), controls(found)
    share = percent(_share(found), 2)
    yield KeyFigure(
        "Change lane", _moved(found), "count", 0, f"{share} of {counted(found['declarations'], 'declaration')}"
    )
    yield KeyFigure("To a more severe lane", ways["up"]["declarations"], "count", 0, _found_among(ways["up"]))
    yield KeyFigure("To a lesser lane", ways["down"]["declarations"], "count", 0, _found_among(ways["down"]))
    yield KeyFigure("Controls after", after, "count", 0, f"before: {before:,}")


def sections(found: Row) -> Iterator[Section]:
    """Yield the body of the page."""
    yield _changes(found)
    if not found["moves"]:
        return
    yield Section("Which lanes they leave and reach", (), (_lanes(found),))
    yield Section("Why they change lane", (), (_reasons(found), _examples(found)))
    if any(row["office_id"] != MISSING for row in found["office_days"]):
        parts = (by_office.offices(found), by_office.days(found))
        yield Section("Office by office, day by day", (), (*parts, by_office.office_days(found)))


def next_steps(found: Row) -> Iterator[str]:
    """Yield what to look at before the new set takes the place of the old one."""
    ways, (before, after) = directions(found), controls(found)
    if lost := ways["down"]["known_violations"]:
        known = counted(lost, "known violation")
        yield f"Look at the {known} among the declarations that would get a lesser lane."
    if after > before:
        yield f"Ask the offices whether they can do {counted(after - before, 'control')} more in such a period."
    if found["moves"]:
        yield "Read some of the declarations that move, with the people who know the goods, before you decide."


def directions(found: Row) -> dict[str, Row]:
    """Return declarations and what is known of them by direction: up, down."""
    nothing = {"declarations": 0, "labelled_items": 0, "known_violations": 0}
    return {"up": nothing, "down": nothing} | {row["direction"]: row for row in found["directions"]}


def controls(found: Row) -> tuple[int, int]:
    """Return declarations in any lane but green, before and after."""
    before, after = (
        sum(row["declarations"] for row in found["lanes"] if row[side] != Lane.GREEN)
        for side in ("lane_before", "lane_after")
    )
    return before, after


def _moved(found: Row) -> int:
    return len(found["moves"])


def _share(found: Row) -> float:
    return _moved(found) / max(int(found["declarations"]), 1)


def _known(ways: dict[str, Row]) -> str:
    up, down = (_found_among(ways[way]) for way in ("up", "down"))
    return f"Going up: {up}. Going down: {down}.{_KNOWN_FOR}"


def _found_among(row: Row) -> str:
    return f"{counted(row['known_violations'], 'violation')} in {counted(row['labelled_items'], 'item')} with a result"


def _changes(found: Row) -> Section:
    rows = found["changes"]
    if not rows:
        return Section("What was changed in the set", ("Nothing: the sets are alike.",))
    caption = "Changes" if len(rows) <= _CHANGES else f"The first {_CHANGES} of {len(rows)} changes"
    made = table(
        caption,
        [{**row, "what": f"{row['what']} {row['change']}"} for row in rows[:_CHANGES]],
        name=("Name", "text"),
        what=("What", "text"),
        field=("Field", "text"),
        before=("Before", "text"),
        after=("After", "text"),
    )
    return Section("What was changed in the set", (), (made,))


def _lanes(found: Row) -> Figure:
    moved = [row for row in found["lanes"] if row["lane_before"] != row["lane_after"]]
    lanes = tuple(str(lane) for lane in Lane)
    counts = {(row["lane_before"], row["lane_after"]): row["declarations"] for row in moved}
    largest = max(moved, key=lambda row: row["declarations"])
    told = f"{largest['declarations']:,} go from {largest['lane_before']} to {largest['lane_after']}"
    return Figure(
        f"Most go from {largest['lane_before']} to {largest['lane_after']}",
        HeatMap(
            lanes,
            lanes,
            tuple(tuple(counts.get((before, after)) for after in lanes) for before in lanes),
            Axis("Declarations", "count"),
            link="to",
        ),
        table(
            "Declarations by lane before and after",
            found["lanes"],
            lane_before=("Before", "text"),
            lane_after=("After", "text"),
            declarations=("Declarations", "count"),
            labelled_items=("Results", "count"),
            known_violations=("Violations", "count"),
        ),
        f"{told}.",
        "Read along a row, from the lane before to the lane after. Declarations that keep their lane are left out."
        + _KNOWN_FOR,
    )


def _reasons(found: Row) -> Figure:
    rows = found["criteria"]
    names = tuple(_reason(row) for row in rows[:_REASONS_SHOWN])
    series = [
        Series(name, tuple(row[column] for row in rows[:_REASONS_SHOWN]))
        for name, column in (("To a more severe lane", "moved_up"), ("To a lesser lane", "moved_down"))
    ]
    return Figure(
        f"What moves most: {names[0]}",
        GroupedBarChart(names, tuple(series), Axis("Declarations", "count")),
        table(
            "Declarations that change lane, by reason",
            [{**row, "reason": _reason(row)} for row in rows],
            reason=("Because", "text"),
            moved_up=("To a more severe lane", "count"),
            moved_down=("To a lesser lane", "count"),
            labelled_items=("Results", "count"),
            known_violations=("Violations", "count"),
        ),
        f"{names[0]}: {rows[0]['moved_up']:,} up, {rows[0]['moved_down']:,} down.",
        "Places in a lane are limited: what one criterion takes or frees, others and the model lose or gain.",
    )


def _reason(row: Row) -> str:
    words = str(BECAUSE[row["because"]])
    return f"{row['criterion']}: {words}" if row["criterion"] else words.capitalize()


def _examples(found: Row) -> Details:
    made = table(
        "Some of them",
        found["moves"][:_SHOWN],
        declaration_id=("Declaration", "text"),
        office_id=("Office", "text"),
        day=("Day", "date"),
        lane_before=("Before", "text"),
        lane_after=("After", "text"),
        reason=("Because", "text"),
    )
    return Details("Declarations that change lane", (made,), ("All of them are in moves.parquet beside this page.",))


DEFINITIONS = tuple(
    Definition(term, meaning)
    for term, meaning in {
        "Controls after": "Declarations in any lane but green when the new set gives the lanes; the policy, its "
        "capacity and its draws are the same for both sets.",
        "To a more severe lane": "Lanes in order of severity: green, blue, yellow, orange, red.",
        "Results": "Items of these declarations that were controlled at the time and have a recorded result.",
    }.items()
)
