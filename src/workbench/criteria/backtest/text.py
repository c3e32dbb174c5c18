"""A back-test as text for a terminal: 100 columns wide."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from workbench.criteria.backtest.results import Backtest

WIDTH = 100
_ID_WIDTH = 28


def describe(found: Backtest, top: int) -> str:
    """Return the set, its lanes, its `top` criteria by known violations, and every flag."""
    head = [
        f"Back-test of {counted(found.criteria.height, 'criterion', 'criteria')}, {period(found.start, found.end)}: "
        f"{counted(found.items, 'item')} of {counted(found.declarations, 'declaration')}",
        f"{counted(found.known_items, 'item')} with a known result, {counted(found.violations, 'violation')}; "
        f"chance {_share(found.chance_rate)} ({found.chance_basis})",
    ]
    parts = [head, _summary(found), _criteria(found, top), _versus(found), _flags(found), _caveats(found)]
    return "\n\n".join("\n".join(line.rstrip() for line in part) for part in parts if part)


def period(start: datetime, end: datetime) -> str:
    """Write the first and the last day of a period that ends just before `end`.

    >>> period(datetime(2025, 1, 1), datetime(2025, 4, 1))
    '2025-01-01 to 2025-03-31'
    """
    return f"{start:%Y-%m-%d} to {end - timedelta(microseconds=1):%Y-%m-%d}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """Write a number of things, the noun in the form that fits it.

    >>> counted(1, "violation"), counted(2, "criterion", "criteria")
    ('1 violation', '2 criteria')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _summary(found: Backtest) -> list[str]:
    counts = f"{'lane':<10}{'hits':>12}{'declared':>12}{'controls':>12}{'known':>10}{'found':>8}"
    rows = [
        f"{row['scope']:<10}{row['hits']:>12,}{row['declarations']:>12,}{row['expected_controls']:>12,.0f}"
        f"{row['labelled_hits']:>10,}{row['known_violations']:>8,}  {_rate(row):<26}"
        f"{_share(row['share_of_known_violations'], 1):>8}"
        for row in found.summary.iter_rows(named=True)
    ]
    return [f"{counts}  {'hit rate (95 %)':<26}{'of all':>8}", *rows]


def _criteria(found: Backtest, top: int) -> list[str]:
    steps = dict(found.gains.select("criterion", "step").iter_rows())
    ordered = found.criteria.sort("known_violations", "hits", descending=True, maintain_order=True)
    counts = f"{'criterion':<{_ID_WIDTH}}{'hits':>11}{'unique':>11}{'known':>9}{'found':>7}"
    rows = [
        f"{_cut(row['criterion'], _ID_WIDTH - 1):<{_ID_WIDTH}}{row['hits']:>11,}{row['unique_hits']:>11,}"
        f"{row['labelled_hits']:>9,}{row['known_violations']:>7,}  {_rate(row):<27}{steps[row['criterion']]:>5}"
        for row in ordered.head(top).iter_rows(named=True)
    ]
    left = ordered.height - len(rows)
    more = [f"... and {left} more with fewer violations"] if left > 0 else []
    return [f"{counts}  {'hit rate (95 %)':<27}{'step':>5}", *rows, *more]


def _versus(found: Backtest) -> list[str]:
    rows = found.versus.filter((pl.col("scope") == "set") & (pl.col("controls") > 0)).to_dicts()
    if not rows:
        return []
    told = [f"  {row['method']:<10}{_violations(row):<22}   {_rate(row)}" for row in rows]
    return [f"The same {counted(rows[0]['controls'], 'control')} with a known result given to", *told]


def _violations(row: dict[str, Any]) -> str:
    told = _number(row["known_violations"])
    return f"{told:>10} {'violation' if told == '1' else 'violations'}"


def _flags(found: Backtest) -> list[str]:
    told = [f"{name}: {flag.replace('_', ' ')}, {detail}" for name, flag, detail in found.flags.iter_rows()]
    return ["To look at", *(line for sentence in told for line in _wrapped(sentence))] if told else []


def _caveats(found: Backtest) -> list[str]:
    return [line for caveat in found.caveats for line in _wrapped(caveat)]


def _wrapped(sentence: str) -> Iterator[str]:
    line = "-"
    for word in sentence.split(" "):
        if len(line) + 1 + len(word) > WIDTH:
            yield line
            line = " "
        line += f" {word}"
    yield line


def _rate(row: dict[str, Any]) -> str:
    if row["hit_rate_of_controlled"] is None:
        return "not known"
    return f"{_share(row['hit_rate_of_controlled'])} ({100 * row['low_95']:.2f} to {100 * row['high_95']:.2f})"


def _share(value: float | None, digits: int = 2) -> str:
    return "not known" if value is None else f"{100 * value:.{digits}f} %"


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:,.1f}".removesuffix(".0")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."
