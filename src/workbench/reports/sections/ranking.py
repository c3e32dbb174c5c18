"""What the model would find: the answer, the key figures, hit rate by share controlled, cumulative gain."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.reports.figures import Axis, Curve, GainChart, LineChart, Reference, Series
from workbench.reports.numbers import Estimate
from workbench.reports.page import Figure, KeyFigure, Section, Tone
from workbench.reports.sections.cells import SHARE, Row, Spec, at, decimals, estimate, percent, table


def answer(metrics: Row) -> str:
    """Return the report's answer in three sentences at most."""
    precision, recall = at(metrics, "precision"), at(metrics, "recall")
    return (
        f"Controlling the {percent(SHARE)} that the model ranks highest would have found {percent(recall['value'])} of "
        f"the known violations, with a finding in {percent(precision['value'])} of the controls. Controls by chance "
        f"among the same goods find {percent(metrics['ranking']['base_rate'])}."
    )


def key_figures(metrics: Row) -> Iterable[KeyFigure]:
    """Return the four numbers of the first screen."""
    precision, recall, lift = (at(metrics, name) for name in ("precision", "recall", "lift"))
    base = metrics["ranking"]["base_rate"]
    tone: Tone = "good" if precision["low_95"] > base else "bad"
    yield KeyFigure("Hit rate at 5 %", estimate(precision), "share", 1, f"by chance {percent(base)}", tone)
    best = f"at best {percent(recall['upper_bound'])}"
    yield KeyFigure("Violations found at 5 %", estimate(recall), "share", 1, best)
    yield KeyFigure("Lift over chance", estimate(lift), "number", 1, "1 is no better than chance")
    yield _undetected(metrics["history"]["random_arm"]) or _average_precision(metrics)


def _undetected(arm: Row | None) -> KeyFigure | None:
    if arm is None or arm["status"] != "estimated":
        return None
    found = _interval(arm["undetected_violations"])
    return KeyFigure("Undetected violations", found, "count", 0, "estimated from the random arm", "attention")


def _average_precision(metrics: Row) -> KeyFigure:
    found = _interval(metrics["ranking"]["average_precision"])
    return KeyFigure("Average precision", found, "number", 3, f"by chance {metrics['ranking']['base_rate']:.3g}")


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
        (Reference("By chance", base),),
    )
    falls = rows[0]["precision"].low > base and rows[0]["precision"].value > rows[-1]["precision"].value
    return Figure(
        "The higher the model ranks goods, the more often a control finds something"
        if falls
        else "Hit rate by share controlled",
        chart,
        table("Hit rate and violations found by share controlled", rows, **columns),
        f"Hit rate {percent(rows[0]['precision'].value)} at {percent(rows[0]['share'])} controlled and "
        f"{percent(rows[-1]['precision'].value)} at {percent(rows[-1]['share'])}.",
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
        "Grigoriou (2019) reports 80 % of violations in the top 30 % of scores.",
    )
