"""The body of a simulation's page, in reading order."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.reports.page import Block, Details, Fact, Section
from workbench.reports.sections import simulation_figures as figures
from workbench.reports.sections import simulation_tables as tables
from workbench.reports.sections import simulation_words as words
from workbench.reports.sections.cells import Row, counted, percent, period


def sections(found: Row) -> Iterator[Section]:
    """Yield the body of the page."""
    yield Section(
        "What each policy found",
        _same_seats(found),
        (tables.league(found), Details("Controls, violations and time", (tables.in_all(found),))),
    )
    yield Section("Week by week", (), tuple(_curves(found)))
    if found["changes"]:
        yield Section("When schemes changed", (), tuple(figures.changes(found)))
    if blocks := tuple(_exploration(found)):
        yield Section("What exploration cost and gained", _how_exploration_works(), blocks)
    yield Section("What these figures do not say", tuple(words.caveats(found)))


def facts(found: Row) -> Iterator[Fact]:
    """Yield where the figures come from."""
    settings = found["settings"]
    yield Fact("Weeks", f"{found['weeks']}, {period(found['first_week'], found['last_week'])}")
    yield Fact("Goods", f"{counted(found['goods'], 'declaration item')}, {counted(found['violations'], 'violation')}")
    yield Fact("Capacity", f"{percent(settings['rate'])} of each week's goods, the same for all policies")
    for name, label in _SETTINGS.items():
        if settings.get(name) not in (None, ""):
            yield Fact(label, str(settings[name]))
    yield Fact("Replications", f"{found['replications']}, which differ in their lots alone")
    yield Fact("Computing time", f"{sum(row['seconds'] for row in found['policies']) * found['replications']:,.0f} s")


_SETTINGS = {
    "pipeline": "Pipeline",
    "plan": "Plan of the rate",
    "start_rate": "Rate at the start of the plan",
    "start_weeks": "Weeks before the first, whose labels are known",
    "mask": "Labels hidden at the start",
    "seed": "Seed",
}


def _same_seats(found: Row) -> tuple[str, ...]:
    weeks = counted(found["weeks"], "week")
    return (
        f"Every policy had the same seats in each of {weeks}, {found['controls']:,} in all, and learnt only from what "
        f"its own controls had found. Means over the weeks with 95 % intervals; {found['headline']} ranks.",
    )


def _curves(found: Row) -> Iterator[Block]:
    second = "precision" if found["headline"] == "recall" else "recall"
    yield figures.cumulative(found, found["headline"])
    yield figures.weekly(found)
    yield figures.cumulative(found, second)
    if found["has_revenue"]:
        yield figures.cumulative(found, "revenue")
    if (parts := tables.first_and_last(found)) is not None:
        yield Details("The first weeks and the last", (parts,))


def _exploration(found: Row) -> Iterator[Block]:
    for block in (tables.cost_of_exploration(found), figures.exploration(found)):
        if block is not None:
            yield block
    if any(row["explores"] for row in found["arms"]) and len(found["arms"]) > 1:
        yield tables.arms(found)


def _how_exploration_works() -> tuple[str, ...]:
    return (
        "A control by lot finds less today and shows what the model does not know yet. Without any, a policy only sees "
        "what it already suspects.",
    )
