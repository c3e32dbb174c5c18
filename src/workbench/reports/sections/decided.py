"""What was decided and why: reasons, lanes, criteria."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.criteria.lifecycle import in_words
from workbench.reports.page import Section
from workbench.reports.sections.cells import Row, cause, percent, table

_LANES = {
    "green": "released without a control",
    "blue": "released, audited later",
    "yellow": "documents checked",
    "orange": "scanned",
    "red": "goods inspected",
}
_CRITERIA_TITLE = "What criteria decided"
_UNLIMITED = {"green": "what remains"}


def reasons(examples: Sequence[Row]) -> Section | None:
    """Return the section with an example of each strongest reason; ``None`` without any."""
    if not examples:
        return None
    made = table(
        "The strongest reason of the declarations that rank highest",
        examples,
        declaration_id=("Declaration", "text"),
        item_no=("Item", "count"),
        sentence=("Reason", "text"),
    )
    text = "Each decision carries up to three sentences of this kind for the officer; one example of each is shown."
    return Section("Why declarations are selected", (text,), (made,))


def decisions(selection: Row) -> Section:
    """Return the section on lanes and causes."""
    lanes = table(
        "Lanes against plan",
        [{**row, "meaning": _LANES[row["lane"]], "plan": _plan(row)} for row in selection["lanes"]],
        lane=("Lane", "text"),
        meaning=("What happens", "text"),
        declarations=("Declarations", "count"),
        share=("Share", "share", 2),
        plan=("Plan", "text"),
    )
    made = table(
        "Decisions by lane and cause",
        [{**row, "cause": cause(row["cause"])} for row in selection["by_lane"]],
        lane=("Lane", "text"),
        cause=("Cause", "text"),
        declarations=("Declarations", "count"),
        rows=("Items", "count"),
        share=("Share of items", "share", 2),
        mean_score=("Mean score", "number", 4),
    )
    text = (
        f"{selection['declarations']:,} declarations with {selection['rows']:,} items were given a lane. Blue takes "
        "what criteria name and other lanes have no room for."
    )
    return Section("What was decided", (text,), (lanes, made))


def _plan(row: Row) -> str:
    """Write a lane's capacity: a share of an office's declarations, a count a day, or the lesser of both."""
    share = None if row["share_limit"] is None else f"{percent(row['share_limit'])} of each office's day"
    count = None if row["daily_limit"] is None else f"{row['daily_limit']:,} an office and day"
    limits = [limit for limit in (share, count) if limit]
    return " and at most ".join(limits) or _UNLIMITED.get(row["lane"], "what criteria name")


def criteria(selection: Row) -> Section | None:
    """Return the section on the criteria in force and those left out; ``None`` for a programme without criteria."""
    standing = in_words(selection["criteria_in_force"])
    if not standing:
        return None
    if not selection["criteria"]:
        return Section(_CRITERIA_TITLE, (standing,), ())
    made = table(
        "Criteria in force",
        [{**row, "drawn": row["hit_percentage"] / 100} for row in selection["criteria"]],
        id=("Criterion", "text"),
        title=("What it looks for", "text"),
        lane=("Lane", "text"),
        hits=("Hits", "count"),
        not_evaluable=("Not evaluable", "count"),
        drawn=("Share drawn", "share", 0),
        decided=("Items given the lane", "count"),
    )
    text = (
        "A criterion is not evaluable for a declaration that lacks a value it reads: that is neither a hit nor a clean "
        "bill. Of its hits the share drawn is selected. A criterion may hit what a more severe lane had taken already; "
        "then it did not give the lane. A declaration is selected whole, so its other items count there too."
    )
    return Section(_CRITERIA_TITLE, (standing, text), (made,))
