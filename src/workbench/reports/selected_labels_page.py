"""Page on selected labels: what training on controlled goods costs, and which remedy is worth having."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from workbench.reports.beside import MADE, NOTHING, Folder, facts, json_bytes, parquet_bytes
from workbench.reports.figures import Axis, Bar, BarChart, Reference
from workbench.reports.html import write_report
from workbench.reports.numbers import Estimate, cell_text
from workbench.reports.page import Definition, Fact, Figure, KeyFigure, Page, Section, Table
from workbench.reports.sections.cells import Row, counted, decimals, estimate, period, table
from workbench.selected_labels import LEAST_VIOLATIONS, NOTES, Comparison

_FIRST, _WEIGHTED = "as found", "inclusion weights"
_DECIMALS = 1
_TITLES = {
    "truth": "By the truth about all goods",
    "random arm": "By what the random arm had drawn",
    "controlled": "By whatever was controlled",
}

DATA_FILE = "selected_labels.json"
"""The page as data; the folder of an earlier page of this kind is known by it."""


def write_selected_labels_page(compared: Comparison, folder: Folder, *, sources: Mapping[str, str] = NOTHING) -> Page:
    """Write a comparison into `folder`: the page, ``selected_labels.json`` and ``variants.parquet``.

    Parameters
    ----------
    compared
        What was found.
    folder
        Where to; made if it does not exist. Files of the same name in it are replaced, all together.
    sources
        Where the figures come from, such as ``{"Data": "runs/latest"}``.
    """
    found = compared.to_dict()
    page = selected_labels_page(found, sources=sources)
    files = {DATA_FILE: json_bytes(found), **parquet_bytes({"variants": compared.table})}
    write_report(page, folder, beside=files)
    return page


def selected_labels_page(found: Row, *, sources: Mapping[str, str] = NOTHING) -> Page:
    """Build the page of a comparison given as JSON."""
    judged = {goods: rows for goods in _TITLES if (rows := _judged(found, goods))}
    days = period(found["first_day"], found["last_day"])
    return Page(
        "Training on selected labels",
        f"{len(found['variants'])} ways to train on one past, judged on goods lodged {days}",
        "Does it pay to weigh labels, or to infer what was never controlled?",
        _answer(judged),
        tuple(_key_figures(judged)),
        (*(_section(goods, rows) for goods, rows in judged.items()), *_unjudged(found, judged), _ways(found)),
        tuple(_next_steps(judged)),
        (*facts(sources), Fact("Judged", days), MADE),
        _DEFINITIONS,
    )


def _judged(found: Row, goods: str) -> list[Row]:
    """Return the variants judged on one kind of goods, none where it holds too few of either class."""
    return [row for row in found["table"] if row["goods"] == goods and row["average_precision"] is not None]


def _unjudged(found: Row, judged: Mapping[str, Sequence[Row]]) -> Iterator[Section]:
    """Yield what could not be judged, with how little there was."""
    first = {row["goods"]: row for row in found["table"] if row["variant"] == _FIRST}
    told = tuple(
        f"{_TITLES[goods]}: {counted(row['judged_on'], 'item')} with {counted(row['violations'], 'violation')}. "
        f"{LEAST_VIOLATIONS} violations and as many others are needed."
        for goods, row in first.items()
        if goods not in judged
    )
    if told:
        yield Section("Too few to judge by", told)


def _points(row: Row) -> Estimate | None:
    """Return a variant's gain in points of average precision, rounded as the page writes it."""
    gain = estimate({**row, "low_95": row["gain_low_95"], "high_95": row["gain_high_95"]}, "gain")
    if gain is None:
        return None
    return Estimate(*(round(100 * end, _DECIMALS) for end in (gain.value, gain.low, gain.high)))


def _gained(rows: Sequence[Row]) -> list[str]:
    """Return the variants whose interval excludes no gain at the digits that are shown, the largest gain first."""
    gains = {row["variant"]: points for row in rows if (points := _points(row)) and points.low > 0}
    return sorted(gains, key=lambda variant: -gains[variant].value)


def _worse(rows: Sequence[Row]) -> list[str]:
    return [row["variant"] for row in rows if (points := _points(row)) and points.high < 0]


def _answer(judged: Mapping[str, Sequence[Row]]) -> str:
    if not judged:
        return (
            f"It cannot be told: no kind of goods that could be judged holds {LEAST_VIOLATIONS} violations, or as many "
            "goods without one. Give a longer period."
        )
    goods = next(iter(judged))
    rows, worse = judged[goods], _worse(judged[goods])
    tried = sum(row["variant"] != _FIRST for row in rows)
    gain = f"None of {tried} variants is shown to rank better than training on controlled goods as found."
    for best in _gained(rows)[:1]:
        points = next(_points(row) for row in rows if row["variant"] == best)
        gain = (
            f"Of {tried} variants {best!r} ranks best: average precision is higher than that of training on controlled "
            f"goods as found by {cell_text(points, 'number', _DECIMALS)} points."
        )
    harm = f" Worse: {', '.join(worse)}." if worse else ""
    return f"{_TITLES[goods]}: {gain}{harm} {NOTES[goods]}"


def _key_figures(judged: Mapping[str, Sequence[Row]]) -> list[KeyFigure]:
    return [
        KeyFigure(
            f"Average precision, {goods}",
            rows[0]["average_precision"],
            "number",
            3,
            f"as found; {counted(rows[0]['violations'], 'violation')} in {rows[0]['judged_on']:,} items",
        )
        for goods, rows in judged.items()
        if rows[0]["variant"] == _FIRST
    ]


def _section(goods: str, rows: Sequence[Row]) -> Section:
    gains = {row["variant"]: points for row in rows if (points := _points(row))}
    bars = tuple(Bar(variant, points) for variant, points in gains.items())
    axis = Axis("Gain in average precision over 'as found', points", "number", _DECIMALS)
    best = _gained(rows)
    title = f"Gained most: {best[0]}" if best else "No gain is shown"
    summary = "; ".join(f"{variant} {cell_text(points, 'number', _DECIMALS)}" for variant, points in gains.items())
    note = f"Intervals: paired, declarations resampled; they hold for all {len(gains)} variants together."
    chart = BarChart(bars, axis, (Reference("as found", 0.0),))
    return Section(_TITLES[goods], (NOTES[goods],), (Figure(title, chart, _table(goods, rows), summary, note),))


def _table(goods: str, rows: Sequence[Row]) -> Table:
    rate = decimals(max(row["precision_at_5pct"] or 0.0 for row in rows))
    return table(
        f"Variants, judged on {goods}",
        [{**row, "points": _points(row)} for row in rows],
        variant=("Variant", "text"),
        points=("Gain, points", "number", _DECIMALS),
        trained_on=("Trained on, items", "count"),
        effective_size=("Worth, equally weighted", "count"),
        average_precision=("Average precision", "number", 3),
        auc=("AUC", "number", 3),
        precision_at_5pct=("Precision in the top 5 %", "share", rate),
        recall_at_5pct=("Recall in the top 5 %", "share", 1),
        expected_over_observed=("Expected / observed", "number", 2),
    )


def _ways(found: Row) -> Section:
    told = table(
        "What each variant does",
        found["variants"],
        variant=("Variant", "text"),
        told=("Trains on", "text"),
        source=("Described by", "text"),
    )
    return Section("The variants", ("All grow as many trees as early stopping found for 'as found'.",), (told,))


def _next_steps(judged: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    """Yield what to do, by the same goods as the answer."""
    goods = next(iter(judged), None)
    gained = _gained(judged[goods]) if goods is not None else []
    if goods == "controlled":
        yield "Leave [model] weights as they are: goods that were controlled say nothing of the others."
    elif _WEIGHTED in gained:
        yield 'Set [model] weights = "inclusion" in the pipeline and compare the runs.'
    elif gained:
        yield (
            f"Leave [model] weights as they are: they do not help here. {gained[0]!r} does, and no pipeline can be "
            "told to train so; ask for it if it gains again on later weeks."
        )
    else:
        yield "Leave [model] weights as they are: no other way to train is shown to rank better here."
    yield "Keep the random arm: no inference replaces what it finds, and without the truth only it can judge."
    yield "Ask again after some months: intervals narrow with what the random arm has drawn."


_DEFINITIONS = (
    Definition(
        "Gain",
        "Average precision of the variant minus that of 'as found', on the same goods, in points of a hundredth. Its "
        "95 % interval is widened (Bonferroni) so that those of all variants hold together.",
    ),
    Definition(
        "Worth, equally weighted",
        "Rows of an equally weighted set that would be as sure: (sum of weights) squared / sum of squared weights.",
    ),
    Definition("Expected / observed", "Sum of the scores over violations found: 1 where scores hold for those goods."),
)
