"""Sections of a plan: the frontier against today, the lowest rates, the path with what the random arm would notice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.planning import Kept
from workbench.reports.figures import Axis, LineChart, Reference, Series
from workbench.reports.numbers import Estimate
from workbench.reports.page import Definition, Figure, KeyFigure, Section, Table
from workbench.reports.sections.cells import Row, Spec, counted, decimals, percent, table

_WHY = {
    "random_arm_too_small": " The random arm has too few results.",
    "results_missing": " Too many results of the controls drawn are missing.",
}
"""What advice does not say by itself, by code of the refusal."""


def answer(found: Row) -> str:
    """Say how far inspections can fall, and how sure that is."""
    today, kept = found["today"], found["kept"][0]
    rate = percent(today["rate"])
    if not _estimated(found):
        refused = found["frontier"][0]
        return (
            f"It cannot be told what another rate than today's {rate} would find.{_WHY.get(refused['refused'], '')} "
            f"{refused['advice']}"
        )
    if kept["likely"] is None:
        return (
            f"No rate that was tried is expected to find what inspecting {rate} found "
            f"({counted(today['violations'], 'violation')}). Try higher rates, or mend the model first."
        )
    sure = (
        "No rate that was tried is sure to."
        if kept["sure"] is None
        else f"At {percent(kept['sure'])} that is sure: the lower 95 % bound reaches what was found."
    )
    return (
        f"Inspecting {rate} found {counted(today['violations'], 'violation')}. Chosen by the model, "
        f"{percent(kept['likely'])} is expected to find as many. {sure}"
    )


def key_figures(found: Row) -> Iterator[KeyFigure]:
    """Yield today's rate and the rates that keep its detection."""
    today, kept = found["today"], found["kept"][0]
    yield KeyFigure("Inspected", today["rate"], "share", 2, f"{today['controlled']:,} declarations")
    yield KeyFigure("Violations found", today["violations"], "count", note="by these inspections")
    if _estimated(found):
        yield KeyFigure("Likely to find as many", kept["likely"], "share", 2, "rate of inspection, by the model")
        yield KeyFigure("Sure to find as many", kept["sure"], "share", 2, "its lower 95 % bound reaches them")


def sections(found: Row) -> Iterator[Section]:
    """Yield the sections for which there are figures: none where no rate could be estimated."""
    rows = _estimated(found)
    if not rows:
        return
    yield Section("What each rate finds", tuple(_words(found)), (_frontier(rows, found), _detection(rows)))
    if refused := [row for row in found["frontier"] if row["refused"]]:
        yield _refused(refused)
    yield Section("What keeps detection", tuple(Kept(**one).describe() for one in found["kept"]))
    if found["path"]:
        yield _path(found)


def _estimated(found: Row) -> list[Row]:
    return [row for row in found["frontier"] if row["found"] is not None]


def _words(found: Row) -> Iterator[str]:
    yield (
        f"Each rate is a policy that takes the model's highest scores of the week and leaves "
        f"{percent(found['random_share'])} of declarations to the random arm. None of them was in force: what it would "
        "have found is estimated from controls that were done, weighed by how likely each was. All figures speak of "
        "what an inspection finds."
    )
    # Plans written before this was counted do not say it.
    if missing := found.get("missing"):
        yield (
            f"{counted(missing, 'result')} of controls drawn are not recorded yet. The intervals hold whatever they "
            "would have shown: none a violation, or each."
        )


def _three(row: Row, name: str) -> Estimate | None:
    value, low, high = row[name], row[f"{name}_low_95"], row[f"{name}_high_95"]
    return None if value is None or low is None or high is None else Estimate(value, min(low, value), max(high, value))


def _frontier(rows: Sequence[Row], found: Row) -> Figure:
    today = found["today"]
    shown = [
        {
            **row,
            **{name: _three(row, name) for name in ("found", "more_than_today", "hit_rate")},
            "duty_usd": _three(row, "duty_usd") or row["duty_usd"],
        }
        for row in rows
    ]
    digits = decimals(max(row["hit_rate"] for row in rows))
    duty: dict[str, Spec] = {"duty_usd": ("Duty recovered", "usd", 0)}
    columns = table(
        "Frontier of inspection",
        shown,
        rate=("Rate", "share", 2),
        controls=("Items controlled", "count"),
        found=("Violations found", "count"),
        more_than_today=("More than today", "count"),
        hit_rate=("Hit rate", "share", digits),
        **(duty if any(row["duty_usd"] is not None for row in rows) else {}),
    )
    summary = f"Today's inspections of {percent(today['rate'])} found {today['violations']:,}."
    sure = found["kept"][0]["sure"]
    title = "What each rate finds" if sure is None else f"From {percent(sure)} on, as much as today is found for sure"
    chart = LineChart(
        tuple(row["rate"] for row in rows),
        Axis("Rate of inspection", "share", 1),
        Axis("Violations found", "count"),
        (Series("Chosen by the model and the random arm", tuple(_three(row, "found") for row in rows)),),
        (Reference("Found today", float(today["violations"])),),
    )
    note = "Bands: 95 %. Today's number is known, not estimated."
    return Figure(title, chart, columns, summary, note)


def _detection(rows: Sequence[Row]) -> Figure:
    shown = [{**row, "detection": _three(row, "detection")} for row in rows]
    chart = LineChart(
        tuple(row["rate"] for row in rows),
        Axis("Rate of inspection", "share", 1),
        Axis("Share of all violations", "share", 0),
        (
            Series("Chosen by the model and the random arm", tuple(row["detection"] for row in shown)),
            Series("Drawn at random alone", tuple(row["rate"] for row in rows)),
        ),
    )
    columns = table(
        "Detection",
        shown,
        rate=("Rate", "share", 2),
        detection=("Share of all violations", "share", 1),
        effective_sample_size=("Worth controls", "count"),
    )
    best = max(rows, key=lambda row: row["rate"])
    told = "" if best["detection"] is None else f"At {percent(best['rate'])}: {percent(best['detection'])} of all."
    return Figure(
        "Share of all violations that each rate finds",
        chart,
        columns,
        told,
        "Of what inspections of all goods would find. Goods drawn at random would give the lower line.",
    )


def _refused(rows: Sequence[Row]) -> Section:
    reasons = dict.fromkeys(row["advice"] for row in rows)
    told = (f"{_listed([row['rate'] for row in rows if row['advice'] == one])}: {one}" for one in reasons)
    return Section("What the controls cannot tell", tuple(told))


def _listed(rates: Sequence[float]) -> str:
    last = percent(rates[-1])
    return f"{', '.join(map(percent, rates[:-1]))} and {last}" if len(rates) > 1 else last


def _path(found: Row) -> Section:
    rows = [
        {**row, "found": _three(row, "found"), "change": _three(row, "change"), "label": f"year {row['year']}"}
        for row in found["path"]
    ]
    columns = table(
        "The path, year by year",
        rows,
        label=("Year", "text"),
        rate=("Rate", "share", 2),
        declarations=("Declarations", "count"),
        controls=("Declarations inspected", "count"),
        found=("Violations found", "count"),
        change=("Detection against today", "share", 0),
        drawn_by_lot=("Drawn at random", "count"),
        noticed_rise=("The random arm notices a rise of", "share", 0),
    )
    assumed = (
        f"Declarations are taken to grow by {percent(found['growth'], 2)} a year, and violations alike. What a rate "
        f"finds is assumed to stray by {percent(found['yearly_change'], 2)} a year (one standard deviation) beyond "
        "sampling: that figure is an assumption. Each year's random arm says whether it holds; the last column is the "
        "smallest rise of undetected violations that it would notice in four cases of five."
    )
    known = [row for row in found["path"] if row["change"] is not None]
    return Section("The path", (assumed,), (_drawn(rows, known[-1], columns),) if known else (columns,))


def _drawn(rows: Sequence[Row], last: Row, columns: Table) -> Figure:
    chart = LineChart(
        tuple(row["label"] for row in rows),
        Axis("Year"),
        Axis("Detection against today", "share", 0),
        (Series("Change of detection", tuple(row["change"] for row in rows)),),
        (Reference("as today", 0.0),),
    )
    return Figure(
        "What each year's rate would find of the same goods, against today",
        chart,
        columns,
        f"In year {last['year']}, at {percent(last['rate'])}: {percent(last['change'], 2)}.",
        "Bands: sampling, and what strays from year to year, together.",
    )


def next_steps(found: Row) -> Iterator[str]:
    """Yield what to do, the most urgent first."""
    kept = found["kept"][0]
    if not _estimated(found):
        yield "Plan again once the random arm has drawn more; [selection] random_share says how much it draws."
    elif kept["sure"] is not None and kept["sure"] < found["today"]["rate"]:
        sure = percent(kept["sure"])
        yield f"Go down in steps, towards {sure}; after each, look at what the random arm says of the rest."
    elif kept["likely"] is not None:
        yield "Do not go down yet on this evidence alone: the interval still reaches below what is found today."
    yield "Keep the random arm as it is while the rate falls: without it a loss in detection is invisible."


DEFINITIONS = (
    Definition("Inspected", "Declarations with a control in the lane of the random arm or a more severe one."),
    Definition("Detection", "Violations found / violations that inspections of all goods would find."),
    Definition(
        "Likely to find as many",
        "Lowest rate at which the closest rising line through the estimates reaches what today's inspections found.",
    ),
    Definition(
        "Sure to find as many", "Lowest rate from which on all lower bounds of the 95 % intervals reach what was found."
    ),
    Definition("Worth controls", "Effective number of controls behind an estimate (Kish): few mean a wide interval."),
)
