"""Room: how many controls each office may do on each day, fractions rounded by lot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from ..schema import Lane
from .draw import uniforms
from .policy import SelectionPolicy, Shares

Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Room:
    """The offices' days and the controls they may do.

    Parameters
    ----------
    cell
        The office's day that each declaration belongs to.
    size
        Declarations of each office's day.
    slots
        Controls that each office's day may do, by limited lane.
    expected
        The same before rounding.
    """

    cell: Counts
    size: Counts
    slots: dict[Lane, Counts]
    expected: dict[Lane, Shares]

    @classmethod
    def of(cls, candidates: pl.DataFrame, policy: SelectionPolicy) -> Room:
        """Work out the room for `candidates` under `policy`."""
        cells = slots_by_office_day(candidates, policy)
        place = candidates.select("office_id", "lodged_on").join(
            cells.with_row_index("cell"),
            on=["office_id", "lodged_on"],
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )
        size = cells["declarations"].to_numpy()
        limited = {limit.lane: limit.expected(size.astype(np.float64)) for limit in policy.limits}
        slots = {lane: cells[f"{lane}_slots"].to_numpy() for lane in limited}
        return cls(place["cell"].cast(pl.Int64).to_numpy(), size, slots, limited)


def slots_by_office_day(candidates: pl.DataFrame, policy: SelectionPolicy) -> pl.DataFrame:
    """Return for each office and day its declarations and, for each limited lane, the controls it may do.

    A capacity of 0.4 controls is one control on four days of ten: the fraction is rounded by lot, keyed by office, day
    and lane, so that small offices get their share in the long run and repeated runs agree.

    Returns
    -------
    polars.DataFrame
        ``office_id``, ``lodged_on``, ``declarations`` and ``<lane>_slots`` for each limited lane.
    """
    cells = candidates.group_by("office_id", "lodged_on").agg(declarations=pl.len().cast(pl.Int64))
    cells = cells.sort("office_id", "lodged_on", nulls_last=True)
    names = cells.select(pl.concat_str("office_id", pl.lit("|"), pl.col("lodged_on").cast(pl.String))).to_series()
    for limit in policy.limits:
        expected = limit.expected(cells["declarations"].to_numpy().astype(np.float64))
        fraction = uniforms(policy.key, f"capacity:{limit.lane}", names.fill_null("|").to_list())
        slots = np.floor(expected) + (fraction < expected - np.floor(expected))
        cells = cells.with_columns(pl.Series(f"{limit.lane}_slots", slots.astype(np.int64)))
    return cells
