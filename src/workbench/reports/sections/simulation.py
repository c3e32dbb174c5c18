"""The body of a simulation's page, in reading order."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.reports.page import Block, Details, Fact, Section
from workbench.reports.sections import simulation_advice as advice
from workbench.reports.sections import simulation_figures as figures
from workbench.reports.sections import simulation_tables as tables
from workbench.reports.sections import simulation_words as words
from workbench.reports.sections.cells import Row, counted, percent, period


def sections(found: Row) -> Iterator[Section]:
    """Yield the body of the page."""
    yield Section(
        "What each policy found",
        _same_seats(found),
        (tables.league(found), *_details(found)),
    )
    yield Section("Week by week", (), tuple(_curves(found)))
    if found["changes"]:
        yield Section("When schemes changed", (), tuple(figures.changes(found)))
    if blocks := tuple(_exploration(found)):
        yield Section("What exploration cost and gained", _how_exploration_works(), blocks)
    yield Section("What these figures do not say", tuple(advice.caveats(found)))


def _details(found: Row) -> Iterator[Details]:
    if found["settings"].get("policies"):
        yield Details("How each policy chooses", (tables.policies(found),))
    yield Details("Controls, violations and time", (tables.in_all(found),))


def facts(found: Row) -> Iterator[Fact]:
    """Yield where the figures come from."""
    settings = found["settings"]
    yield Fact("Weeks", f"{found['weeks']}, {period(found['first_day'], found['last_day'])}")
    yield Fact("Goods", f"{counted(found['goods'], 'declaration item')}, {counted(found['violations'], 'violation')}")
    yield Fact("Capacity", f"{percent(settings['rate'])} of each week's goods, the same for all policies")
    if settings.get("plan", "direct") != "direct":
        yield Fact("Plan of the rate", f"{settings['plan']}, from {percent(settings['start_rate'])}")
    if mask := settings.get("mask"):
        yield Fact("Labels known at the start", f"{_known(mask)}, of {counted(settings['start_weeks'], 'week')}")
    for name, label in {"pipeline": "Pipeline", "seed": "Seed of the lots"}.items():
        if settings.get(name) not in (None, ""):
            yield Fact(label, str(settings[name]))
    others = "goods drawn anew for each" if found["reacts"] else "which differ in their lots alone"
    yield Fact("Replications", "1" if found["replications"] == 1 else f"{found['replications']}, {others}")
    yield Fact("Computing time", f"{sum(row['seconds'] for row in found['policies']) * found['replications']:,.0f} s")


def _known(mask: str) -> str:
    """Write a mask as what it leaves.

    >>> _known("importer:0.1").replace(chr(160), " ")
    'those of 10 % of the importers, by lot'
    """
    kind, _, share = mask.partition(":")
    if share:
        return f"those of {percent(float(share))} of the {'importers' if kind == 'importer' else 'goods'}, by lot"
    return "those of the service's own controls" if kind == "natural" else "all"


def _same_seats(found: Row) -> tuple[str, ...]:
    why = ", since traders react: what is deterred is not there to be found" if found["reacts"] else ""
    intervals = "" if words.is_too_short(found) else " with 95 % intervals"
    return (
        f"Every policy had the same number of controls in each of {counted(found['weeks'], 'week')}, "
        f"{found['controls']:,} in all, and learnt only from what its own had found. Figures are of all "
        f"weeks together{intervals}, in order of {found['headline']}{why}.",
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
