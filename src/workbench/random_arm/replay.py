"""Drawing a day's arm again from its decisions alone, and what differs from the decisions that were taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from workbench.errors import SchemaError
from workbench.scorer.lanes.arm import draw_arm
from workbench.scorer.lanes.policy import SelectionPolicy
from workbench.scorer.schema import KEY, Lane

NEEDED = (
    *KEY,
    "office_id",
    "regime_code",
    "decided_on",
    "lane",
    "cause",
    "would_be_lane",
    "would_be_cause",
    "random_stratum",
)
"""Columns of decisions that a replay reads; the daily cycle writes them all."""

_CAUSE = "random"
_SHOWN = 5


@dataclass(frozen=True)
class Replay:
    """What a day's draw came to when it was drawn again.

    Parameters
    ----------
    declarations
        Declarations that the arm was drawn among: those with a would-be lane.
    drawn
        How many of them the replay draws.
    should_not
        Declarations whose decision says that the arm drew them, and the replay does not.
    should_have
        Declarations that the replay draws, and whose decision says otherwise; not those that an unreadable item raised.
    faults
        Everything else in which the decisions cannot be what the workbench decided, each a sentence.
    """

    declarations: int
    drawn: int
    should_not: tuple[str, ...]
    should_have: tuple[str, ...]
    faults: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the decisions are those of the key."""
        return not (self.should_not or self.should_have or self.faults)


def replay(decisions: pl.DataFrame, day: date, policy: SelectionPolicy) -> Replay:
    """Draw the arm of `day` again.

    Parameters
    ----------
    decisions
        The columns of :data:`NEEDED`, one row for every item that was decided on the day.
    day
        The day of decision, to which the capacity of the offices belongs.
    policy
        Share, lane and limits that were in force, with the day's key.

    Raises
    ------
    SchemaError
        A column is missing.
    """
    if missing := [name for name in NEEDED if name not in decisions.columns]:
        raise SchemaError.missing_columns(missing, decisions.columns, "The replay of the random arm")
    if odd := list(_other_days(decisions, day)):
        return Replay(0, 0, (), (), tuple(odd))
    decided = decisions.sort(KEY).with_columns(pl.col("lane", "would_be_lane").cast(pl.String))
    once = _declarations(decided, day)
    found = draw_arm(once, policy)
    said, drawn = found["cause"].eq_missing(_CAUSE), found["is_drawn"]
    raised = found.select(_is_raised(policy)).to_series()
    return Replay(
        once.height,
        int(drawn.sum()),
        tuple(found["declaration_id"].filter(said & ~drawn)),
        tuple(found["declaration_id"].filter(drawn & ~said & ~raised)),
        tuple(_faults(decided, found, policy)),
    )


def _is_raised(policy: SelectionPolicy) -> pl.Expr:
    """Say which declarations an unreadable item raised to the fallback lane: one as severe as what was due, or more."""
    severity = {lane.value: lane.severity for lane in Lane}
    due = pl.max_horizontal(
        pl.col("would_be_lane").replace_strict(severity, default=len(severity)),
        pl.when(pl.col("is_drawn")).then(policy.random_lane.severity).otherwise(0),
    )
    is_fallback = pl.col("lane").eq_missing(policy.fallback_lane.value) & (policy.fallback_lane.severity >= due)
    return is_fallback & pl.col("cause").str.starts_with("quarantine:").fill_null(value=False)


def with_key(policy: SelectionPolicy, key: bytes) -> SelectionPolicy:
    """Return a policy that draws with the key of a day."""
    return replace(policy, key=key)


def _other_days(decisions: pl.DataFrame, day: date) -> Iterator[str]:
    days = decisions["decided_on"].cast(pl.String)
    others = days.filter(days.ne_missing(pl.Series([day.isoformat()])))
    if len(others):
        yield (
            f"{len(others):,} of {len(days):,} rows were decided on another day than {day}, for example "
            f"{others[0] or 'none'}: give the decisions of that day"
        )


def _declarations(decided: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return the declarations that the arm was drawn among; the lowest item speaks for office and regime."""
    candidates = decided.filter(pl.col("would_be_lane").is_not_null())
    once = candidates.unique("declaration_id", keep="first", maintain_order=True)
    return once.with_columns(lodged_on=pl.lit(day), said_stratum=pl.col("random_stratum")).drop("random_stratum")


def _faults(decided: pl.DataFrame, found: pl.DataFrame, policy: SelectionPolicy) -> Iterator[str]:
    yield from _named("stand more than once", _keys(decided.filter(pl.struct(KEY).is_duplicated())))
    told = ["lane", "cause", "would_be_lane", "would_be_cause", "random_stratum"]
    candidates = decided.filter(pl.col("would_be_lane").is_not_null())
    apart = candidates.unique(["declaration_id", *told]).filter(pl.col("declaration_id").is_duplicated())
    yield from _named("have items that were decided differently", apart["declaration_id"])
    yield from _named(
        "stand in another stratum", _ids(found, pl.col("said_stratum").ne_missing(pl.col("random_stratum")))
    )
    would_be = pl.col("lane").eq_missing(pl.col("would_be_lane")) & pl.col("cause").eq_missing(pl.col("would_be_cause"))
    fits = (
        pl.when(pl.col("cause").eq_missing(_CAUSE))
        .then(pl.col("lane").eq_missing(policy.random_lane.value))
        .when(pl.col("is_drawn"))
        .then(statement=True)  # what was drawn and does not say so is named by `should_have`
        .otherwise(would_be | _is_raised(policy))
    )
    yield from _named("have another lane than draw and would-be lane give", _ids(found, ~fits))
    unread = decided.filter(pl.col("would_be_lane").is_null())
    is_fallback = pl.col("cause").str.starts_with("quarantine:") & (pl.col("lane") != Lane.GREEN.value)
    yield from _named("have no would-be lane and were not in quarantine", _ids(unread, ~is_fallback))


def _keys(rows: pl.DataFrame) -> pl.Series:
    # A row that could not be read may have no key; it is no repeat of another such row.
    keyed = rows.filter(pl.all_horizontal(pl.col(KEY).is_not_null()))
    return keyed.select(pl.concat_str(KEY, separator="/")).to_series()


def _ids(rows: pl.DataFrame, condition: pl.Expr) -> pl.Series:
    return rows.filter(condition.fill_null(value=True))["declaration_id"]


def _named(what: str, declarations: pl.Series) -> Iterator[str]:
    if len(declarations):
        shown = ", ".join(declarations.unique(maintain_order=True).head(_SHOWN).fill_null("without a number"))
        yield f"these {what}, {len(declarations):,} in all: {shown}"
