"""The random arm: a stratified sample of the goods that nothing else sends to a full control, replayable by anyone.

Criteria and top-up give every declaration its *would-be* lane. Among those whose would-be lane is milder than the
random lane the arm draws its seats of the office's day: in order of regime, would-be lane and a number of their own,
every E/A-th of E eligible declarations is taken for A seats, from a start by lot (systematic sampling). So

- each is drawn with probability A/E, whatever its stratum;
- a stratum (office, day, regime, would-be lane) gets its proportional share, rounded up or down;
- within a stratum it is a simple random sample, since the numbers order it by lot;
- the arm has exactly A declarations, or all that are eligible.

Seats, starts and numbers are HMACs of one key: with it a day is drawn again from its decisions alone.

Source: Madow and Madow (1944), On the theory of systematic sampling.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from ..errors import BundleError, did_you_mean
from ..schema import DECISION_TYPES, Lane
from .draw import uniforms
from .policy import SelectionPolicy, Shares
from .room import Counts, Flags, Room

START, NUMBER = "random:start", "random:number"
"""Purposes of the lots: where the sample of an office's day starts, and a declaration's place within its stratum."""

ARM_COLUMNS = ("declaration_id", "office_id", "lodged_on", "regime_code", "would_be_lane")
"""What the arm is drawn from, one row a declaration."""

STRATUM = pl.concat_str(
    [pl.col(name).cast(pl.String).fill_null("") for name in ("office_id", "regime_code", "would_be_lane")],
    separator="|",
)
"""Name of a declaration's stratum within its day: ``office|regime|would-be lane``, empty where a code is missing."""


def draw_arm(declarations: pl.DataFrame, policy: SelectionPolicy) -> pl.DataFrame:
    """Draw the random arm among declarations whose would-be lanes are known.

    Parameters
    ----------
    declarations
        The columns of `ARM_COLUMNS`, one row for **every** declaration that was decided, those with a severe would-be
        lane included: the arm's size follows from how many an office has on a day. The order of rows changes nothing.
    policy
        Share, lane, limits and key of the draw.

    Returns
    -------
    polars.DataFrame
        `declarations` with ``is_drawn``, ``random_stratum`` and ``random_probability``: the probability of being drawn
        given the would-be lanes and the seats that were found, 0 for what the arm does not draw from. The decisions'
        column of that name is taken over all roundings of the capacities, under which would-be lanes may differ.

    Raises
    ------
    BundleError
        A column is missing, or a declaration has no would-be lane or stands there twice.

    Examples
    --------
    >>> from datetime import date
    >>> from workbench.scorer.schema import Lane
    >>> policy = SelectionPolicy((), (), 0.25, Lane.RED, Lane.YELLOW, bytes(32))
    >>> day = pl.DataFrame({"declaration_id": [f"D{n}" for n in range(8)], "office_id": "A",
    ...                     "lodged_on": date(2026, 1, 5), "regime_code": ["40"] * 6 + [None] * 2,
    ...                     "would_be_lane": ["green"] * 4 + ["yellow"] * 2 + ["green", "red"]})
    >>> drawn = draw_arm(day, policy)
    >>> int(drawn["is_drawn"].sum()), drawn["random_stratum"][0], round(drawn["random_probability"][0], 4)
    (2, 'A|40|green', 0.2857)
    """
    _check(declarations)
    room, lanes = Room.of(declarations, policy), declarations["would_be_lane"].cast(DECISION_TYPES["would_be_lane"])
    seats, severity = room.drawn(policy.key).arm, lanes.to_physical().cast(pl.Int64).to_numpy()
    eligible = severity < policy.random_lane.severity
    probability = eligible * arm_share(seats, room.by_cell(np.flatnonzero(eligible)))[room.cell]
    return declarations.with_columns(
        is_drawn=pl.Series(drawn_by_lot(declarations, room, seats, severity, policy)),
        random_stratum=STRATUM,
        random_probability=pl.Series(probability),
    )


def drawn_by_lot(
    declarations: pl.DataFrame, room: Room, seats: Counts, severity: Counts, policy: SelectionPolicy
) -> Flags:
    """Return whom the arm draws.

    Parameters
    ----------
    declarations
        ``declaration_id`` and ``regime_code``.
    room, seats
        Offices' days, and the arm's seats of each.
    severity
        Severity of each declaration's would-be lane.
    policy
        Lane and key of the draw.
    """
    eligible = severity < policy.random_lane.severity
    most = room.by_cell(np.flatnonzero(eligible))
    drawn: Flags = eligible & (seats >= most)[room.cell]
    hat = np.flatnonzero(eligible & ((seats > 0) & (seats < most))[room.cell])
    stratum = _stratum(declarations["regime_code"][hat], room.cell[hat], severity[hat])
    turn = np.argsort(stratum, kind="stable")
    hat, stratum, cell = hat[turn], stratum[turn], room.cell[hat[turn]]
    starts = np.floor(uniforms(policy.key, START, room.names) * most).astype(np.int64)
    place = np.arange(len(hat)) - np.searchsorted(cell, cell)
    # Whole numbers all through: of E places that go round by A, exactly A come to lie below A, each for A starts of E.
    taken = (place * seats[cell] + starts[cell]) % most[cell] < seats[cell]
    # Numbers are made for the strata that a place fell into: in the others nobody is drawn, whatever their order.
    touched = np.isin(stratum, stratum[taken])
    numbers = uniforms(policy.key, NUMBER, declarations["declaration_id"][hat[touched]].to_list())
    hat[touched] = hat[touched][np.lexsort((numbers, stratum[touched]))]
    drawn[hat[taken]] = True
    return drawn


def arm_share(seats: Counts, eligible: Counts) -> Shares:
    """Return the probability of being drawn by office's day: seats by those who are eligible, 1 where all find one.

    >>> arm_share(np.array([1, 3, 0]), np.array([4, 2, 0])).tolist()
    [0.25, 1.0, 0.0]
    """
    return np.minimum(seats / np.maximum(eligible, 1), 1.0)


def _stratum(regime: pl.Series, cell: Counts, severity: Counts) -> Counts:
    """Return a number for each declaration's stratum, in order of office's day, regime and would-be lane."""
    regimes = regime.drop_nulls().unique().sort()
    rank = regime.replace_strict(regimes, np.arange(len(regimes)), default=len(regimes), return_dtype=pl.Int64)
    stratum: Counts = (cell * (len(regimes) + 1) + rank.to_numpy()) * len(Lane) + severity
    return stratum


def _check(declarations: pl.DataFrame) -> None:
    if missing := [name for name in ARM_COLUMNS if name not in declarations.columns]:
        raise BundleError(f"The arm needs the column(s) {missing}{did_you_mean(missing[0], declarations.columns)}.")
    if unknown := declarations["would_be_lane"].null_count():
        raise BundleError(
            f"{unknown:,} declarations have no would-be lane: rows in quarantine have none and take no part in the "
            "draw. Leave them out."
        )
    if (twice := declarations["declaration_id"].is_duplicated()).any():
        number = declarations["declaration_id"].filter(twice)[0]
        raise BundleError(f"Declaration {number!r} stands there more than once. Give one row a declaration.")
