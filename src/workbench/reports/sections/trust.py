"""Whether to trust the ranking: other methods beside it, new consignments, calibration, groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench.reports.figures import Axis, Bar, BarChart, CalibrationBin, CalibrationChart
from workbench.reports.numbers import MINUS, Estimate
from workbench.reports.page import Figure, Section, Table
from workbench.reports.sections.cells import Row, decimals, estimate, percent, table

_GROUPS_SHOWN = 12
_GROUPINGS = {"office_id": "Office", "hs2": "HS chapter", "origin_country_code": "Country of origin"}


def comparison(metrics: Row) -> Section:
    """Return the section that sets other methods beside the model."""
    rows = metrics["baselines"]
    digits = decimals(metrics["ranking"]["base_rate"])
    bars = tuple(Bar(row["method"], row["precision_at_5pct"]) for row in rows)
    figure = Figure(
        "Hit rate at 5 % controlled, by method",
        BarChart(bars, Axis("Hit rate", "share", digits), highlight=("model",)),
        table(
            "The model beside other methods, on the same rows",
            rows,
            method=("Method", "text"),
            precision_at_1pct=("Hit rate at 1 %", "share", digits),
            precision_at_5pct=("at 5 %", "share", digits),
            precision_at_10pct=("at 10 %", "share", digits),
            recall_at_10pct=("Found at 10 %", "share", 1),
            average_precision=("Average precision", "number", 3),
            auc=("AUC", "number", 3),
        ),
        "; ".join(f"{bar.label} {percent(bar.value)}" for bar in bars if isinstance(bar.value, float)) + ".",
    )
    return Section("Is a model needed?", (_difference(metrics["difference_to_best"]),), (figure,))


def _difference(found: Row) -> str:
    best = f"Of the other methods {found['method']} ranks best."
    if found["low_95"] is None:
        return best
    verdict = "so it ranks better" if found["low_95"] > 0 else "so it is not shown to rank better"
    return (
        f"{best} The model's average precision differs from its by {_signed(found['value'])} (95 % interval "
        f"{_signed(found['low_95'])} to {_signed(found['high_95'])}), {verdict}. Where a simpler method does as well, "
        "prefer it: it is easier to explain."
    )


def _signed(difference: float) -> str:
    return f"{difference:+.4f}".replace("-", MINUS)


def repeats(metrics: Row) -> Section:
    """Return the section that tells remembered consignments from new ones."""
    made = table(
        "Ranking of repeated and of new consignments",
        [{"consignment": name, **row} for name, row in metrics["repeats"].items()],
        consignment=("Consignment", "text"),
        labelled=("With a result", "count"),
        violations=("Violations", "count"),
        auc=("AUC", "number", 3),
        average_precision=("Average precision", "number", 3),
    )
    text = (
        "A consignment counts as seen before when the same goods, origin, departure, value and mass were lodged in the "
        "learning period. A model that only remembers does well on those and no better than a random order (AUC 0.5) "
        "on others."
    )
    if not metrics["repeats"]["seen before"]["labelled"]:
        text = "No consignment repeats an earlier one: what is said of the model holds for first-time goods."
    return Section("Does it remember or does it judge?", (text,), (made,))


def calibration(metrics: Row) -> Section:
    """Return the section on predicted against observed rates."""
    digits = decimals(metrics["ranking"]["base_rate"])
    rows = [
        {
            "predicted": row["mean_score"],
            "observed": Estimate(row["observed_rate"], row["low_95"], row["high_95"]),
            "items": row["labelled"],
        }
        for row in metrics["calibration"]
    ]
    bins = tuple(CalibrationBin(row["predicted"], row["observed"], row["items"]) for row in rows)
    figure = Figure(
        "Predicted against observed rate of violations",
        CalibrationChart(bins, Axis("Predicted", "share", digits), Axis("Observed", "share", digits)),
        table(
            "Predicted and observed rates in groups of equal size",
            rows,
            predicted=("Predicted", "share", digits),
            observed=("Observed", "share", digits),
            items=("Items", "count"),
        ),
        f"On average predicted and observed rates differ by {percent(metrics['expected_calibration_error'])}.",
    )
    return Section("Can the probabilities be believed?", (_believed(rows),), (figure,))


def _believed(rows: Sequence[Row]) -> str:
    missed = [row for row in rows if not row["observed"].low <= row["predicted"] <= row["observed"].high]
    count = (
        f"The prediction lies outside the 95 % interval of the observed rate in {len(missed)} of {len(rows)} groups."
    )
    top = rows[-1]
    numbers = f"{percent(top['predicted'])} predicted, {percent(top['observed'].value)} observed"
    if top not in missed:
        return f"{count} In the group of the highest scores it lies inside ({numbers})."
    direction = "high" if top["predicted"] > top["observed"].high else "low"
    return f"{count} In the group of the highest scores it is too {direction} ({numbers})."


def groups(slices: Mapping[str, Sequence[Row]]) -> Section:
    """Return the section on offices, chapters and origins."""
    text = (
        "Where the highest 5 % of scores fall, and what they would find there. A group selected far more often than "
        "others without a higher hit rate deserves a look before it is controlled more."
    )
    return Section("Where it works", (text,), tuple(_group_table(name, rows) for name, rows in slices.items() if rows))


def _group_table(name: str, rows: Sequence[Row]) -> Table:
    grouping = _GROUPINGS.get(name, name)
    largest = sorted(rows, key=lambda row: -row["labelled"])[:_GROUPS_SHOWN]
    return table(
        f"By {grouping if grouping.startswith('HS') else grouping.lower()}",
        [{**row, "hit_rate": estimate(row, "hit_rate")} for row in largest],
        group=(grouping, "text"),
        labelled=("With a result", "count"),
        base_rate=("Violations", "share", 2),
        selection_rate=("Selected", "share", 1),
        hit_rate=("Hit rate", "share", 1),
    )
