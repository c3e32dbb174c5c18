"""Page of the daily work: lanes, the random arm and its proof, results that came back, and how sure the estimate is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from workbench.reports.beside import MADE, NOTHING, Folder, facts, json_bytes, parquet_bytes
from workbench.reports.figures import Axis, LineChart, Series, StackedShareChart
from workbench.reports.html import write_report
from workbench.reports.numbers import Estimate
from workbench.reports.page import Definition, Details, Fact, Figure, KeyFigure, Page, Section, Table
from workbench.reports.sections.cells import Row, Spec, counted, day, estimate, percent, period, table
from workbench.reports.sections.daily_back import came_back
from workbench.reports.sections.daily_words import counted_by, lane_cause
from workbench.scorer.schema import Lane

_HOLDS, _TRIAL = "holds", "holds, of a trial: proves nothing"
_SECRET, _FAILS = "key not revealed yet", "does not hold"
_SHOWN = 5


def write_daily_page(
    found: Row, outcomes: pl.DataFrame, folder: Folder, *, sources: Mapping[str, str] = NOTHING
) -> Page:
    """Write a report on daily work into `folder`: the page, ``daily.json`` and ``outcomes.parquet``.

    Parameters
    ----------
    found
        The report as JSON.
    outcomes
        Every decision with what became of it.
    folder
        Where to; made if it does not exist. Files of the same name in it are replaced, all together.
    sources
        Where the figures come from.
    """
    page = daily_page(found, sources=sources)
    write_report(page, folder, beside={"daily.json": json_bytes(found), **parquet_bytes({"outcomes": outcomes})})
    return page


def daily_page(found: Row, *, sources: Mapping[str, str] = NOTHING) -> Page:
    """Build the page of a report given as JSON."""
    return Page(
        "Daily work",
        f"{counted(_declarations(found), 'declaration')}, {_decided(found)}",
        "What was decided, does the random arm hold, and what does it say of all goods?",
        _answer(found),
        tuple(_key_figures(found)),
        tuple(_sections(found)),
        tuple(_next_steps(found)),
        (*facts(sources), Fact("Decided", _decided(found)), Fact("Looked at", _looked_at(found)), MADE),
        DEFINITIONS,
    )


def _decided(found: Row) -> str:
    days = [row["day"] for row in found["days"]]
    if not days:
        return "no day"
    return f"{counted(len(days), 'day')}, {period(days[0], days[-1])}" if len(days) > 1 else f"1 day, {day(days[0])}"


def _looked_at(found: Row) -> str:
    known = found["known_by"]
    by = "everything that was known when this page was made" if known is None else f"what was known by {day(known)}"
    return f"{period(found['first'], found['last'])}, with {by}"


def _trials(found: Row) -> str:
    """Name the trials, which prove nothing; empty where every day is real."""
    named = [f"{name} ({counted(days, 'day')})" for name, days in found["random_arm"]["trials"].items()]
    return f"Trial {', '.join(named)}: proves nothing, its keys may have been chosen after the days." if named else ""


def _declarations(found: Row) -> int:
    return sum(count["declarations"] for count in found["lanes"].values())


def _controlled(found: Row) -> int:
    return sum(count["declarations"] for lane, count in found["lanes"].items() if lane != Lane.GREEN)


def _rate(found: Row) -> Estimate | None:
    estimates = found["estimates"]
    is_estimated = estimates is not None and estimates["status"] == "estimated"
    return estimate(estimates["compliance_rate"]) if is_estimated else None


def _answer(found: Row) -> str:
    arm, rate = found["random_arm"], _rate(found)
    decided = f"{counted(_declarations(found), 'declaration')} were decided, {_controlled(found):,} of them controlled."
    draws = f"Draws that were done again from the public file and hold: {counted(arm[_HOLDS], 'day')}"
    if arm[_FAILS]:
        draws = f"Days whose draw does NOT hold: {arm[_FAILS]:,}, see below. {draws}"
    if rate is None:
        told = "What the random arm says of all goods cannot be estimated yet."
    else:
        told = (
            f"The random arm says that {percent(rate.value)} of all items comply ({percent(rate.low)} to "
            f"{percent(rate.high)})."
        )
    spoken = f"{decided} {told} {draws}; that wait for the key: {arm[_SECRET]:,}."
    return f"{trials} {spoken}" if (trials := _trials(found)) else spoken


def _key_figures(found: Row) -> Iterator[KeyFigure]:
    arm, back, every = found["random_arm"], found["came_back"], _declarations(found)
    yield KeyFigure("Controlled", _controlled(found) / every if every else None, "share", 1, "any lane but green")
    yield KeyFigure("Compliance", _rate(found), "share", 2, "of all items, from the random arm")
    drawn = f"{arm['known']:,} with all results; {counted(arm['waivers_refused'], 'waiver')} refused"
    yield KeyFigure("Drawn by lot", arm["drawn"], "count", note=drawn, tone="bad" if arm[_FAILS] else "neutral")
    rejected, taken = sum(back["rejected"].values()), f"{back['results']:,} taken in"
    yield KeyFigure("Results set aside", rejected, "count", note=taken, tone="attention" if rejected else "neutral")


def _sections(found: Row) -> Iterator[Section]:
    yield Section("What was decided", (), (*_lanes_by_day(found), _causes(found)))
    yield _arm(found)
    yield came_back(found)
    yield _compliance(found)


def _lanes_by_day(found: Row) -> Iterator[Figure]:
    days = found["days"]
    if not days:
        return
    rows = [{"day": row["day"], "all": sum(row["declarations"].values()), **row["declarations"]} for row in days]
    lanes = list(reversed(Lane))
    columns: dict[str, Spec] = {str(lane): (lane.capitalize(), "count") for lane in lanes}
    numbers = table("Declarations by day and lane", rows, day=("Day", "date"), all=("All", "count"), **columns)
    series = tuple(Series(str(lane), tuple(row[str(lane)] for row in rows)) for lane in lanes)
    chart = StackedShareChart(
        tuple(row["day"] for row in rows), series, Axis("Day", "date"), Axis("Share of declarations", "share", 0)
    )
    told = ", ".join(f"{lane} {count['declarations']:,}" for lane, count in found["lanes"].items())
    yield Figure("Lanes day by day", chart, numbers, f"Over all days: {told}.", "As carried out, after re-routings.")


def _causes(found: Row) -> Table:
    rows = [{"cause": lane_cause(name), **count} for name, count in found["arms"].items()]
    rows.sort(key=lambda row: -row["declarations"])
    return table(
        "What gave the lane",
        rows,
        cause=("Cause", "text"),
        declarations=("Declarations", "count"),
        items=("Items", "count"),
    )


def _arm(found: Row) -> Section:
    arm = found["random_arm"]
    asked = counted(arm["waivers_refused"], "time")
    spared = f" Officers asked to spare some of them {asked}; each was refused." if arm["waivers_refused"] else ""
    text = [
        *([_trials(found)] if arm["trials"] else []),
        f"Declarations drawn by lot: {arm['drawn']:,}.{spared}",
        f"Whoever has the public file can do a day's draw again once its key is out. Days whose draw holds: "
        f"{arm[_HOLDS]:,}; does not hold: {arm[_FAILS]:,}; waits for its key: {arm[_SECRET]:,}; holds and is of a "
        f"trial: {arm[_TRIAL]:,}.",
        *arm["faults"][:_SHOWN],
    ]
    if (more := len(arm["faults"]) - _SHOWN) > 0:
        text.append(f"Faults beside these: {more:,}; daily.json has them all.")
    columns = table(
        "The random arm by day",
        found["days"],
        day=("Day", "date"),
        drawn=("Drawn", "count"),
        known=("With all results", "count"),
        state=("Done again", "text"),
    )
    return Section("The random arm", tuple(text), (Details("Every day", (columns,)),) if found["days"] else ())


def _compliance(found: Row) -> Section:
    estimates, title = found["estimates"], "What the random arm says of all goods"
    if estimates is None:
        return Section(title, ("No declaration of these days was open to the random arm.",))
    if estimates["status"] != "estimated":
        return Section(
            title,
            (
                f"Not estimated. Found of {counted_by(estimates['code'])}: {estimates['found']:,}; needed: "
                f"{estimates['needed']:,}.",
                estimates["advice"],
            ),
        )
    arm = estimates["arm"]
    text = (
        f"It rests on {arm['known']:,} of {counted(arm['drawn'], 'declaration')} drawn by lot, with "
        f"{counted(arm['violations'], 'violation')}. Full controls without all results: {estimates['missing']:,}."
    )
    return Section(title, (text,), (_over_time(found),))


def _over_time(found: Row) -> Figure:
    rows = [
        {**row, "rate": estimate(row), "width": row["high_95"] - row["low_95"], "rest": _complement(row)}
        for row in found["over_time"]
    ]
    numbers = table(
        "Compliance, as it was known day by day",
        rows,
        day=("Known by", "date"),
        goods=("Items", "count"),
        rate=("Compliance", "share", 2),
        width=("Width of the interval", "share", 2),
    )
    chart = LineChart(
        tuple(row["day"] for row in rows),
        Axis("Known by", "date"),
        Axis("Items that do not comply", "share", 1),
        (Series("Items that do not comply", tuple(row["rest"] for row in rows)),),
    )
    first, last = rows[0], rows[-1]
    told = f"The 95 % interval is {percent(last['width'])} wide."
    if len(rows) > 1:
        told = (
            f"With what was known by {day(first['day'])} the 95 % interval was {percent(first['width'])} wide, by "
            f"{day(last['day'])} {percent(last['width'])}."
        )
    note = "Band: 95 %. Each day has the goods decided and the results recorded by its end."
    return Figure("How sure the estimate has become", chart, numbers, told, note)


def _complement(row: Row) -> Estimate:
    return Estimate(1.0 - row["value"], 1.0 - row["high_95"], 1.0 - row["low_95"])


def _next_steps(found: Row) -> Iterator[str]:
    arm, back = found["random_arm"], found["came_back"]
    if arm[_FAILS]:
        yield "Find out why a draw does not hold before you use any figure: workbench random verify names each fault."
    if found["unread"]:
        yield f"See to {counted(len(found['unread']), 'file')} that could not be read: nothing of them counts yet."
    if rejected := sum(back["rejected"].values()):
        yield f"Have {counted(rejected, 'result')} mended at their source: the files named above say what is wrong."
    if arm["drawn"] > arm["known"]:
        missing = counted(arm["drawn"] - arm["known"], "declaration")
        yield f"Record the results of {missing} drawn by lot: without them the estimate leans on the rest."
    if arm["waivers_refused"]:
        yield "Speak with those who asked to spare drawn declarations: the lot works only if it spares nobody."
    if arm[_SECRET]:
        yield "Reveal the keys of days that are over, so that others can do the draws again."


DEFINITIONS = (
    Definition("Controlled", "Declarations in any lane but green, as carried out."),
    Definition("Compliance", "Share of items in which a full control would find no violation, with its 95 % interval."),
    Definition(
        "Drawn by lot",
        "Declarations that the random arm drew for a full control, whatever else would have come of them.",
    ),
    Definition(
        "Results set aside", "Results that cannot be so, or contradict what is known; each is kept with its reason."
    ),
)
