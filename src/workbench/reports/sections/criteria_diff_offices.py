"""Where declarations change lane between two sets: controls of each office before and after, day by day."""

from __future__ import annotations

from datetime import datetime, timedelta

from workbench.reports.figures import Axis, GroupedBarChart, LineChart, Series
from workbench.reports.page import Details, Figure
from workbench.reports.sections.cells import Row, table
from workbench.scorer.schema import Lane

_SHOWN, _ROWS = 10, 20


def offices(found: Row) -> Figure:
    """Return the controls of each office before and after, the largest change first."""
    counts: dict[str, list[int]] = {}
    for row in found["offices"]:
        if row["lane"] != Lane.GREEN:
            sums = counts.setdefault(row["office_id"], [0, 0])
            sums[0] += row["controls_before"]
            sums[1] += row["controls_after"]
    ordered = sorted(counts, key=lambda office: (-abs(counts[office][1] - counts[office][0]), office))
    shown = ordered[:_SHOWN]
    first = ordered[0]
    return Figure(
        "Controls of each office, before and after",
        GroupedBarChart(
            tuple(f"{office} ({counts[office][1] - counts[office][0]:+,})" for office in shown),
            (
                Series("Before", tuple(counts[office][0] for office in shown)),
                Series("After", tuple(counts[office][1] for office in shown)),
            ),
            Axis("Declarations controlled in the period", "count"),
        ),
        table(
            "Controls by office",
            [
                {"office": office, "before": before, "after": after, "more": f"{after - before:+,}"}
                for office, (before, after) in ((office, counts[office]) for office in ordered)
            ],
            office=("Office", "text"),
            before=("Before", "count"),
            after=("After", "count"),
            more=("Change", "text"),
        ),
        f"The largest change is at {first}: {counts[first][0]:,} before, {counts[first][1]:,} after.",
        f"The {len(shown)} offices with the largest change, of {len(ordered)}; the change stands beside the name."
        if len(ordered) > len(shown)
        else "The change stands beside the name.",
    )


def days(found: Row) -> Figure:
    """Return how many declarations change lane on each day of the period."""
    days = _calendar(found)
    sums = {day: [0, 0] for day in days}
    for row in found["office_days"]:
        sums[row["day"]][0] += row["moved_up"]
        sums[row["day"]][1] += row["moved_down"]
    peak = max(days, key=lambda day: sum(sums[day]))
    return Figure(
        "Declarations that change lane, day by day",
        LineChart(
            tuple(days),
            Axis("Day of lodgement", "date"),
            Axis("Declarations", "count"),
            (
                Series("To a more severe lane", tuple(sums[day][0] for day in days)),
                Series("To a lesser lane", tuple(sums[day][1] for day in days)),
            ),
        ),
        table(
            "Declarations that change lane, by day",
            [{"day": day, "up": sums[day][0], "down": sums[day][1]} for day in days if any(sums[day])],
            day=("Day", "date"),
            up=("To a more severe lane", "count"),
            down=("To a lesser lane", "count"),
        ),
        f"The most on {peak}: {sum(sums[peak]):,}.",
    )


def _calendar(found: Row) -> list[str]:
    """Return every day of the period: a line over the days with changes alone would hide those without."""
    first = datetime.fromisoformat(found["start"]).date()
    last = (datetime.fromisoformat(found["end"]) - timedelta(microseconds=1)).date()
    return [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]


def office_days(found: Row) -> Details:
    """Return the offices' days on which most declarations change lane, folded away."""
    rows = sorted(found["office_days"], key=lambda row: -(row["moved_up"] + row["moved_down"]))
    made = table(
        "Most moved",
        rows[:_ROWS],
        office_id=("Office", "text"),
        day=("Day", "date"),
        declarations=("Declarations", "count"),
        moved_up=("To a more severe lane", "count"),
        moved_down=("To a lesser lane", "count"),
        controls_before=("Controls before", "count"),
        controls_after=("after", "count"),
    )
    return Details("Offices' days with the most changes", (made,), ("All of them are in office_days.parquet.",))
