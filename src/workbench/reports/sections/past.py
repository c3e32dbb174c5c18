"""What past controls found, by lane, method and criterion."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.reports.figures import Axis, Bar, BarChart, Reference, Series, StackedShareChart
from workbench.reports.page import Figure, Section
from workbench.reports.sections.cells import Row, Spec, cause, decimals, estimate, percent, table
from workbench.reports.sections.chance import rate_by_lot
from workbench.scorer.schema import Lane

_CRITERION = "criterion:"
_ENOUGH_CONTROLS = 30
_CRITERIA_SHOWN = 15


def history(found: Row) -> Section | None:
    """Return the section on past controls, ``None`` where the source keeps no lanes."""
    if not found["methods"]:
        return None
    blocks = [_lanes(found["months"]), _methods(found["methods"])]
    if criteria := criteria_controlled(found):
        blocks.append(_criteria(criteria[:_CRITERIA_SHOWN], rate_by_lot(found)))
    text = "Known for controlled goods only: what was released without a control is not in these figures."
    return Section("What past controls found", (text,), tuple(blocks))


def criteria_controlled(found: Row) -> list[Row]:
    """Return hit rates by criterion, the most controlled first, where enough controls stand behind them."""
    rows = [row for row in found["causes"] if row["cause"].startswith(_CRITERION)]
    return [{**row, "id": row["cause"].removeprefix(_CRITERION)} for row in rows if row["controls"] >= _ENOUGH_CONTROLS]


def below_lot(found: Row) -> list[str]:
    """Return the criteria whose hit rate, interval included, lies below that of controls by lot."""
    rate = rate_by_lot(found)
    return [] if rate is None else [row["id"] for row in criteria_controlled(found) if row["high_95"] < rate]


def _lanes(months: Sequence[Row]) -> Figure:
    periods = sorted({row["month"] for row in months})
    counts = {(row["month"], row["lane"]): row["declarations"] for row in months}
    used = [str(lane) for lane in Lane if any((period, str(lane)) in counts for period in periods)]
    total = {period: sum(counts.get((period, lane), 0) for lane in used) for period in periods}
    rows = [
        {"month": period} | {lane: counts.get((period, lane), 0) / total[period] for lane in used} for period in periods
    ]
    columns: dict[str, Spec] = {"month": ("Month", "date")}
    columns |= {lane: (lane.capitalize(), "share", 1) for lane in used}
    series = tuple(Series(lane, tuple(row[lane] for row in rows)) for lane in used)
    return Figure(
        "Lanes given, month by month",
        StackedShareChart(tuple(periods), series, Axis("Month", "date"), Axis("Share of declarations", "share", 0)),
        table("Share of each lane by month", rows, **columns),
        "Share of each lane in every month.",
    )


def _methods(methods: Sequence[Row]) -> Figure:
    rows = [
        {**row, "method": cause(row["method"]), "hit_rate": estimate(row, "hit_rate")}
        for row in methods
        if row["controls"]
    ]
    bars = tuple(Bar(row["method"], row["hit_rate"]) for row in rows)
    return Figure(
        "Hit rate by what had selected the goods",
        BarChart(bars, Axis("Hit rate", "share", 2)),
        table(
            "Past controls by method",
            rows,
            method=("Method", "text"),
            controls=("Controls", "count"),
            violations=("Violations", "count"),
            hit_rate=("Hit rate", "share", 2),
            recovered_duty_usd_per_control=("Duty recovered a control", "usd", 1),
        ),
        "Hit rates of past controls by method, with 95 % intervals.",
    )


def _criteria(criteria: Sequence[Row], rate: float | None) -> Figure:
    rows = [{**row, "hit_rate": estimate(row, "hit_rate")} for row in criteria]
    digits = decimals(max(row["hit_rate"].value for row in rows))
    columns: dict[str, Spec] = {
        "id": ("Criterion", "text"),
        "controls": ("Controls", "count"),
        "violations": ("Violations", "count"),
        "hit_rate": ("Hit rate", "share", digits),
    }
    below = "Controls by lot are too few to compare with."
    if rate is not None:
        count = sum(row["hit_rate"].high < rate for row in rows)
        below = f"{count} of {len(rows)} intervals lie wholly below the rate of controls by lot, {percent(rate)}."
    return Figure(
        "Hit rate by criterion, beside controls by lot" if rate is not None else "Hit rate by criterion",
        BarChart(
            tuple(Bar(row["id"], row["hit_rate"]) for row in rows),
            Axis("Hit rate", "share", digits),
            () if rate is None else (Reference("Controls by lot", rate),),
        ),
        table("Past controls by criterion", rows, **columns),
        below,
        f"The {len(rows)} criteria with the most controls, of those with at least {_ENOUGH_CONTROLS}. {below} "
        "A check of documents can find less than an inspection: compare criteria of one lane first.",
    )
