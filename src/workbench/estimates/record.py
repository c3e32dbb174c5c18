"""The record that estimates read: every decided item, how likely a full control was, and what controls found.

What is estimated is always what a **full control** would find: a control in the lane of the random arm. A check of
documents finds less, so its results count as found, and never as the truth of the goods.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import polars as pl

from workbench.errors import ConfigError, LabelError
from workbench.scorer.schema import KEY, Lane

from .arrays import Counts, Flags, Values
from .checks import PROBABILITIES, checked, is_full_control, refuse_what_is_no_probability
from .frame import NEVER, method, of_decisions, of_history, starts_of

LotFrame = Literal["all", "unselected"]
"""What a history's random arm was drawn from: all goods, before anything else selected, or only the rest."""

COLUMNS = (*KEY, "office_id", "regime_code", "would_be_lane", "lane", "cause")
IN_QUARANTINE, NEVER_OPEN = "in quarantine", "never open to a full control"
SELECTED_OTHERWISE = "selected by something else"
"""Reasons why estimates do not speak of an item."""


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
        Whether ``probability`` was stored with the decisions. In a history it is no probability but the mean share that
        was drawn, the same for all goods: a guard against a lot that hardly drew at all, and nothing to weigh by. What
        a result stands for is counted stratum by stratum there.
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
        table = checked(table, (*COLUMNS, *PROBABILITIES), where)
        refuse_what_is_no_probability(table, where)
        full = pl.col("full_control_probability")
        reason = pl.when(full.is_null()).then(pl.lit(IN_QUARANTINE)).when(full <= NEVER).then(pl.lit(NEVER_OPEN))
        items, left_out = _parted(table.with_columns(is_full_control=is_full_control(random_lane)), reason, where)
        made = of_decisions(items, random_lane)
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
            Lane of the random arm: it, and what is more severe, is a full control.

        Raises
        ------
        SchemaError, LabelError
            As :meth:`from_decisions`.
        """
        if lot_frame not in ("all", "unselected"):
            raise ConfigError(f"lot_frame is {lot_frame!r}; expected 'all' or 'unselected'. See docs/estimates.md.")
        where = "ControlRecord.from_history"
        table = checked(table, (*KEY, "office_id", "regime_code", "lane", "cause"), where)
        full = is_full_control(random_lane) | (method() == "random")
        items = table.with_columns(is_full_control=full, would_be_lane=pl.lit(None, pl.String))
        selected = ~method().is_in(["random", "none"]) & (lot_frame == "unselected")
        items, left_out = _parted(items, pl.when(selected).then(pl.lit(SELECTED_OTHERWISE)), where)
        words = "all goods" if lot_frame == "all" else "goods that nothing else had selected"
        return cls(items, of_history(items), left_out, words, stores_probabilities=False)

    @cached_property
    def starts(self) -> Counts:
        """Row of each declaration's first item."""
        return starts_of(self.items)

    @cached_property
    def sizes(self) -> Counts:
        """Items of each declaration."""
        return np.diff(self.starts, append=self.items.height)

    @cached_property
    def probability(self) -> Values:
        """Probability of a full control, by item; in a history the mean share drawn (see `stores_probabilities`)."""
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

    @cached_property
    def is_unpriced(self) -> Flags:
        """Items in which a full control found a violation, and no amount is recorded."""
        unpriced = pl.col("is_full_control") & (pl.col("violation") == 1) & pl.col("recovered_duty_usd").is_null()
        return self.items.select(unpriced.fill_null(False)).to_series().to_numpy()

    @cached_property
    def is_missing(self) -> Flags:
        """Declarations that were drawn for a full control and have no complete result of one."""
        return (self.declarations["is_drawn"] & ~self.declarations["is_known"]).to_numpy()

    def completed(self, *, violating: bool) -> ControlRecord:
        """Return the record as if every missing result were known: no violation in any of those items, or one in each.

        What a milder control found stays. A violation costs the mean amount that full controls found in an item.
        """
        missing = pl.Series(np.repeat(self.is_missing, self.sizes))
        unknown_beside = (pl.col("violation") == 0) | pl.col("recovered_duty_usd").is_null()
        is_open = pl.col("violation").is_null() | (pl.lit(violating) & ~pl.col("is_full_control") & unknown_beside)
        usual = self.items.filter(pl.col("is_full_control") & (pl.col("recovered_duty_usd") > 0))["recovered_duty_usd"]
        amount = usual.mean() if violating else 0.0
        filled = self.items.with_columns(is_open=missing & is_open).with_columns(
            pl.when("is_open").then(pl.lit(int(violating), pl.Int8)).otherwise("violation").alias("violation"),
            pl.when("is_open").then(pl.lit(amount)).otherwise("recovered_duty_usd").alias("recovered_duty_usd"),
            is_full_control=pl.col("is_full_control") | missing,
        )
        known = pl.col("is_drawn")
        declarations = self.declarations.with_columns(is_known=known, is_full=pl.col("is_full") | known)
        return replace(self, items=filled.drop("is_open"), declarations=declarations)

    def priced(self, amount_usd: float) -> ControlRecord:
        """Return the record as if each violation without an amount had cost that much."""
        amount = pl.when(pl.Series(self.is_unpriced)).then(pl.lit(amount_usd)).otherwise("recovered_duty_usd")
        return replace(self, items=self.items.with_columns(amount.alias("recovered_duty_usd")))

    def by_declaration(self, of_items: Values) -> Values:
        """Sum a number of each item over its declaration."""
        return np.asarray(np.add.reduceat(of_items, self.starts), dtype=np.float64)


def _parted(items: pl.DataFrame, reason: pl.Expr, where: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part the items of which estimates can speak from those of which they cannot, and why."""
    items = items.with_columns(reason=reason)
    kept, left_out = items.filter(pl.col("reason").is_null()).drop("reason"), items.drop_nulls("reason")
    if kept.is_empty():
        raise LabelError(f"{where} found no goods to speak of. Give all decided goods of a period, controlled or not.")
    return kept, left_out
