"""What a back-test found: tidy tables, the same as JSON, and a short text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

import polars as pl

from workbench.criteria.backtest import text
from workbench.criteria.backtest.frames import as_json, from_rows
from workbench.errors import SchemaError

_TEXT, _COUNT, _NUMBER, _DAY = pl.String(), pl.Int64(), pl.Float64(), pl.Date()

_KNOWN = {
    "labelled_hits": _COUNT,
    "known_violations": _COUNT,
    "hit_rate_of_controlled": _NUMBER,
    "low_95": _NUMBER,
    "high_95": _NUMBER,
}
_WORTH = {**_KNOWN, "known_recovered_duty_usd": _NUMBER, "share_of_known_violations": _NUMBER}
_LOAD = {
    "office_id": _TEXT,
    "declarations": _COUNT,
    "expected_controls": _NUMBER,
    "mean_per_day": _NUMBER,
    "peak_per_day": _NUMBER,
    "capacity_per_day": _NUMBER,
    "days": _COUNT,
    "days_over": _COUNT,
    "share_of_days_over": _NUMBER,
}

TABLES: dict[str, dict[str, pl.DataType]] = {
    "criteria": {
        "criterion": _TEXT,
        "title": _TEXT,
        "lane": _TEXT,
        "mode": _TEXT,
        "items_in_scope": _COUNT,
        "not_evaluable": _COUNT,
        "hits": _COUNT,
        "unique_hits": _COUNT,
        "declarations": _COUNT,
        "expected_controls": _NUMBER,
        **_WORTH,
        "unique_known_violations": _COUNT,
        "against_chance": _TEXT,
        "flags": _TEXT,
    },
    "summary": {
        "scope": _TEXT,
        "criteria": _COUNT,
        "hits": _COUNT,
        "declarations": _COUNT,
        "expected_controls": _NUMBER,
        **_WORTH,
    },
    "months": {"criterion": _TEXT, "month": _DAY, "items": _COUNT, "hits": _COUNT, **_KNOWN},
    "lane_months": {
        "criterion": _TEXT,
        "month": _DAY,
        "lane_given": _TEXT,
        "hits": _COUNT,
        "labelled_hits": _COUNT,
        "known_violations": _COUNT,
    },
    "kinds": {
        "criterion": _TEXT,
        "violation_kind": _TEXT,
        "known_violations": _COUNT,
        "known_recovered_duty_usd": _NUMBER,
    },
    "gains": {
        "step": _COUNT,
        "criterion": _TEXT,
        "added_hits": _COUNT,
        "added_declarations": _COUNT,
        "added_labelled_hits": _COUNT,
        "added_known_violations": _COUNT,
        "added_hit_rate_of_controlled": _NUMBER,
        "low_95": _NUMBER,
        "high_95": _NUMBER,
        "added_known_recovered_duty_usd": _NUMBER,
        "total_declarations": _COUNT,
        "total_known_violations": _COUNT,
        "total_share_of_known_violations": _NUMBER,
    },
    "overlap": {
        "criterion": _TEXT,
        "other": _TEXT,
        "shared_hits": _COUNT,
        "jaccard": _NUMBER,
        "share_of_criterion": _NUMBER,
    },
    "stability": {
        "criterion": _TEXT,
        "months": _COUNT,
        "hits_cv": _NUMBER,
        "hit_rate_cv": _NUMBER,
        "hits_psi": _NUMBER,
        "hits_trend_per_month": _NUMBER,
        "earlier_hit_share": _NUMBER,
        "later_hit_share": _NUMBER,
        "hits_fall_p": _NUMBER,
        "earlier_hit_rate_of_controlled": _NUMBER,
        "later_hit_rate_of_controlled": _NUMBER,
        "hit_rate_fall_p": _NUMBER,
    },
    "offices": {"criterion": _TEXT, "lane": _TEXT, **_LOAD},
    "capacity": {"lane": _TEXT, **_LOAD},
    "versus": {
        "scope": _TEXT,
        "method": _TEXT,
        "controls": _COUNT,
        "known_violations": _NUMBER,
        "hit_rate_of_controlled": _NUMBER,
        "low_95": _NUMBER,
        "high_95": _NUMBER,
        "known_recovered_duty_usd": _NUMBER,
        "basis": _TEXT,
    },
    "flags": {"criterion": _TEXT, "flag": _TEXT, "detail": _TEXT},
}
"""Columns and types of every table of a back-test."""

FLAGS = (
    "dead",
    "never_evaluable",
    "decaying_hits",
    "decaying_hit_rate",
    "growing_counts",
    "expired",
    "expiring",
    "better_than_chance",
    "worse_than_chance",
)
"""Every flag that `Backtest.flags` may hold."""


@dataclass(frozen=True)
class Backtest:
    """What a set of criteria would have done in a period, and what is known of the goods that it would have named.

    A *hit* is a declaration item for which a condition was true; a *control* is of a whole declaration. Whatever
    controls found is known for controlled goods only: such columns are named ``labelled_*``, ``known_*`` or
    ``*_of_controlled``, and :attr:`caveats` says how much that covers. Intervals are Wilson's at 95 %. A criterion in
    shadow has its rows in every table, and no part in ``summary`` and ``capacity``, since it changes no lane.

    Parameters
    ----------
    start, end
        First moment of the period, and the moment after it.
    on
        Day for which expiry was judged.
    score_from
        Moment from which rows have a score of a model that had not seen them; ``None`` without such a model.
    items, declarations
        Declaration items and declarations of the period.
    known_items, violations
        Items with a known result, and violations among these.
    chance_rate, chance_basis
        Rate of violations that a choice by lot would find, and what it rests on: ``every item`` (all results are
        known), ``random arm`` (controls by lot; an unbiased view of what nothing else sent to a full control), ``random
        arm of a longer period`` (the same arm, over all that was known by the end), ``all known results`` (biased
        towards what was suspected), or ``unknown``.
    criteria
        One row a criterion, in the order of the set: ``criterion, title, lane, mode`` (active or shadow),
        ``items_in_scope`` (its flow, offices and validity), ``not_evaluable`` (items for which a missing value left the
        condition open), ``hits, unique_hits`` (hit by no other criterion), ``declarations``, ``expected_controls``
        (declarations times the rate at which its hit percentage and forced selection take them), ``labelled_hits,
        known_violations, hit_rate_of_controlled, low_95, high_95, known_recovered_duty_usd`` (null where the source
        has no revenue), ``share_of_known_violations`` (of all of the period), ``unique_known_violations``,
        ``against_chance`` (better, worse, unclear: whether the 95 % interval of the difference to the rate of chance
        holds 0; null without a label) and ``flags``, joined by commas.
    summary
        ``scope`` is ``set`` for all active criteria together, then one row for each lane: items hit whose declaration
        has this lane as the most severe proposal, by criterion or sum of points, before hit percentages and capacity
        (green: hits that propose nothing by themselves). The lanes' rows add up to the set's. ``criteria`` counts those
        that propose the lane; other columns as in `criteria`. ``expected_controls`` of a lane are those that no more
        severe lane takes: they include declarations of a more severe row whose hit percentage passed them over there.
    months
        By criterion and calendar month: all ``items`` lodged, ``hits``, and what is known of them.
    lane_months
        The same hits parted by ``lane_given``, the lane that the declaration was given at the time (null where that is
        not known); only cells with hits.
    kinds
        By criterion and kind of violation (``missing`` where none was recorded); only those found.
    gains
        Active and shadow criteria in the best order, found greedily: each ``step`` takes the criterion whose
        *additional* labelled hits have the highest lower 95 % bound of their hit rate, then the most duty; what it
        adds to those before it, and the totals so far. The additions sum to the whole.
    overlap
        Ordered pairs that share hits: ``shared_hits``, ``jaccard`` = shared / either's, ``share_of_criterion`` =
        shared / hits of ``criterion``. The diagonal holds each criterion's own hits.
    stability
        ``hits_cv`` and ``hit_rate_cv``: standard deviation over mean of the monthly share of items hit, and of the
        monthly hit rate. ``hits_psi``: population stability index of the hits over months against all items (below 0.1
        steady, above 0.25 shifted). ``hits_trend_per_month``: slope of the monthly share of items hit over its mean.
        ``earlier_*`` and ``later_*``: the two halves of the days on which the criterion was valid; ``*_fall_p``:
        one-sided p-value of a two-proportion test that the later half is lower (null where too few are expected).
    offices
        By criterion and office, alone and before other criteria take their part: ``declarations`` hit,
        ``expected_controls``, ``mean_per_day`` and ``peak_per_day`` of expected controls over the ``days`` with
        lodgements, ``capacity_per_day`` of the lane (mean; null without a limit), ``days_over``: those that expect
        more controls than the day can have, its fraction rounded up, and their share.
    capacity
        The same for the whole set by lane: a declaration counts in a lane with the probability that a criterion of the
        lane, and none of a more severe one, selects it.
    versus
        The same number of known results given to ``criteria``, ``model`` and ``chance``, on items with both score and
        label: ``scope`` is ``set`` or a criterion's id. ``known_violations`` of the model and of chance are expected
        numbers (equal scores stand in random order). ``basis`` says where the rate of chance comes from, and it has the
        interval of that rate. Without scores the model's rows are left out.
    flags
        ``criterion, flag, detail``: one row a flag raised; see :data:`FLAGS`.
    caveats
        Sentences to show beside every figure.
    """

    start: datetime
    end: datetime
    on: date
    score_from: datetime | None
    items: int
    declarations: int
    known_items: int
    violations: int
    chance_rate: float | None
    chance_basis: str
    criteria: pl.DataFrame
    summary: pl.DataFrame
    months: pl.DataFrame
    lane_months: pl.DataFrame
    kinds: pl.DataFrame
    gains: pl.DataFrame
    overlap: pl.DataFrame
    stability: pl.DataFrame
    offices: pl.DataFrame
    capacity: pl.DataFrame
    versus: pl.DataFrame
    flags: pl.DataFrame
    caveats: tuple[str, ...]

    def describe(self, top: int = 15) -> str:
        """Return the set, its `top` criteria by violations found and all flags as text 100 columns wide."""
        return text.describe(self, top)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON values: tables as lists of rows, dates as ISO texts."""
        return {field.name: as_json(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Backtest:
        """Rebuild a back-test from what :meth:`to_dict` gave.

        Raises
        ------
        SchemaError
            A part is missing or has other columns: it was written by another version.
        """
        names = [field.name for field in fields(cls)]
        if missing := [name for name in names if name not in data]:
            raise SchemaError(f"This is no back-test: it lacks {', '.join(missing)}. Run the back-test again.")
        read: dict[str, Any] = {
            name: from_rows(name, data[name], TABLES[name]) if name in TABLES else data[name] for name in names
        }
        for name in ("start", "end", "score_from"):
            read[name] = read[name] and datetime.fromisoformat(read[name])
        return cls(**{**read, "on": date.fromisoformat(data["on"]), "caveats": tuple(data["caveats"])})
