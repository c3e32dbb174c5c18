"""What controls by lot say of all goods: compliance, what went undetected, and lift over chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.reports.figures import Axis, Bar, BarChart, Reference
from workbench.reports.numbers import Estimate, Kind, interval_text, point_text
from workbench.reports.page import Block, Figure, Section, Table
from workbench.reports.sections.cells import Row, cause, counted, decimals, estimate, laid_out, percent, table

_TITLE = "What controls by lot say of all goods"
_ENOUGH_CONTROLS = 30


def section(found: Row) -> Section | None:
    """Return the section on estimates from the random arm; `None` where the source keeps no lanes.

    Parameters
    ----------
    found
        ``history`` of the metrics.
    """
    if not found["methods"]:
        return None
    arm = found["random_arm"]
    if arm["status"] != "estimated":
        return Section(_TITLE, (_refused(arm),), ())
    blocks: list[Block] = [_estimates(arm)]
    if shown := [row for row in found["lifts"] if _is_shown(row)]:
        blocks.append(_lifts(shown))
    return Section(_TITLE, tuple(_words(arm)), tuple(blocks))


def rate_by_lot(found: Row) -> float | None:
    """Return the violation rate that controls by lot stand for, ``None`` where they can carry no estimate."""
    arm = found["random_arm"]
    return arm["violation_rate"]["value"] if arm is not None and arm["status"] == "estimated" else None


def _refused(arm: Row) -> str:
    reason = "too few controls were drawn by lot"
    if arm["code"] == "results_missing":
        reason = f"only {arm['found']:,} results of the controls drawn are recorded, {arm['needed']:,} are needed"
    return f"What went undetected cannot be estimated: {reason}. {arm['advice']}"


def _words(arm: Row) -> Iterator[str]:
    drawn, rate = arm["arm"], arm["violation_rate"]
    violations, items = counted(drawn["violations"], "violation"), counted(drawn["items"], "item")
    yield (
        f"{counted(drawn['drawn'], 'declaration')} were drawn by lot, {drawn['known']:,} of them with a recorded "
        f"result: {violations} in {items}. Scaled up by office and regime, the same control of {arm['speaks_for']} "
        f"would find a violation in {percent(rate['value'])} of the items ({percent(rate['low_95'])} to "
        f"{percent(rate['high_95'])})."
    )
    yield (
        "What is found is known for controlled goods only; everything beyond it is estimated. Intervals are wide where "
        "few violations were drawn, and hold for this period, not for the next."
    )
    if left := sum(arm["left_out"].values()):
        yield f"{counted(left, 'item')} that something else had selected are left out: nothing here speaks of them."
    if missing := arm["missing"]:
        yield f"{counted(missing, 'result')} of controls by lot are not recorded yet. {_hidden(arm)}"
    revenue = arm["revenue"]
    if revenue is None or revenue["status"] != "estimated":
        return
    if unknown := revenue.get("without_amount"):
        yield (
            f"Full controls found {counted(unknown, 'violation')} without an amount. The revenue gap takes each to "
            "cost what the others cost on average; its interval holds from nothing to what the larger half of the "
            "others cost."
        )
    if not revenue["gap_usd"]["value"]:
        yield (
            "Controls recovered more duty than the few findings by lot stand for: the largest amounts are rare and "
            "were not drawn. Go by the upper end of the revenue gap."
        )


def _hidden(arm: Row) -> str:
    """Say what missing results can hide; metrics written before that was worked out do not know it."""
    if (bounds := arm.get("nonresponse")) is None:
        return "They are taken to be like the others of their stratum, so the estimates may be too low."
    compliant, alike, violating = (
        percent(bounds[name]["value"]) for name in ("all_compliant", "like_others", "all_violating")
    )
    return (
        f"The rate is {alike} if they are like the others of their stratum, {compliant} if all are compliant and "
        f"{violating} if all are violations. The intervals hold all three."
    )


def _estimates(arm: Row) -> Table:
    rows = [
        _line("Items without a violation", arm["compliance_rate"], "share", 2),
        _line("Violations, found or not", arm["violations"], "count"),
        {"measure": "Violations found, by any control", "value": f"{arm['found']:,}", "interval": "", "basis": "known"},
        _line("Undetected violations", arm["undetected"], "count"),
        *_revenue(arm["revenue"]),
    ]
    made = table(
        "What is known and what is estimated",
        rows,
        measure=("Measure", "text"),
        basis=("How it is known", "text"),
        value=("Value", "text"),
        interval=("95 % interval", "text"),
    )
    return laid_out(made, under=("basis", "interval"))


def _revenue(revenue: Row | None) -> Iterator[Row]:
    if revenue is None:
        return
    if revenue["status"] != "estimated":
        reason = f"{revenue['found']} findings by lot with an amount, {revenue['needed']} are needed"
        if revenue["code"] == "amounts_beyond_belief":
            reason = f"{counted(revenue['found'], 'item')} with an amount beyond belief"
        if revenue["code"] == "amounts_missing":
            reason = f"{counted(revenue['found'], 'violation')} with an amount, {revenue['needed']} are needed"
        yield {"measure": "Revenue gap", "value": "not estimated", "interval": "", "basis": reason}
        return
    found = point_text(revenue["found_usd"], "usd")
    yield {"measure": "Duty recovered, by any control", "value": found, "interval": "", "basis": "known"}
    yield _line("Revenue gap", revenue["gap_usd"], "usd")
    if revenue["gap_share"] is not None:
        yield _line("Revenue gap, of the duty declared", revenue["gap_share"], "share", 1)


def _line(measure: str, found: Row, kind: Kind, digits: int | None = None) -> Row:
    value = Estimate(found["value"], found["low_95"], found["high_95"])
    written = interval_text(value, kind, digits)
    return {
        "measure": measure,
        "value": point_text(value, kind, digits),
        "interval": written,
        "basis": "estimated from controls by lot",
    }


def _is_shown(row: Row) -> bool:
    known = row["lift"] is not None and row["high_95"] is not None
    return bool(known and row["controls"] >= _ENOUGH_CONTROLS and row["method"] != "random")


def _lifts(lifts: Sequence[Row]) -> Figure:
    rows = [{**row, "method": cause(row["method"]), "lift": estimate(row, "lift")} for row in lifts]
    rates = [Estimate(row["hit_rate"], row["hit_rate_low_95"], row["hit_rate_high_95"]) for row in lifts]
    made = table(
        "Lift over chance under full controls",
        [{**row, "hit_rate": rate} for row, rate in zip(rows, rates, strict=True)],
        method=("Selected by", "text"),
        controls=("Items controlled", "count"),
        violations=("Violations", "count"),
        hit_rate=("Hit rate", "share", decimals(max(rate.value for rate in rates))),
        lift=("Lift", "number", 1),
    )
    better = [row["method"] for row in rows if row["lift"].low > 1]
    told = f"surely better than chance: {', '.join(better)}." if better else "none is surely better than chance."
    return Figure(
        "How much more often than chance each method finds a violation",
        BarChart(
            tuple(Bar(row["method"], row["lift"]) for row in rows),
            Axis("Lift over chance", "number", 1),
            (Reference("Chance", 1.0),),
        ),
        made,
        f"Lift over chance by what had selected the goods; {told}",
        "Hit rate of full controls over the rate that controls by lot stand for. Lanes with a milder control are left "
        "out: a check of documents finds less, whoever chose the goods.",
    )
