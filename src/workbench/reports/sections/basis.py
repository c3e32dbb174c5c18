"""What the report stands on and what follows from it: data, next steps, facts, definitions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from workbench.reports.page import Definition, Fact, Section
from workbench.reports.sections import past, verdict
from workbench.reports.sections.cells import Row, day, percent, table
from workbench.reports.sections.chance import rate_by_lot

_PARTS = {"learn": "learnt from", "judge": "judged on", "decide": "decided"}
_NAMED = 5
_OFTEN_NOT_EVALUABLE = 0.2


def data(read: Row, findings: Sequence[Row]) -> Section:
    """Return the section on what was read and what was found wrong with it."""
    parts = [
        {**row, "part": _PARTS[name], "first": str(row["first"])[:10], "last": str(row["last"])[:10]}
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
    text = "Every row could be read."
    if quarantined:
        text = f"{quarantined:,} rows could not be read; each still has a decision, for a look at its documents."
    return Section("Data", (text,), tuple(blocks))


def next_steps(metrics: Row, read: Row, selection: Row, random_share: float) -> Iterable[str]:
    """Return what to do, the most urgent first; `random_share` is what the policy draws by lot."""
    yield verdict.first_step(metrics)
    new = verdict.weak_on_first_time(metrics)
    if new is not None and verdict.repeated_share(metrics):
        yield f"Expect less on new consignments: their AUC is {new:.2f}. Keep criteria and controls by lot."
    yield from _random_arm(metrics["history"]["random_arm"], random_share)
    yield from _weak_criteria(metrics["history"])
    if quarantined := sum(read["quarantined"].values()):
        yield f"Have the {quarantined:,} unreadable rows mended at their source; data/quarantine.parquet lists them."
    for row in selection["criteria"]:
        share = row["not_evaluable"] / max(selection["rows"], 1)
        if share > _OFTEN_NOT_EVALUABLE:
            yield f"Look at criterion {row['id']}: it could not be evaluated for {percent(share)} of the items."


def _random_arm(arm: Row | None, random_share: float) -> Iterator[str]:
    if arm is not None and arm["status"] == "estimated":
        return
    if not random_share:
        yield "Control at least one declaration in a hundred by lot: without it nobody knows what goes undetected."
    elif arm is not None and arm["code"] == "results_missing":
        yield f"Have the results of controls by lot recorded: {arm['found']:,} are, {arm['needed']:,} are needed."
    elif arm is None or not arm["found"]:
        yield "The past has no controls by lot; record the results of those drawn now."
    else:
        yield (
            f"The past has only {arm['found']} controls by lot with a result, {arm['needed']} are needed; record the "
            "results of those drawn now."
        )


def _weak_criteria(history: Row) -> Iterator[str]:
    if weak := past.below_lot(history):
        names = ", ".join(weak[:_NAMED]) + (f" and {len(weak) - _NAMED} more" if len(weak) > _NAMED else "")
        rate = percent(rate_by_lot(history) or 0.0)
        yield f"Ask whether these criteria earn their controls; they find less than controls by lot ({rate}): {names}."


def facts(read: Row, run: str, version: str, fingerprint: str, models: Iterable[tuple[str, Row]]) -> Iterable[Fact]:
    """Return where the figures come from: name of the run, version of the workbench, fingerprints, `models` by role."""
    yield Fact("Run", run)
    yield Fact("Data up to", day(max(part["last"] for part in read["parts"].values())))
    yield Fact("Made by", f"selectivity workbench {version}")
    yield Fact("Data fingerprint", read["fingerprint"])
    yield Fact("Pipeline fingerprint", fingerprint)
    for name, model in models:
        learnt = f"{model['labelled_items']:,} results, {model['violations']:,} violations, {model['rounds']} trees"
        yield Fact(name, f"results known until {day(model['as_of'])}: {learnt}")


DEFINITIONS = tuple(
    Definition(term, meaning)
    for term, meaning in {
        "Hit rate at 5 %": "Violations found / controls done among the 5 % highest scores (precision at 5 %). "
        "Larger is better.",
        "Violations found at 5 %": "Share of all known violations that lie in the 5 % highest scores (recall at 5 %).",
        "Lift": "Hit rate at 5 % divided by the hit rate of all controls of the period. Larger is better.",
        "All controls of the period": "Violations / goods with a recorded result in the judged period, whatever had "
        "selected them. Controls by lot are a part of them, the only one that speaks for goods nothing had selected.",
        "Undetected violations": "What full controls of all goods would find, estimated from controls by lot office by "
        "office and regime by regime, less what controls of any kind did find.",
        "Revenue gap": "The same in duty: what full controls of all goods would recover, less what was recovered.",
        "Lift over chance": "Hit rate of full controls / the violation rate that controls by lot stand for. 1 is no "
        "better than chance; larger is better.",
        "Average precision": "Mean of the hit rates at each violation found, in order of score. Larger is better.",
        "Highest scores": "Share of the violations that lie in the 10, 20 and 30 % highest scores; Grigoriou (2019) "
        "reports 80 % in the top 30 %.",
        "AUC": "Probability that a violation ranks above a clean item; 0.5 is a random order, 1 is perfect.",
        "Interval": "95 % interval: bootstrap over declarations for rankings, Wilson for rates and for hit rates of 0 "
        "or 100 %; for estimates from controls by lot by the number of findings drawn and how unlike they are. "
        "Methods are compared on the same resampled declarations.",
    }.items()
)
