"""The frame of a record: how each declaration can come to a full control, whether it was drawn, and what is known."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.scorer.schema import OFFICER, Lane

from .arrays import Counts, Flags, Values
from .checks import PROBABILITIES, is_full_control

NEVER = 1e-9
"""Probability below which no full control was possible."""

_SURE = 1.0 - 1e-9
# An officer moves what looks suspicious, and nobody knows how likely that was: such a control is no draw.
_WITHOUT_PROBABILITY = (OFFICER, "quarantine")


class Group(StrEnum):
    """How a declaration can come to a full control."""

    CERTAIN = "certain"
    """Surely, by criteria or model: nothing about it is drawn."""

    MARGIN = "margin"
    """By criteria, model or a top-up, but not surely: the last seats of a lane, whose number is rounded."""

    ARM = "random arm"
    """By the random arm only."""


def method(cause: str = "cause") -> pl.Expr:
    """Return what had selected each row, the part of its cause before the colon; "none" where nothing had."""
    return pl.col(cause).cast(pl.String).str.split(":").list.first().fill_null("none")


def starts_of(items: pl.DataFrame) -> Counts:
    """Return the row of each declaration's first item, in a table sorted by key."""
    return np.flatnonzero(np.diff(items["declaration_id"].rle_id().to_numpy(), prepend=-1))


def of_decisions(items: pl.DataFrame, random_lane: Lane) -> pl.DataFrame:
    """Return `ControlRecord.declarations` of decisions that stored their probabilities."""
    starts = starts_of(items)
    first = items[starts]
    full, by_arm = (first[name].to_numpy() for name in reversed(PROBABILITIES))
    by_arm = np.nan_to_num(by_arm)
    otherwise = full - by_arm
    group = np.where(full >= _SURE, Group.CERTAIN, np.where(otherwise <= NEVER, Group.ARM, Group.MARGIN))
    decided = "system_" if {"system_lane", "system_cause"} <= set(items.columns) else ""
    selected_by = first.select(method(f"{decided}cause")).to_series()
    by_design = ~selected_by.is_in(_WITHOUT_PROBABILITY).to_numpy()
    # Of goods that only the random arm can bring, only its controls are a sample; a control for certain was to be done.
    was_to_be = first.select(is_full_control(random_lane, f"{decided}lane")).to_series().to_numpy()
    is_control = was_to_be & by_design
    drawn = np.where(group == Group.CERTAIN, True, is_control)
    drawn = np.where(group == Group.ARM, (selected_by == "random").to_numpy(), drawn)
    return _declarations(items, starts, group, np.minimum(full, 1.0), drawn)


def of_history(items: pl.DataFrame) -> pl.DataFrame:
    """Return `ControlRecord.declarations` of a history whose random arm was drawn from all of its goods."""
    starts = starts_of(items)
    drawn = items[starts].select(method() == "random").to_series().to_numpy()
    share = np.full(len(starts), max(drawn.mean(), NEVER))
    return _declarations(items, starts, np.full(len(starts), str(Group.ARM)), share, drawn)


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
