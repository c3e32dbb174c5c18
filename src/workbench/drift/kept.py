"""Kept thresholds: a file of an earlier check, read back only if every number in it can be one that was learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from workbench.drift.detectors import Detector
from workbench.drift.limits import LEAST_WEEKS, LIMITS, PROTOCOL, SUBJECT, Refused, Thresholds
from workbench.errors import SourceError

_LETTERS = 60
_MOST = 1e12
_LEAST_SPREAD, _MOST_SPREADS = 1e-6, 1e3
"""Residuals are roots of counts and limits are spreads of them: beyond these no reference leads."""

_COUNTS = ("weeks", "items", "baseline")
_ABOVE_ZERO = ("spread", "week_limit", "sum_limit")


def thresholds_from(state: object, detectors: Sequence[Detector]) -> Thresholds:
    """Take up what :meth:`.limits.Thresholds.to_dict` gave.

    Parameters
    ----------
    state
        The content of a ``thresholds.json``.
    detectors
        The detectors that will go by it.

    Raises
    ------
    SourceError
        It is of another version or no thresholds; a number is missing, of another type, negative or not finite; the
        reference is no period; or a detector is unknown or has two limits for one subject.
    """
    if not isinstance(state, Mapping) or state.get("protocol") != PROTOCOL:
        found = state.get("protocol") if isinstance(state, Mapping) else state
        raise _wrong(f"their protocol is {_shown(found)}, expected {PROTOCOL}")
    start, end = (_moment(state, name) for name in ("start", "end"))
    weeks, items, baseline = (_count(state, name) for name in _COUNTS)
    if (end - start).days != 7 * weeks or weeks < baseline + LEAST_WEEKS:
        raise _wrong(
            f"their reference goes from {start:%Y-%m-%d} to {end:%Y-%m-%d} and is said to have {weeks} weeks, expected "
            f"as many as lie between, and {baseline + LEAST_WEEKS} or more"
        )
    rate = _number(state, "false_alarms_per_year")
    if rate <= 0:
        raise _wrong(f"'false_alarms_per_year' is {rate:g}, expected a number above 0")
    limits, refused = _limits(state), _refused(state)
    _refuse_detectors(limits, refused, detectors)
    return Thresholds(start, end, weeks, items, baseline, rate, limits, refused)


def _refuse_detectors(limits: pl.DataFrame, refused: Sequence[Refused], detectors: Sequence[Detector]) -> None:
    codes = [one.code for one in detectors]
    if unknown := sorted({*limits["code"], *(one.code for one in refused)} - set(codes)):
        raise _wrong(f"{_shown(unknown[0])} is no detector of this version, expected {', '.join(codes)}")
    told = {*limits["code"], *(one.code for one in refused)}
    if missing := [code for code in codes if code not in told]:
        raise _wrong(f"{missing[0]!r} has neither limits nor a reason why it has none")
    if limits.is_empty():
        raise _wrong("no detector has a limit, so that nothing could ever be found")
    adds_up = pl.col("code").is_in([one.code for one in detectors if one.adds_up])
    wrong = limits.filter(adds_up & pl.col("sum_limit").is_null())
    if wrong.height:
        raise _wrong(
            f"{wrong['code'][0]!r} adds weeks up, and {_shown(wrong['subject'][0])} has no limit for their sum"
        )


def _limits(state: Mapping[str, Any]) -> pl.DataFrame:
    rows = state.get("limits")
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise _wrong("'limits' is no list of limits")
    for row in rows:
        if missing := [name for name in LIMITS if name not in row]:
            raise _wrong(f"a limit has no {missing[0]!r}")
    try:
        table = pl.DataFrame(rows, schema=LIMITS, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        raise _wrong("a limit holds something other than the names and numbers that were written") from None
    known = [name for name in LIMITS if name != "sum_limit"]
    numbers = pl.all_horizontal((pl.col(pl.Float64).abs() <= _MOST_SPREADS).fill_null(True))
    positive = pl.all_horizontal((pl.col(name) >= _LEAST_SPREAD).fill_null(True) for name in _ABOVE_ZERO)
    right = pl.all_horizontal(pl.col(known).is_not_null()) & numbers & positive & (pl.col("weeks") >= LEAST_WEEKS)
    if (wrong := table.filter(~right)).height:
        row = wrong.row(0, named=True)
        values = ", ".join(f"{name} {row[name]}" for name in ("centre", "spread", "week_limit", "sum_limit", "weeks"))
        raise _wrong(f"{_shown(row['code'])} of {_shown(row['subject'])} has {values}: no such limit can be learnt")
    if table.select("code", *SUBJECT).is_duplicated().any():
        raise _wrong("a subject has two limits")
    return table


def _refused(state: Mapping[str, Any]) -> tuple[Refused, ...]:
    rows = state.get("refused")
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise _wrong("'refused' is no list of detectors")
    if any(sorted(row) != ["code", "reason"] or not all(isinstance(one, str) for one in row.values()) for row in rows):
        raise _wrong("a detector in 'refused' has other entries than its code and the reason")
    return tuple(Refused(row["code"], row["reason"]) for row in rows)


def _moment(state: Mapping[str, Any], name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(state[name])
    except (KeyError, TypeError, ValueError):
        raise _wrong(
            f"{name!r} is {_shown(state.get(name))}, expected a moment such as '2025-01-01T00:00:00'"
        ) from None
    if moment.tzinfo is not None:
        raise _wrong(f"{name!r} is {_shown(state[name])}, expected local time without a zone")
    return moment


def _count(state: Mapping[str, Any], name: str) -> int:
    value = _number(state, name)
    if value < 1 or value != int(value):
        raise _wrong(f"{name!r} is {value:g}, expected a whole number of 1 or more")
    return int(value)


def _number(state: Mapping[str, Any], name: str) -> float:
    value = state.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _MOST:
        raise _wrong(f"{name!r} is {_shown(value)}, expected a number")
    return float(value)


def _shown(value: object) -> str:
    written = repr(value)
    return written if len(written) <= _LETTERS else f"{written[:_LETTERS]}..."


def _wrong(what: str) -> SourceError:
    return SourceError(f"These are no thresholds to go by: {what}. Learn them anew, by a check without --thresholds.")
