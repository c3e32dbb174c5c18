"""Small multiples of a check for drift: one picture a statistic, week by week, with its threshold."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.drift.measures import in_words
from workbench.drift.weeks import DIMENSIONS
from workbench.reports.figures import Axis, LineChart, Series
from workbench.reports.numbers import Kind
from workbench.reports.page import Figure
from workbench.reports.sections.cells import Row, table

_SHOWN = 6

_WORDS = {
    "drift.feature.psi": "PSI",
    "drift.feature.anderson_darling": "Anderson-Darling",
    "drift.group.psi": "PSI within the group",
    "drift.group.anderson_darling": "Anderson-Darling within the group",
    "drift.multivariate.auc": "domain classifier",
    "drift.new_levels": "new levels",
    "drift.score.psi": "PSI of scores",
    "drift.score.anderson_darling": "Anderson-Darling of scores",
    "drift.calibration": "found over promised",
    "drift.label_rate": "label rate",
    "drift.hit_rate": "hit rate",
}
_SHORT = {
    "drift.feature.anderson_darling": "A-D",
    "drift.group.psi": "PSI",
    "drift.group.anderson_darling": "A-D",
    "drift.score.psi": "PSI",
    "drift.score.anderson_darling": "A-D",
}
_PLAIN = {
    "drift.feature.psi": "columns",
    "drift.feature.anderson_darling": "columns",
    "drift.group.psi": "columns within groups",
    "drift.group.anderson_darling": "columns within groups",
    "drift.multivariate.auc": "all columns together",
    "drift.new_levels": "names never seen before",
    "drift.score.psi": "the model's scores",
    "drift.score.anderson_darling": "the model's scores",
    "drift.calibration": "whether scores promise what is found",
    "drift.label_rate": "what the random arm finds",
    "drift.hit_rate": "what other controls find",
}
_DIMENSIONS = DIMENSIONS | {"violation_kind": "kind"}
_SHARES = ("drift.new_levels", "drift.label_rate", "drift.hit_rate")


def code_words(code: str) -> str:
    """Return what a detector measures in words; a code that is not known here is its own name."""
    return _WORDS.get(code, code)


def watches(code: str) -> str:
    """Return what a detector looks at, in words that need no statistics."""
    return _PLAIN.get(code, code)


def named(row: Row) -> str:
    """Name a subject as people read it."""
    subject = in_words(row["subject"])
    return f"{subject}, {group(row)}" if row["dimension"] else subject


def labelled(row: Row) -> str:
    """Name a subject beside a bar, with what measured it in a few letters."""
    return f"{named(row)} ({_SHORT.get(row['code'], code_words(row['code']))})"


def group(row: Row) -> str:
    """Name a group as people read it: office 02CI."""
    return f"{_DIMENSIONS.get(row['dimension'], row['dimension'])} {row['group']}"


def small_multiples(found: Row) -> Iterator[Figure]:
    """Yield a picture for each of what moved most."""
    for top in found["ranking"][:_SHOWN]:
        rows = [row for row in found["weekly"] if _same(row, top)]
        yield _weekly(top, rows)


def _same(row: Row, top: Row) -> bool:
    return all(row[name] == top[name] for name in ("code", "subject", "dimension", "group"))


def _weekly(top: Row, rows: list[Row]) -> Figure:
    kind: Kind = "share" if top["code"] in _SHARES else "number"
    over = [row for row in rows if row["over"]]
    said = f"over its threshold in {len(over)} of {len(rows)} weeks" if over else "never over its threshold"
    series = [
        Series(name, tuple(row[column] for row in rows))
        for name, column in (("Statistic", "statistic"), ("Usual", "usual"), ("Threshold of a week", "threshold"))
    ]
    return Figure(
        f"{named(top)}: {code_words(top['code'])}, {said}",
        LineChart(
            tuple(row["week_start"] for row in rows),
            Axis("Week from", "date"),
            Axis(code_words(top["code"]), kind),
            tuple(series),
        ),
        table(
            f"{named(top)} by week",
            rows,
            week_start=("Week from", "date"),
            statistic=("Statistic", kind, 3),
            usual=("Usual", kind, 3),
            threshold=("Threshold", kind, 3),
            change=("Change", "number", 1),
            of_limit=("Part of the threshold", "number", 2),
            rows=("Goods or results", "count"),
        ),
        f"{named(top)} was {said}.",
    )
