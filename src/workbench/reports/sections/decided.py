"""What was decided and why: reasons, lanes, criteria."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.reports.page import Section
from workbench.reports.sections.cells import Row, table


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
        contribution=("Weight (log odds)", "number", 2),
    )
    text = "Each decision carries up to three sentences of this kind for the officer; one example of each is shown."
    return Section("Why declarations are selected", (text,), (made,))


def decisions(selection: Row) -> Section:
    """Return the section on lanes and causes."""
    made = table(
        "Decisions by lane and cause",
        selection["by_lane"],
        lane=("Lane", "text"),
        cause=("Cause", "text"),
        rows=("Items", "count"),
        share=("Share", "share", 2),
        mean_score=("Mean score", "number", 4),
    )
    return Section("What was decided", (f"{selection['rows']:,} declaration items were given a lane.",), (made,))


def criteria(selection: Row) -> Section | None:
    """Return the section on the criteria in force; ``None`` where there are none."""
    if not selection["criteria"]:
        return None
    made = table(
        "Criteria in force",
        selection["criteria"],
        id=("Criterion", "text"),
        title=("What it looks for", "text"),
        lane=("Lane", "text"),
        hits=("Hits", "count"),
        not_evaluable=("Not evaluable", "count"),
        decided=("Gave the lane", "count"),
    )
    text = (
        "A criterion is not evaluable for a declaration that lacks a value it reads: that is neither a hit nor a clean "
        "bill. A criterion may hit what a more severe lane had taken already; then it did not give the lane."
    )
    return Section("Criteria", (text,), (made,))
