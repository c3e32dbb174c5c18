"""The hits of a criterion as a table: sorted, searched and cut into pages where the declarations are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from workbench.criteria_lab.answers import Mask
from workbench.criteria_lab.evidence import Evidence, Numbers
from workbench.criteria_lab.vocabulary import heading, words
from workbench.reports.numbers import EN_DASH, point_text
from workbench.scorer.schema import KEY

ROWS_A_PAGE = 25
KINDS = {
    "all": "all hits",
    "violations": "with a violation found",
    "clean": "controlled, nothing found",
    "uncontrolled": "not controlled",
    "new": "hit by no other criterion",
}
"""What a table of hits can be narrowed to."""

_ALSO, _FOUND, _GOODS = "also_hit_by", "found", "goods_description"
_HELPFUL = ("hs_code", _GOODS, "customs_value_usd", "origin_country_code", "importer_id", "office_id", "lodged_at")
_SEARCHED = ("declaration_id", "importer_id", "hs_code", "origin_country_code", "office_id", _GOODS)
_CODES = {"declaration_id", "item_no"}
_LABELS = {"declaration_id": "declaration", "item_no": "item", "lodged_at": "lodged on"}


@dataclass(frozen=True)
class Order:
    """Which hits are wanted, and in what order.

    Parameters
    ----------
    sort
        A column of the table; empty for the order of lodgement.
    descending
        Whether the largest goes first; missing values always go last.
    text
        Words to look for in numbers, traders, codes and descriptions, whatever their case.
    kind
        One of :data:`KINDS`.
    page
        From 0.
    """

    sort: str = ""
    descending: bool = False
    text: str = ""
    kind: str = "all"
    page: int = 0

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> Order:
        """Read what a page asked for; what is missing or makes no sense falls back to its default."""
        kind, page = asked.get("kind"), asked.get("page")
        return cls(
            str(asked.get("sort", "")),
            bool(asked.get("descending")),
            str(asked.get("text", "")).strip(),
            kind if kind in KINDS else "all",
            page if isinstance(page, int) and page > 0 else 0,
        )


@dataclass(frozen=True)
class HitsPage:
    """One page of the hits.

    Parameters
    ----------
    rows
        The page's rows: key, what the condition reads, what the control ``found``, the model's ``score``, what helps to
        recognise the goods, and ``also_hit_by``.
    read
        Names of the columns that the condition reads: the reasons of a hit.
    total
        Hits that match, over all pages.
    page, pages
        Place of the page, from 0, and how many there are.
    """

    rows: pl.DataFrame
    read: tuple[str, ...]
    total: int
    page: int
    pages: int


def hits_page(evidence: Evidence, criterion: str, hit: Mask, read: frozenset[str], order: Order) -> HitsPage:
    """Return one page of the rows of `hit`; `read` are the columns that the criterion reads."""
    places = _ordered(evidence, _searched(evidence, _narrowed(evidence, criterion, hit, order.kind), order.text), order)
    pages = max(-(-len(places) // ROWS_A_PAGE), 1)
    page = min(order.page, pages - 1)
    shown = places[page * ROWS_A_PAGE : (page + 1) * ROWS_A_PAGE]
    also = [_also(evidence, criterion, place) for place in shown]
    rows = _table(evidence.rows[shown], read).with_columns(pl.Series(_ALSO, also, dtype=pl.String))
    return HitsPage(rows, tuple(name for name in rows.columns if name in read), len(places), page, pages)


def _searched(evidence: Evidence, mask: Mask, text: str) -> Numbers:
    """Return the places of the rows of `mask` that hold `text`."""
    places = np.flatnonzero(mask)
    if not text:
        return places
    rows = evidence.rows.select(_SEARCHED)[places]
    found = [pl.col(name).str.to_lowercase().str.contains(text.lower(), literal=True) for name in _SEARCHED]
    matching: Mask = rows.select(pl.any_horizontal(*found).fill_null(value=False)).to_series().to_numpy()
    return places[matching]


def _ordered(evidence: Evidence, places: Numbers, order: Order) -> Numbers:
    if order.sort not in evidence.rows.columns and order.sort != _FOUND:
        return places
    # Only what is sorted by is moved; the page's few rows are fetched afterwards.
    sought = _what_was_found() if order.sort == _FOUND else pl.col(order.sort)
    keys = evidence.rows.lazy().select(sought).collect()[places].with_columns(place=pl.Series(places))
    keys = keys.sort(order.sort, descending=order.descending, nulls_last=True, maintain_order=True)
    ordered: Numbers = keys["place"].to_numpy()
    return ordered


def _narrowed(evidence: Evidence, criterion: str, hit: Mask, kind: str) -> Mask:
    if kind == "violations":
        return hit & evidence.violating
    if kind == "clean":
        return hit & evidence.controlled & ~evidence.violating
    if kind == "uncontrolled":
        return hit & ~evidence.controlled
    return hit & ~evidence.hit_by_others(criterion) if kind == "new" else hit


def _table(rows: pl.DataFrame, read: frozenset[str]) -> pl.DataFrame:
    reasons = [name for name in rows.columns if name in read and name not in KEY]
    others = [name for name in _HELPFUL if name in rows.columns and name not in reasons]
    return rows.select(*KEY, *reasons, _what_was_found(), "score", *others)


def _what_was_found() -> pl.Expr:
    kind = pl.coalesce(pl.col("violation_kind"), pl.lit("violation"))
    violation = pl.col("violation")
    return pl.when(violation == 1).then(kind).when(violation == 0).then(pl.lit("nothing")).alias(_FOUND)


def _also(evidence: Evidence, criterion: str, place: np.int64) -> str:
    return ", ".join(name for name, hits in evidence.set_hits.items() if name != criterion and hits[place])


def written(page: HitsPage) -> dict[str, Any]:
    """Return a page as texts for a table: ``columns`` with their marks, ``rows``, ``total`` and place."""
    numeric = {name for name, dtype in page.rows.schema.items() if dtype.is_numeric() and name not in _CODES}
    meanings = {word.label: f"{word.label}: {word.meaning}" for word in words(page.rows.schema, {})}
    columns = [
        {
            "name": name,
            "label": _LABELS.get(name) or heading(name),
            "title": meanings.get(name, ""),
            "right": name in numeric,
            "read": name in page.read,
            "wide": name == _GOODS,
            "sortable": name != _ALSO,
        }
        for name in page.rows.columns
    ]
    return {
        "columns": columns,
        "rows": [[_text(value) for value in row] for row in page.rows.iter_rows()],
        "total": f"{page.total:,} hits",
        "page": page.page,
        "pages": page.pages,
    }


def _text(value: Any) -> str:
    if value is None:
        return EN_DASH
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, float):
        return _number(value)
    return str(value)


def _number(value: float) -> str:
    """Write a number with four significant digits, or all of those before the point; a whole one without decimals.

    >>> _number(11.0), _number(2.2954), _number(20254764.0)
    ('11', '2.295', '20,254,764')
    """
    if not np.isfinite(value):
        return EN_DASH
    if value == round(value):
        return point_text(value, "number", 0)
    decimals = max(0, 3 - int(np.floor(np.log10(abs(value)))))
    return point_text(value, "number", min(decimals, 8))
