"""What the model would find: the answer, the key figures, hit rate by share controlled, cumulative gain."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.reports.figures import Axis, Curve, GainChart, LineChart, Reference, Series
from workbench.reports.numbers import Estimate
from workbench.reports.page import Figure, KeyFigure, Section, Tone
from workbench.reports.sections import verdict
from workbench.reports.sections.cells import SHARE, Row, Spec, at, counted, decimals, estimate, percent, period, table
from workbench.reports.sections.chance import rate_by_lot


def answer(metrics: Row) -> str:
    """Return the report's answer: what the model would have found, what today's controls found, and the caveats."""
    return " ".join([*_found(metrics), _todays_controls(metrics), *verdict.caveats(metrics)])


def _found(metrics: Row) -> Iterable[str]:
    precision, recall = at(metrics, "precision")["value"], at(metrics, "recall")["value"]
    if precision is not None:
        yield (
            f"Controlling the {percent(SHARE)} that the model ranks highest would have found {percent(recall)} of the "
            f"known violations, with a finding in {percent(precision)} of the controls."
        )


def _todays_controls(metrics: Row) -> str:
    found = f"Today's controls found a violation in {percent(metrics['ranking']['base_rate'])} of those goods"
    rate = rate_by_lot(metrics["history"])
    if rate is None:
        return f"{found}."
    goods = metrics["history"]["random_arm"]["speaks_for"]
    return f"{found}; controls by lot (over all the time read) stand for {percent(rate)} of {goods}."


def key_figures(metrics: Row, read: Row) -> Iterable[KeyFigure]:
    """Return the four numbers of the first screen; `read` says of which period."""
    precision, recall, lift = (at(metrics, name) for name in ("precision", "recall", "lift"))
    base, hit_rate = metrics["ranking"]["base_rate"], estimate(precision)
    note = f"all controls of the period: {percent(base)}"
    yield KeyFigure("Hit rate at 5 %", hit_rate, "share", decimals(base), note, _tone(hit_rate, base))
    best = f"no ranking could exceed {percent(recall['upper_bound'])}"
    yield KeyFigure("Violations found at 5 %", estimate(recall), "share", 1, best)
    yield KeyFigure("Lift", estimate(lift), "number", 1, "1: no better than all controls of the period")
    yield _undetected(metrics["history"]["random_arm"], read["parts"]) or _average_precision(metrics)


def _tone(found: Estimate | None, reference: float) -> Tone:
    if found is None:
        return "neutral"
    if found.low <= reference <= found.high:
        return "attention"
    return "good" if found.low > reference else "bad"


def _undetected(arm: Row | None, parts: Row) -> KeyFigure | None:
    if arm is None or arm["status"] != "estimated":
        return None
    past = [part for name, part in parts.items() if name != "decide"]
    days = period(min(part["first"] for part in past), max(part["last"] for part in past))
    drawn = arm["arm"]
    violations = counted(drawn["violations"], "violation")
    note = (
        f"of {arm['goods']:,} items, {days}; {violations} in {drawn['items']:,} controlled by lot, "
        f"{arm['found']:,} found by all controls"
    )
    return KeyFigure("Undetected violations", _interval(arm["undetected"]), "count", 0, note, "attention")


def _average_precision(metrics: Row) -> KeyFigure:
    found = _interval(metrics["ranking"]["average_precision"])
    return KeyFigure("Average precision", found, "number", 3, f"in random order {metrics['ranking']['base_rate']:.3g}")


def _interval(found: Row) -> Estimate:
    return Estimate(found["value"], found["low_95"], found["high_95"])


def ranking(metrics: Row) -> Section:
    """Return the section on what controls in the order of the score would find."""
    ranked = metrics["ranking"]
    text = (
        f"Of {ranked['rows']:,} declaration items in the judged period {ranked['labelled']:,} have a recorded control "
        f"result, with {ranked['violations']:,} violations. What is said here is known for controlled goods only."
    )
    return Section("What the model would find", (text,), (_hit_rate(metrics), _gain(metrics)))


def _hit_rate(metrics: Row) -> Figure:
    base = metrics["ranking"]["base_rate"]
    rows = [_at_share(metrics, share) for share in sorted({row["share"] for row in metrics["metrics_at"]})]
    digits = decimals(base)
    columns: dict[str, Spec] = {
        "share": ("Share controlled", "share", 0),
        "selected": ("Controls", "count"),
        "precision": ("Hit rate", "share", digits),
        "normalised": ("Of the best possible", "share", 0),
        "recall": ("Violations found", "share", 1),
    }
    if any(row["revenue"] is not None for row in rows):
        columns["revenue"] = ("Duty found", "share", 1)
    chart = LineChart(
        tuple(row["share"] for row in rows),
        Axis("Share of declarations controlled", "share", 0),
        Axis("Hit rate", "share", digits),
        (Series("Model", tuple(row["precision"] for row in rows)),),
        (Reference("All controls", base),),
    )
    known = [row for row in rows if row["precision"] is not None]
    falls = len(known) > 1 and known[0]["precision"].low > max(base, known[-1]["precision"].value)
    return Figure(
        "The higher the model ranks goods, the more often a control finds something"
        if falls
        else "Hit rate by share controlled",
        chart,
        table("Hit rate and violations found by share controlled", rows, **columns),
        "; ".join(
            f"hit rate {percent(row['precision'].value)} at {percent(row['share'])} controlled" for row in known
        ).capitalize()
        + ".",
        "Only goods whose control has a recorded result count; intervals resample whole declarations.",
    )


def _at_share(metrics: Row, share: float) -> Row:
    precision = at(metrics, "precision", share)
    return {
        "share": share,
        "selected": precision["selected"],
        "precision": estimate(precision),
        "normalised": precision["normalised"],
        "recall": estimate(at(metrics, "recall", share)),
        "revenue": estimate(at(metrics, "revenue", share)),
    }


def _gain(metrics: Row) -> Figure:
    gain, top = metrics["gain"], metrics["violations_in_top"]
    curve = Curve("Model", tuple(row["share"] for row in gain), tuple(row["violation_share"] for row in gain))
    axes = Axis("Share controlled", "share", 0), Axis("Share of violations found", "share", 0)
    highest: dict[str, Spec] = {
        "share": ("Highest scores", "share", 0),
        "violation_share": ("Violations found", "share", 1),
    }
    return Figure(
        "Most violations lie in the highest scores"
        if top[-1]["violation_share"] > 0.5
        else "Violations by share controlled",
        GainChart((curve,), *axes, tuple(row["share"] for row in top)),
        table("Violations in the highest scores", top, **highest),
        f"The highest 10 % of scores hold {percent(top[0]['violation_share'])} of the violations.",
    )
