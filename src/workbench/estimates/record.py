"""The record that estimates read: every decided item, how likely a full control was, and what controls found.

What is estimated is always what a **full control** would find: a control in the lane of the random arm. A check of
documents finds less, so its results count as found, and never as the truth of the goods.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.errors import ConfigError, LabelError, SchemaError
from workbench.evaluation.tables import refuse, require_columns, with_amounts, with_labels
from workbench.scorer.schema import KEY, Lane

Values = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

LotFrame = Literal["all", "unselected"]
"""What a history's controls by lot were drawn from: all goods, before anything else selected, or only the rest."""

COLUMNS = (*KEY, "office_id", "regime_code", "would_be_lane", "lane", "cause")
PROBABILITIES = ("random_probability", "full_control_probability")
"""What a record of decisions needs beside `COLUMNS` and ``violation``."""

IN_QUARANTINE, NEVER_OPEN = "in quarantine", "never open to a full control"
SELECTED_OTHERWISE = "selected by something else"
"""Reasons why estimates do not speak of an item."""

_SURE = 1.0 - 1e-9
_NEVER = 1e-9


def _method(cause: str) -> pl.Expr:
    return pl.col(cause).cast(pl.String).str.split(":").list.first()


_METHOD = _method("cause")
# An officer moves what looks suspicious, and nobody knows how likely that was: such a control is no draw.
_WITHOUT_PROBABILITY = ("officer", "quarantine")


class Group(StrEnum):
    """How a declaration can come to a full control."""

    CERTAIN = "certain"
    """Surely, by criteria or model: nothing about it is drawn."""

    MARGIN = "margin"
    """By criteria, model or a top-up by lot, but not surely: the last seats of a lane, whose number is rounded."""

    LOT = "by lot"
    """By the random arm only."""


@dataclass(frozen=True)
class ControlRecord:
    """Decided goods, as estimates read them: in order of the key, one row an item, and one a declaration.

    Parameters
    ----------
    items
        Key, ``cause``, ``is_full_control`` (by whatever cause), ``violation`` (null where nothing is recorded),
        ``recovered_duty_usd`` (null where not known), and the columns that the caller's table had beside them.
    declarations
        One row a declaration, in the same order: ``office_id``, ``regime_code``, ``would_be_lane``, ``group`` (of
        `Group`), ``probability`` of a full control, ``is_drawn`` (selected for a full control by design), ``is_known``
        (drawn, and every item's result recorded) and ``is_full`` (fully controlled by whatever cause, and every item's
        result recorded). The lowest item speaks for its declaration.
    left_out
        Items of which no estimate speaks, with the ``reason``.
    speaks_for
        What the estimates speak of, in words: *all goods that were decided*.
    stores_probabilities
        Whether ``probability`` was stored with the decisions. In a history it is the share of all that was drawn, and
        what a result stands for is counted stratum by stratum.
    """

    items: pl.DataFrame
    declarations: pl.DataFrame
    left_out: pl.DataFrame
    speaks_for: str
    stores_probabilities: bool

    @classmethod
    def from_decisions(cls, table: pl.DataFrame, *, random_lane: Lane = Lane.RED) -> ControlRecord:
        """Read decisions that stored their probabilities, with the results of the controls beside them.

        Parameters
        ----------
        table
            `COLUMNS`, `PROBABILITIES` and ``violation`` of **all** decided items, controlled or not; optionally
            ``recovered_duty_usd`` and others, which are kept. ``lane`` and ``cause`` are those that were carried out;
            where officers moved goods, ``system_lane`` and ``system_cause`` say what had been decided before. Without
            them an officer's control is no draw, and a draw that an officer waived is not known to have been one.
        random_lane
            Lane of the random arm: it, and what is more severe, is a full control.

        Raises
        ------
        SchemaError
            A column is missing, a key occurs twice, a violation is not 0, 1 or null, a probability is none.
        LabelError
            The table has no row.
        """
        where = "ControlRecord.from_decisions"
        table = _checked(table, (*COLUMNS, *PROBABILITIES), where)
        _refuse_what_is_no_probability(table, where)
        full = pl.col("full_control_probability")
        reason = pl.when(full.is_null()).then(pl.lit(IN_QUARANTINE)).when(full <= _NEVER).then(pl.lit(NEVER_OPEN))
        items, left_out = _parted(table.with_columns(is_full_control=is_full_control(random_lane)), reason, where)
        made = _of_decisions(items, random_lane)
        return cls(items, made, left_out, "all goods that were decided", stores_probabilities=True)

    @classmethod
    def from_history(cls, table: pl.DataFrame, *, lot_frame: LotFrame, random_lane: Lane = Lane.RED) -> ControlRecord:
        """Read a history of controls without probabilities, some of them with the cause ``random``.

        Parameters
        ----------
        table
            Key, ``office_id``, ``regime_code``, ``lane``, ``cause`` and ``violation`` of **all** goods of the period,
            controlled or not; optionally ``recovered_duty_usd``.
        lot_frame
            ``"all"`` where lots were drawn from all goods, before anything else selected; ``"unselected"`` where they
            were drawn from what nothing else had selected: then the estimates speak of those goods only.
        random_lane
            Lane of the controls by lot: it, and what is more severe, is a full control.

        Raises
        ------
        SchemaError, LabelError
            As :meth:`from_decisions`.
        """
        if lot_frame not in ("all", "unselected"):
            raise ConfigError(f"lot_frame is {lot_frame!r}; expected 'all' or 'unselected'. See docs/estimates.md.")
        where = "ControlRecord.from_history"
        table = _checked(table, (*KEY, "office_id", "regime_code", "lane", "cause"), where)
        method = _METHOD.fill_null("none")
        full = is_full_control(random_lane) | (method == "random")
        items = table.with_columns(is_full_control=full, would_be_lane=pl.lit(None, pl.String))
        selected = ~method.is_in(["random", "none"]) & (lot_frame == "unselected")
        items, left_out = _parted(items, pl.when(selected).then(pl.lit(SELECTED_OTHERWISE)), where)
        words = "all goods" if lot_frame == "all" else "goods that nothing else had selected"
        return cls(items, _of_history(items), left_out, words, stores_probabilities=False)

    @cached_property
    def starts(self) -> Counts:
        """Row of each declaration's first item."""
        return _starts(self.items)

    @cached_property
    def sizes(self) -> Counts:
        """Items of each declaration."""
        return np.diff(self.starts, append=self.items.height)

    @cached_property
    def probability(self) -> Values:
        """Probability of a full control, by item."""
        return np.repeat(self.declarations["probability"].to_numpy(), self.sizes)

    @cached_property
    def violation(self) -> Values:
        """1.0 for an item in which any control found a violation, 0.0 for every other one."""
        return self.items["violation"].fill_null(0).cast(pl.Float64).to_numpy()

    @cached_property
    def recovered_duty_usd(self) -> Values | None:
        """Duty that any control recovered, by item, 0 where not known; ``None`` when the source has no amount."""
        amount = self.items["recovered_duty_usd"]
        return amount.fill_null(0.0).to_numpy() if amount.count() else None

    def by_declaration(self, of_items: Values) -> Values:
        """Sum a number of each item over its declaration."""
        return np.asarray(np.add.reduceat(of_items, self.starts), dtype=np.float64)


def is_full_control(random_lane: Lane, lane: str = "lane") -> pl.Expr:
    """Say of each row whether its `lane` is that of the random arm or a more severe one; a missing lane is none."""
    severity = pl.col(lane).cast(pl.String).replace_strict({str(lane): lane.severity for lane in Lane})
    return (severity >= random_lane.severity).fill_null(False)


def _checked(table: pl.DataFrame, columns: Iterable[str], where: str) -> pl.DataFrame:
    require_columns(table, columns, where)
    return with_amounts(with_labels(table, where), where).sort(KEY)


def _parted(items: pl.DataFrame, reason: pl.Expr, where: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part the items of which estimates can speak from those of which they cannot, and why."""
    items = items.with_columns(reason=reason)
    kept, left_out = items.filter(pl.col("reason").is_null()).drop("reason"), items.drop_nulls("reason")
    if kept.is_empty():
        raise LabelError(f"{where} found no goods to speak of. Give all decided goods of a period, controlled or not.")
    return kept, left_out


def _refuse_what_is_no_probability(table: pl.DataFrame, where: str) -> None:
    for name in PROBABILITIES:
        if not table[name].dtype.is_numeric():
            raise SchemaError(f"{where} found {name!r} of type {table[name].dtype}; it needs numbers in [0, 1].")
        wrong = table.filter(pl.col(name).is_not_null() & ~pl.col(name).is_between(0.0, 1.0))
        refuse(wrong, where, f"{name!r} outside [0, 1]", "give probabilities as the decisions stored them")


def _starts(items: pl.DataFrame) -> Counts:
    return np.flatnonzero(np.diff(items["declaration_id"].rle_id().to_numpy(), prepend=-1))


def _of_decisions(items: pl.DataFrame, random_lane: Lane) -> pl.DataFrame:
    starts = _starts(items)
    first = items[starts]
    full, by_lot = (first[name].to_numpy() for name in reversed(PROBABILITIES))
    by_lot = np.nan_to_num(by_lot)
    otherwise = full - by_lot
    group = np.where(full >= _SURE, Group.CERTAIN, np.where(otherwise <= _NEVER, Group.LOT, Group.MARGIN))
    decided = "system_" if {"system_lane", "system_cause"} <= set(items.columns) else ""
    method = first.select(_method(f"{decided}cause").fill_null("none")).to_series()
    by_design = ~method.is_in(_WITHOUT_PROBABILITY).to_numpy()
    # Of goods that only the lot can bring, only the lot's controls are a sample; a control for certain was to be done.
    was_to_be = first.select(is_full_control(random_lane, f"{decided}lane")).to_series().to_numpy()
    is_control = was_to_be & by_design
    drawn = np.where(group == Group.CERTAIN, True, is_control)
    drawn = np.where(group == Group.LOT, (method == "random").to_numpy(), drawn)
    return _declarations(items, starts, group, np.minimum(full, 1.0), drawn)


def _of_history(items: pl.DataFrame) -> pl.DataFrame:
    starts = _starts(items)
    drawn = items[starts].select(_METHOD.fill_null("none") == "random").to_series().to_numpy()
    share = np.full(len(starts), max(drawn.mean(), _NEVER))
    return _declarations(items, starts, np.full(len(starts), str(Group.LOT)), share, drawn)


def _declarations(
    items: pl.DataFrame, starts: Counts, group: npt.NDArray[np.str_], probability: Values, drawn: Flags
) -> pl.DataFrame:
    first, recorded = items[starts], items["violation"].is_not_null().to_numpy()
    full = first["is_full_control"].to_numpy() & np.logical_and.reduceat(recorded, starts)
    return first.select(pl.col("office_id", "regime_code", "would_be_lane").cast(pl.String)).with_columns(
        group=pl.Series(group.tolist(), dtype=pl.Enum([str(name) for name in Group])),
        probability=pl.Series(probability),
        is_drawn=pl.Series(drawn),
        is_known=pl.Series(drawn & full),
        is_full=pl.Series(full),
    )
