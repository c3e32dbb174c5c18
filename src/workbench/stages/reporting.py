"""Report: what the run's numbers say, put as a page for a manager. Nothing is computed here that is not written there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from workbench.reports.figures import (
    Axis,
    Bar,
    BarChart,
    CalibrationBin,
    CalibrationChart,
    Curve,
    GainChart,
    LineChart,
    Reference,
    Series,
    StackedShareChart,
)
from workbench.reports.html import write_report
from workbench.reports.numbers import Estimate
from workbench.reports.page import Column, Definition, Fact, Figure, KeyFigure, Page, Section, Table
from workbench.scorer.schema import Lane
from workbench.stages.folder import FINAL, MEASURED, RunFolder

Row = Mapping[str, Any]

_SHARE = 0.05
"""The share of declarations controlled at which the page's first screen speaks."""

_REASON_ROWS = 12
_SLICE_ROWS = 12
_SLICE_NAMES = {"office_id": "office", "hs2": "HS chapter", "origin_country_code": "country of origin"}


def report(run: RunFolder) -> Page:
    """Build the page of a run that has decided, and write ``report.html`` and ``report.json``."""
    page = build(run)
    write_report(page, run.path)
    return page


def build(run: RunFolder) -> Page:
    """Build the page from what the stages wrote."""
    metrics, data = run.read_json("metrics"), run.read_json("data")
    training, selection = run.read_json("training"), run.read_json("selection")
    programme = run.pipeline.programme
    judged = data["parts"]["judge"]
    sections = [
        _ranking(metrics),
        _comparison(metrics),
        _repeats(metrics),
        _calibration(metrics),
        *_history(metrics["history"]),
        _slices(metrics["slices"]),
        _reasons(run.read("reasons")),
        _decisions(selection),
        _criteria(selection),
        _data(data, run.read("findings")),
    ]
    return Page(
        title=programme.title,
        subtitle=f"Judged on {_day(judged['first'])} to {_day(judged['last'])}; trained on what was known before",
        question=programme.question,
        answer=_answer(metrics),
        key_figures=tuple(_key_figures(metrics)),
        sections=tuple(section for section in sections if section is not None),
        next_steps=tuple(_next_steps(metrics, data, selection)),
        facts=tuple(_facts(run, data, training)),
        definitions=_DEFINITIONS,
    )


def _at(metrics: Row, metric: str, share: float = _SHARE) -> Row:
    return next(row for row in metrics["metrics_at"] if row["metric"] == metric and row["share"] == share)


def _estimate(row: Row, value: str = "value") -> Estimate | None:
    if row[value] is None:
        return None
    low, high = row["low_95"], row["high_95"]
    # A bootstrap interval of a metric at its bound may miss the point by a rounding error.
    return Estimate(row[value], min(low, row[value]), max(high, row[value]))


def _answer(metrics: Row) -> str:
    precision, recall = _at(metrics, "precision"), _at(metrics, "recall")
    return (
        f"Controlling the {_percent(_SHARE)} that the model ranks highest would have found {_percent(recall['value'])} of "
        f"the known violations, {_percent(precision['value'])} of those controls with a finding. Controls by chance among "
        f"the same goods find {_percent(metrics['ranking']['base_rate'])}."
    )


def _percent(value: float) -> str:
    return f"{100 * value:.3g}\u00a0%"


def _key_figures(metrics: Row) -> Iterable[KeyFigure]:
    precision, recall, lift = (_at(metrics, name) for name in ("precision", "recall", "lift"))
    base = metrics["ranking"]["base_rate"]
    good = precision["low_95"] > base
    yield KeyFigure(
        "Hit rate at 5 %", _estimate(precision), "share", 1, f"by chance {_percent(base)}", "good" if good else "bad"
    )
    yield KeyFigure("Violations found at 5 %", _estimate(recall), "share", 1, f"at best {_percent(recall['upper_bound'])}")
    yield KeyFigure("Lift over chance", _estimate(lift), "number", 1, "1 is no better than chance")
    arm = metrics["history"]["random_arm"]
    if arm is not None and arm["status"] == "estimated":
        yield KeyFigure(
            "Undetected violations", _interval(arm["undetected_violations"]), "count", 0, "estimated from the random arm",
            "attention",
        )
    else:
        best = metrics["ranking"]["average_precision"]
        yield KeyFigure("Average precision", _interval(best), "number", 3, f"by chance {base:.3g}")


def _interval(found: Row) -> Estimate:
    return Estimate(found["value"], found["low_95"], found["high_95"])


def _columns(*columns: tuple[str, str, str] | tuple[str, str, str, int]) -> tuple[Column, ...]:
    return tuple(Column(*column) for column in columns)  # type: ignore[arg-type]


def _ranking(metrics: Row) -> Section:
    shares = sorted({row["share"] for row in metrics["metrics_at"]})
    precision = [_estimate(_at(metrics, "precision", share)) for share in shares]
    recall = [_estimate(_at(metrics, "recall", share)) for share in shares]
    revenue = [_estimate(_at(metrics, "revenue", share)) for share in shares]
    normal = [_at(metrics, "precision", share)["normalised"] for share in shares]
    counts = [_at(metrics, "precision", share)["selected"] for share in shares]
    columns = [("share", "Share controlled", "share", 0), ("selected", "Controls", "count"),
               ("precision", "Hit rate", "share", 1), ("normalised", "Of the best possible", "share", 0),
               ("recall", "Violations found", "share", 1)]
    rows = [list(row) for row in zip(shares, counts, precision, normal, recall, strict=True)]
    if any(value is not None for value in revenue):
        columns.append(("revenue", "Duty found", "share", 1))
        rows = [[*row, value] for row, value in zip(rows, revenue, strict=True)]
    base = metrics["ranking"]["base_rate"]
    chart = LineChart(
        tuple(shares), Axis("Share of declarations controlled", "share", 0), Axis("Hit rate", "share", 0),
        (Series("Model", tuple(precision)),), (Reference("By chance", base),),
    )
    hit = Figure(
        "The higher the model ranks a declaration, the more often a control finds something",
        chart,
        Table("Hit rate and violations found by share controlled", _columns(*columns), tuple(map(tuple, rows))),
        f"Hit rate falls from {_percent(precision[0].value if precision[0] else 0)} at {_percent(shares[0])} controlled to "
        f"{_percent(precision[-1].value if precision[-1] else 0)} at {_percent(shares[-1])}.",
        "Only goods whose control has a recorded result count; intervals resample whole declarations.",
    )
    return Section("What the model would find", (_coverage(metrics),), (hit, _gain(metrics)))


def _coverage(metrics: Row) -> str:
    ranking = metrics["ranking"]
    return (
        f"Of {ranking['rows']:,} declaration items in the judged period {ranking['labelled']:,} have a recorded control result, "
        f"with {ranking['violations']:,} violations. What is said here is known for controlled goods only."
    )


def _gain(metrics: Row) -> Figure:
    gain, top = metrics["gain"], metrics["violations_in_top"]
    curve = Curve("Model", tuple(row["share"] for row in gain), tuple(row["violation_share"] for row in gain))
    chart = GainChart((curve,), Axis("Share controlled", "share", 0), Axis("Share of violations found", "share", 0), (0.1, 0.2, 0.3))
    rows = tuple((row["share"], row["violation_share"]) for row in top)
    return Figure(
        "Most violations lie in the highest scores",
        chart,
        Table("Violations in the highest scores", _columns(("share", "Highest scores", "share", 0),
              ("found", "Violations found", "share", 1)), rows),
        f"The highest 10 % of scores hold {_percent(top[0]['violation_share'])} of the violations.",
        "Grigoriou (2019) reports 80 % of violations in the top 30 % of scores as good practice.",
    )


def _comparison(metrics: Row) -> Section:
    rows = metrics["baselines"]
    bars = tuple(Bar(row["method"], row["precision_at_5pct"]) for row in rows)
    table = Table(
        "The model beside simpler means, on the same rows",
        _columns(("method", "Method", "text"), ("p1", "Hit rate at 1 %", "share", 1), ("p5", "at 5 %", "share", 1),
                 ("p10", "at 10 %", "share", 1), ("r10", "Found at 10 %", "share", 1), ("ap", "Average precision", "number", 3),
                 ("auc", "AUC", "number", 3)),
        tuple((row["method"], row["precision_at_1pct"], row["precision_at_5pct"], row["precision_at_10pct"],
               row["recall_at_10pct"], row["average_precision"], row["auc"]) for row in rows),
    )
    best = max((row for row in rows if row["method"] != "model"), key=lambda row: row["precision_at_5pct"])
    figure = Figure(
        "Hit rate at 5 % controlled, by method",
        BarChart(bars, Axis("Hit rate", "share", 1), highlight=("model",)),
        table,
        f"The best simpler means, {best['method']}, reaches {_percent(best['precision_at_5pct'])}.",
    )
    return Section("Is a model needed?", ("If a simpler means does as well, prefer it: it is easier to explain.",), (figure,))


def _repeats(metrics: Row) -> Section:
    rows = metrics["repeats"]
    table = Table(
        "Ranking of repeated and of new consignments",
        _columns(("kind", "Consignment", "text"), ("labelled", "With a result", "count"), ("violations", "Violations", "count"),
                 ("auc", "AUC", "number", 3), ("ap", "Average precision", "number", 3)),
        tuple((name, row["labelled"], row["violations"], row["auc"], row["average_precision"]) for name, row in rows.items()),
    )
    text = (
        "A consignment counts as seen before when the same goods, origin, departure, value and mass were lodged in the learning "
        "period. A model that only remembers does well on those and no better than chance (AUC 0.5) on new ones."
    )
    return Section("Does it remember or does it judge?", (text,), (table,))


def _calibration(metrics: Row) -> Section:
    rows = metrics["calibration"]
    bins = tuple(
        CalibrationBin(row["mean_score"], Estimate(row["observed_rate"], row["low_95"], row["high_95"]), row["labelled"])
        for row in rows
    )
    table = Table(
        "Predicted and observed rates in ten groups of equal size",
        _columns(("predicted", "Predicted", "share", 2), ("observed", "Observed", "share", 2), ("labelled", "Items", "count")),
        tuple((bin_.predicted, bin_.observed, bin_.count) for bin_ in bins),
    )
    error = metrics["expected_calibration_error"]
    figure = Figure(
        "Predicted against observed rate of violations",
        CalibrationChart(bins, Axis("Predicted", "share", 1), Axis("Observed", "share", 1)),
        table,
        f"On average predicted and observed rates differ by {_percent(error)}.",
    )
    return Section("Can the probabilities be believed?", (), (figure,))


def _history(history: Row) -> Iterable[Section]:
    if not history["methods"]:
        return
    yield Section("What past controls found", _random_arm(history["random_arm"]), (_lanes(history["months"]), _methods(history["methods"])))


def _random_arm(arm: Row | None) -> tuple[str, ...]:
    if arm is None or arm["status"] != "estimated":
        advice = "" if arm is None else f" {arm['advice']}"
        return (f"What went undetected cannot be estimated: too few controls were drawn by lot.{advice}",)
    rate = arm["prevalence"]
    return (
        f"Controls drawn by lot found violations in {_percent(rate['value'])} of cases ({_percent(rate['low_95'])} to "
        f"{_percent(rate['high_95'])}; {arm['violations']} of {arm['controls']:,}). It is the only unbiased view of goods that "
        "nothing else had selected.",
    )


def _lanes(months: Sequence[Row]) -> Figure:
    periods = sorted({row["month"] for row in months})
    counts = {(row["month"], row["lane"]): row["declarations"] for row in months}
    used = [str(lane) for lane in Lane if any((period, str(lane)) in counts for period in periods)]
    total = {period: sum(counts.get((period, lane), 0) for lane in used) for period in periods}
    shares = {lane: tuple(counts.get((period, lane), 0) / total[period] for period in periods) for lane in used}
    columns = [("month", "Month", "date"), *((lane, lane.capitalize(), "share", 1) for lane in used)]
    return Figure(
        "Lanes given, month by month",
        StackedShareChart(tuple(periods), tuple(Series(lane, shares[lane]) for lane in used), Axis("Month", "date"),
                          Axis("Share of declarations", "share", 0)),
        Table("Share of each lane by month", _columns(*columns),
              tuple((period, *(shares[lane][at] for lane in used)) for at, period in enumerate(periods))),
        "Share of each lane in every month.",
    )


def _methods(methods: Sequence[Row]) -> Figure:
    rows = [(row["method"], row["controls"], row["violations"], _estimate(row, "hit_rate"), row["recovered_duty_usd_per_control"])
            for row in methods if row["controls"]]
    return Figure(
        "Hit rate by what had selected the goods",
        BarChart(tuple(Bar(row[0], row[3]) for row in rows), Axis("Hit rate", "share", 2)),
        Table("Past controls by method", _columns(("method", "Method", "text"), ("controls", "Controls", "count"),
              ("violations", "Violations", "count"), ("rate", "Hit rate", "share", 2),
              ("duty", "Duty recovered a control", "usd", 1)), tuple(rows)),
        "Hit rates of past controls by method, with 95 % intervals.",
    )


def _slices(slices: Mapping[str, Sequence[Row]]) -> Section:
    blocks = tuple(_slice_table(name, rows) for name, rows in slices.items() if rows)
    text = (
        "Where the highest 5 % of scores fall, and what they would find there. A group selected far more often than others "
        "without a higher hit rate deserves a look before it is controlled more."
    )
    return Section("Where it works", (text,), blocks)


def _slice_table(name: str, rows: Sequence[Row]) -> Table:
    named = _SLICE_NAMES.get(name, name)
    shown = sorted(rows, key=lambda row: -row["labelled"])[:_SLICE_ROWS]
    return Table(
        f"By {named}",
        _columns(("group", named.capitalize() if named[:2] != "HS" else named, "text"), ("labelled", "With a result", "count"),
                 ("base", "Violations", "share", 2), ("selected", "Selected", "share", 1), ("hit", "Hit rate", "share", 1)),
        tuple((row["group"], row["labelled"], row["base_rate"], row["selection_rate"], _slice_hit(row)) for row in shown),
    )


def _slice_hit(row: Row) -> Estimate | None:
    return _estimate(row, "hit_rate") if row["hit_rate"] is not None and row["low_95"] is not None else None


def _reasons(reasons: pl.DataFrame) -> Section | None:
    if reasons.is_empty():
        return None
    first = reasons.filter(pl.col("rank") == 1).unique("sentence", maintain_order=True).head(_REASON_ROWS)
    table = Table(
        "The strongest reason of the declarations that rank highest",
        _columns(("declaration", "Declaration", "text"), ("item", "Item", "count"), ("sentence", "Reason", "text"),
                 ("weight", "Weight (log odds)", "number", 2)),
        tuple(first.select("declaration_id", "item_no", "sentence", "contribution").rows()),
    )
    text = "Each decision carries up to three sentences of this kind for the officer; one example of each is shown."
    return Section("Why declarations are selected", (text,), (table,))


def _decisions(selection: Row) -> Section:
    table = Table(
        "Decisions by lane and cause",
        _columns(("lane", "Lane", "text"), ("cause", "Cause", "text"), ("rows", "Items", "count"), ("share", "Share", "share", 2),
                 ("score", "Mean score", "number", 4)),
        tuple((row["lane"], row["cause"], row["rows"], row["share"], row["mean_score"]) for row in selection["by_lane"]),
    )
    return Section("What was decided", (f"{selection['rows']:,} declaration items were given a lane.",), (table,))


def _criteria(selection: Row) -> Section | None:
    if not selection["criteria"]:
        return None
    table = Table(
        "Criteria in force",
        _columns(("id", "Criterion", "text"), ("title", "What it looks for", "text"), ("lane", "Lane", "text"),
                 ("hits", "Hits", "count"), ("unknown", "Not evaluable", "count"), ("decided", "Gave the lane", "count")),
        tuple((row["id"], row["title"], row["lane"], row["hits"], row["not_evaluable"], row["decided"])
              for row in selection["criteria"]),
    )
    text = "A criterion is not evaluable for a declaration that lacks a value it reads: it is neither a hit nor a clean bill."
    return Section("Criteria", (text,), (table,))


def _data(data: Row, findings: pl.DataFrame) -> Section:
    parts = Table(
        "What was read",
        _columns(("part", "Part", "text"), ("items", "Items", "count"), ("labelled", "With a result", "count"),
                 ("violations", "Violations", "count"), ("first", "From", "date"), ("last", "To", "date")),
        tuple((_PARTS[name], row["declarations"], row["labelled"], row["violations"], _day(row["first"]), _day(row["last"]))
              for name, row in data["parts"].items()),
    )
    found = Table(
        "Findings",
        _columns(("code", "Finding", "text"), ("severity", "Severity", "text"), ("rows", "Rows", "count"),
                 ("expected", "Expected", "text")),
        tuple(findings.group_by("code", "severity", "expected").agg(pl.col("rows").sum())
              .sort("severity", "rows", descending=[False, True]).select("code", "severity", "rows", "expected").rows()),
    )
    quarantined = sum(data["quarantined"].values())
    text = f"{quarantined:,} rows could not be read; each still has a decision, for a look at its documents."
    return Section("Data", (text,), (parts, found) if found.rows else (parts,))


_PARTS = {"learn": "learnt from", "judge": "judged on", "decide": "decided"}


def _next_steps(metrics: Row, data: Row, selection: Row) -> Iterable[str]:
    precision, base = _at(metrics, "precision"), metrics["ranking"]["base_rate"]
    best = max(row["average_precision"] for row in metrics["baselines"] if row["method"] != "model")
    if precision["low_95"] <= base:
        yield "Do not promote the model: at 5 % controlled it is not surely better than chance. Get more labelled controls."
    elif metrics["average_precision"] <= best:
        yield "Compare again before promoting: a simpler means ranks as well on this period."
    else:
        yield "Promote the challenger if its slices are acceptable: it ranks better than every simpler means tried."
    new = metrics["repeats"]["first time"]["auc"]
    if new is not None and new < 0.7:
        yield f"Expect less on new consignments: there its AUC is {new:.2f}. Keep criteria and controls by lot beside it."
    arm = metrics["history"]["random_arm"]
    if arm is None or arm["status"] != "estimated":
        yield "Control at least one declaration in a hundred by lot: without it nobody knows what goes undetected."
    if (quarantined := sum(data["quarantined"].values())) > 0:
        yield f"Have the {quarantined:,} unreadable rows mended at their source; they are listed in data/quarantine.parquet."
    unknown = [row for row in selection["criteria"] if row["not_evaluable"] > 0.2 * selection["rows"]]
    for row in unknown:
        yield f"Look at criterion {row['id']}: it could not be evaluated for {_percent(row['not_evaluable'] / selection['rows'])}."


def _facts(run: RunFolder, data: Row, training: Row) -> Iterable[Fact]:
    measured, final = training[MEASURED], training[FINAL]
    yield Fact("Data fingerprint", data["fingerprint"])
    yield Fact("Pipeline fingerprint", run.pipeline.fingerprint)
    yield Fact("Measured model", f"known until {_day(measured['as_of'])}, {measured['labelled_items']:,} results, {measured['rounds']} trees")
    yield Fact("Deciding model", f"known until {_day(final['as_of'])}, {final['labelled_items']:,} results, {final['rounds']} trees")
    yield Fact("Seed", str(run.pipeline.model.seed))


def _day(moment: str) -> str:
    return str(moment)[:10]


_DEFINITIONS = (
    Definition("Hit rate at 5 %", "Violations found / controls done among the 5 % highest scores (precision at 5 %). Larger is better."),
    Definition("Violations found at 5 %", "Share of all known violations that lie in the 5 % highest scores (recall at 5 %)."),
    Definition("Lift over chance", "Hit rate at 5 % divided by the hit rate of all goods with a recorded result."),
    Definition("Undetected violations", "Rate of violations among goods controlled by lot, times the goods that nobody controlled."),
    Definition("Average precision", "Mean of the hit rates at each violation found, in order of score. Larger is better."),
    Definition("AUC", "Probability that a violation ranks above a clean item; 0.5 is chance, 1 is perfect."),
    Definition("Interval", "95 % interval: bootstrap over declarations for rankings, Wilson for rates."),
)
