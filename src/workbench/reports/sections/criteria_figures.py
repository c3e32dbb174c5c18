"""Figures of a back-test: criteria beside model and chance, gain in the best order, overlap, months, lanes given."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from workbench.criteria.backtest.versus import ALL_KNOWN, EVERY_ITEM, LONGER_ARM, RANDOM_ARM, UNKNOWN
from workbench.reports.figures import Axis, Bar, BarChart, HeatMap, LineChart, Reference, Series
from workbench.reports.numbers import Estimate
from workbench.reports.page import Figure
from workbench.reports.sections.cells import Row, Spec, counted, decimals, estimate, percent, table
from workbench.reports.sections.criteria_words import chance, number, number_of_criteria, versus_set

_METHODS = {"criteria": "Criteria", "model": "Model", "chance": "By lot"}
BASES = {
    EVERY_ITEM: "the results of all items",
    RANDOM_ARM: "controls by lot",
    LONGER_ARM: "controls by lot over all the time read",
    ALL_KNOWN: "all controls, which lean towards what was suspected",
    UNKNOWN: "nothing",
}
"""What the rate by lot rests on, in words."""

_LINES, _GRID, _PAIRS = 6, 12, 15
_MOST = 0.9


def versus(found: Row) -> Figure | None:
    """Return criteria, model and chance at the same number of controls; ``None`` where there is nothing to compare."""
    rows = [{**row, "method": _METHODS[name]} for name, row in versus_set(found).items()]
    if len(rows) < 2:
        return None
    rows = [{**row, "hit_rate": estimate(row, "hit_rate_of_controlled")} for row in rows]
    digits = decimals(max(row["hit_rate_of_controlled"] or 0.0 for row in rows))
    columns: dict[str, Spec] = {
        "method": ("Chosen by", "text"),
        "controls": ("Controls with a result", "count"),
        "known_violations": ("Violations", "number", 1),
        "hit_rate": ("Hit rate", "share", digits),
        "known_recovered_duty_usd": ("Duty recovered", "usd"),
    }
    if all(row["known_recovered_duty_usd"] is None for row in rows):
        del columns["known_recovered_duty_usd"]
    bars = tuple(Bar(row["method"], row["hit_rate"]) for row in rows)
    told = "; ".join(f"{row['method'].lower()} {_violations(row)}" for row in rows)
    return Figure(
        "The same number of controls, chosen by criteria, by the model and by lot",
        BarChart(bars, Axis("Hit rate", "share", digits), order="given", highlight=("Criteria",)),
        table("The same number of controls given to each", rows, **columns),
        f"{told.capitalize()}.",
        f"{counted(rows[0]['controls'], 'control')} each, among goods with a recorded result. The rate by lot is known "
        f"from {BASES[found['chance_basis']]}.",
    )


def _violations(row: Row) -> str:
    told = number(row["known_violations"])
    return f"{told} violation" if told == "1" else f"{told} violations"


def gain(found: Row) -> Figure | None:
    """Return what criteria find together as they are added, the best first; ``None`` where none found anything."""
    rows = [
        {**row, "added_hit_rate": estimate(row, "added_hit_rate_of_controlled")}
        for row in found["gains"]
        if row["added_labelled_hits"]
    ]
    if not rows or not rows[-1]["total_known_violations"]:
        return None
    steps = [(row["added_labelled_hits"], row["added_known_violations"]) for row in rows]
    controls = sum(added for added, _ in steps)
    digits = decimals(max(row["added_hit_rate_of_controlled"] for row in rows))
    return Figure(
        _most(rows),
        cumulative("Criteria, best first", steps, chance(found), _model(found, controls)),
        table(
            "What each criterion adds to those before it",
            rows,
            criterion=("Criterion", "text"),
            added_labelled_hits=("Results added", "count"),
            added_known_violations=("Violations added", "count"),
            added_hit_rate=("Hit rate of these", "share", digits),
            total_known_violations=("Violations in all", "count"),
            total_share_of_known_violations=("Of all known", "share", 0),
        ),
        f"{number_of_criteria(len(rows))} together: {counted(rows[-1]['total_known_violations'], 'violation')} in "
        f"{counted(controls, 'control')} with a result.",
        "Each point adds a criterion, the one with the surest hit rate on goods that those before it had not hit. "
        "Where the curve turns flat, criteria cost controls and add little.",
    )


def cumulative(
    name: str, steps: Sequence[tuple[int, int]], lot: Estimate | None, references: tuple[Reference, ...] = ()
) -> LineChart:
    """Return violations against controls as criteria are added: `steps` are controls and violations that each adds."""
    controls = [0, *accumulate(added for added, _ in steps)]
    series = [Series(name, (0, *accumulate(violations for _, violations in steps)))]
    if lot is not None:
        ends = (lot.value, lot.low, lot.high)
        series.append(Series("By lot", tuple(Estimate(*(end * count for end in ends)) for count in controls)))
    axes = Axis("Controls with a recorded result", "count"), Axis("Violations found", "count")
    return LineChart(tuple(controls), *axes, tuple(series), references)


def overlap(found: Row) -> Figure | None:
    """Return which criteria hit the same goods; ``None`` where none do."""
    pairs = [row for row in found["overlap"] if row["criterion"] != row["other"] and row["shared_hits"]]
    if not pairs:
        return None
    pairs.sort(key=lambda row: (-row["share_of_criterion"], -row["shared_hits"], row["criterion"], row["other"]))
    names = _overlapping(found, pairs)
    shares = {(row["criterion"], row["other"]): row["share_of_criterion"] for row in pairs}
    first = pairs[0]
    told = f"{first['other']} hits {percent(first['share_of_criterion'], 2)} of what {first['criterion']} hits"
    return Figure(
        "Some criteria hit the same goods" if first["share_of_criterion"] >= 0.5 else "Criteria hit different goods",
        HeatMap(
            names,
            names,
            tuple(tuple(shares.get((row, column)) for column in names) for row in names),
            Axis("Share of a criterion's hits that another hits too", "share", 0),
            link="also by",
            full=1.0,
        ),
        table(
            "The widest overlaps",
            pairs[:_PAIRS],
            criterion=("Of the hits of", "text"),
            other=("also hit by", "text"),
            shared_hits=("Hits shared", "count"),
            share_of_criterion=("Share", "share", 0),
            jaccard=("Shared of either's", "share", 0),
        ),
        f"{told}.",
        f"Read along a row: the share of its hits that the criterion of the column hits too. At the most {told}.",
    )


def months(found: Row) -> Figure | None:
    """Return hits by month; ``None`` where there is one month only."""
    days = sorted({row["month"][:7] for row in found["months"]})
    if len(days) < 2:
        return None
    by_hits = sorted(found["criteria"], key=lambda row: (-row["hits"], row["criterion"]))
    shown = [row["criterion"] for row in by_hits if row["hits"]][:_LINES]
    shares = {
        (row["criterion"], row["month"][:7]): row["hits"] / row["items"] for row in found["months"] if row["items"]
    }
    series = tuple(Series(name, tuple(shares.get((name, day)) for day in days)) for name in shown)
    rows = [
        {
            **row,
            "month": row["month"][:7],
            "hit_share": shares.get((row["criterion"], row["month"][:7])),
            "hit_rate": estimate(row, "hit_rate_of_controlled"),
        }
        for row in found["months"]
        if row["criterion"] in shown
    ]
    return Figure(
        "Goods hit, month by month",
        LineChart(tuple(days), Axis("Month", "date"), Axis("Share of all declaration items hit", "share"), series),
        table(
            "Hits by criterion and month",
            rows,
            criterion=("Criterion", "text"),
            month=("Month", "date"),
            hits=("Hits", "count"),
            hit_share=("Share of items", "share", 2),
            labelled_hits=("With a result", "count"),
            known_violations=("Violations", "count"),
            hit_rate=("Hit rate", "share", 1),
        ),
        "Share of the declaration items of each month that a criterion hit.",
        f"The {len(shown)} criteria with the most hits." if len(shown) < len(by_hits) else "",
    )


def given_lanes(found: Row) -> Figure | None:
    """Return the lanes that the goods hit were given at the time; ``None`` where the source keeps none."""
    counts: dict[str, dict[str, int]] = {}
    for row in found["lane_months"]:
        if row["lane_given"] is not None:
            of_criterion = counts.setdefault(row["criterion"], {})
            of_criterion[row["lane_given"]] = of_criterion.get(row["lane_given"], 0) + row["hits"]
    green = {name: lanes.get("green", 0) / sum(lanes.values()) for name, lanes in counts.items()}
    shown = sorted(green, key=lambda name: (-green[name], name))[:_GRID]
    if not shown:
        return None
    rows = [
        {"criterion": name, "hits": sum(counts[name].values()), "green": green[name]}
        for name in sorted(green, key=lambda name: (-green[name], name))
    ]
    return Figure(
        "Much of what criteria hit was released without a control"
        if green[shown[0]] >= 0.5
        else "Goods hit that were released without a control",
        BarChart(
            tuple(Bar(name, green[name]) for name in shown), Axis("Share of hits that went through green", "share", 0)
        ),
        table(
            "Hits that were released without a control",
            rows,
            criterion=("Criterion", "text"),
            hits=("Hits with a known lane", "count"),
            green=("Went through green", "share", 0),
        ),
        f"Of the hits of {shown[0]}, {percent(green[shown[0]], 2)} went through green.",
        "Of goods that went through green nobody knows what was in them: neither for nor against the criterion.",
    )


def _model(found: Row, controls: int) -> tuple[Reference, ...]:
    """Return the model's find as a line to reach, where it was given as many controls as the curve ends at."""
    model = versus_set(found).get("model")
    if model is None or model["controls"] != controls:
        return ()
    return (Reference("Model, as many controls", model["known_violations"]),)


def _overlapping(found: Row, pairs: Sequence[Row]) -> tuple[str, ...]:
    """Return the criteria of the widest overlaps, as many as the grid has room for, in the order of the set."""
    widest = dict.fromkeys(name for row in pairs for name in (row["criterion"], row["other"]))
    kept = set([*widest][:_GRID])
    return tuple(row["criterion"] for row in found["criteria"] if row["criterion"] in kept)


def _most(rows: Sequence[Row]) -> str:
    """Say how many criteria find nearly all of what all of them find."""
    shares = [row["total_known_violations"] / rows[-1]["total_known_violations"] for row in rows]
    needed = next(n for n, share in enumerate(shares, 1) if share >= _MOST)
    if needed == len(rows):
        return "Each criterion adds to what the others find" if needed > 1 else "What the one criterion finds"
    if shares[needed - 1] == 1:
        return f"{needed} of {len(rows)} criteria find all that the {len(rows)} find together"
    words = "One criterion finds" if needed == 1 else f"{needed} of {len(rows)} criteria find"
    return f"{words} {percent(shares[needed - 1], 2)} of what all {len(rows)} find"
