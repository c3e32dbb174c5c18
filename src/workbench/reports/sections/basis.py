"""What the report stands on and what follows from it: data, next steps, facts, definitions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workbench.reports.page import Definition, Fact, Section
from workbench.reports.sections.cells import Row, at, day, percent, table

_PARTS = {"learn": "learnt from", "judge": "judged on", "decide": "decided"}
_NEW_IS_WEAK = 0.7
_OFTEN_NOT_EVALUABLE = 0.2


def data(read: Row, findings: Sequence[Row]) -> Section:
    """Return the section on what was read and what was found wrong with it."""
    parts = [
        {**row, "part": _PARTS[name], "first": day(row["first"]), "last": day(row["last"])}
        for name, row in read["parts"].items()
    ]
    blocks = [
        table(
            "What was read",
            parts,
            part=("Part", "text"),
            declarations=("Items", "count"),
            labelled=("With a result", "count"),
            violations=("Violations", "count"),
            first=("From", "date"),
            last=("To", "date"),
        )
    ]
    if findings:
        blocks.append(
            table(
                "Findings",
                findings,
                code=("Finding", "text"),
                severity=("Severity", "text"),
                rows=("Rows", "count"),
                expected=("Expected", "text"),
            )
        )
    quarantined = sum(read["quarantined"].values())
    text = f"{quarantined:,} rows could not be read; each still has a decision, for a look at its documents."
    return Section("Data", (text,), tuple(blocks))


def next_steps(metrics: Row, read: Row, selection: Row) -> Iterable[str]:
    """Return what to do, the most urgent first."""
    yield _promotion(metrics)
    new = metrics["repeats"]["first time"]["auc"]
    if new is not None and new < _NEW_IS_WEAK:
        yield f"Expect less on new consignments: their AUC is {new:.2f}. Keep criteria and controls by lot."
    arm = metrics["history"]["random_arm"]
    if arm is None or arm["status"] != "estimated":
        yield "Control at least one declaration in a hundred by lot: without it nobody knows what goes undetected."
    if quarantined := sum(read["quarantined"].values()):
        yield f"Have the {quarantined:,} unreadable rows mended at their source; data/quarantine.parquet lists them."
    for row in selection["criteria"]:
        share = row["not_evaluable"] / max(selection["rows"], 1)
        if share > _OFTEN_NOT_EVALUABLE:
            yield f"Look at criterion {row['id']}: it could not be evaluated for {percent(share)} of the items."


def _promotion(metrics: Row) -> str:
    precision, base = at(metrics, "precision"), metrics["ranking"]["base_rate"]
    best = max(row["average_precision"] for row in metrics["baselines"] if row["method"] != "model")
    if precision["low_95"] <= base:
        return "Do not promote the model: at 5 % controlled it may be no better than chance. Control and label more."
    if metrics["average_precision"] <= best:
        return "Compare again before promoting: a simpler means ranks as well on this period."
    return "Promote the challenger if its groups are acceptable: it ranks better than every simpler means tried."


def facts(read: Row, fingerprint: str, models: Iterable[tuple[str, Row]]) -> Iterable[Fact]:
    """Return where the figures come from; `models` are named by what they did."""
    yield Fact("Data fingerprint", read["fingerprint"])
    yield Fact("Pipeline fingerprint", fingerprint)
    for name, model in models:
        learnt = f"{model['labelled_items']:,} results, {model['violations']:,} violations, {model['rounds']} trees"
        yield Fact(name, f"known until {day(model['as_of'])}: {learnt}")


DEFINITIONS = tuple(
    Definition(term, meaning)
    for term, meaning in {
        "Hit rate at 5 %": "Violations found / controls done among the 5 % highest scores (precision at 5 %). "
        "Larger is better.",
        "Violations found at 5 %": "Share of all known violations that lie in the 5 % highest scores (recall at 5 %).",
        "Lift over chance": "Hit rate at 5 % divided by the hit rate of all goods with a recorded result.",
        "Undetected violations": "Rate of violations among goods controlled by lot, times the goods that nobody "
        "controlled. What was selected on purpose is riskier than the rest, so the figure errs upwards.",
        "Average precision": "Mean of the hit rates at each violation found, in order of score. Larger is better.",
        "AUC": "Probability that a violation ranks above a clean item; 0.5 is chance, 1 is perfect.",
        "Interval": "95 % interval: bootstrap over declarations for rankings, Wilson for rates.",
    }.items()
)
