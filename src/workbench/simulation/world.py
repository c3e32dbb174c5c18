"""The contract of a world: where a simulation's goods come from, and what a control of them would find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import polars as pl

from .policy import Counts


@dataclass(frozen=True)
class Start:
    """What is known before the first week: goods lodged until then, and the results of past controls.

    Parameters
    ----------
    goods
        Canonical columns known at lodgement, in canonical order.
    outcomes
        Of all goods whose truth is known, before any masking: key, ``violation``, ``recovered_duty_usd`` (null where
        the source has no revenue), ``label_known_at``, and ``controlled``, whether the source's own controls had looked
        at them: mask ``natural`` leaves these only.
    """

    goods: pl.DataFrame
    outcomes: pl.DataFrame


@dataclass(frozen=True)
class Week:
    """A week's goods, with the truth about them that only the simulation may see.

    Parameters
    ----------
    number
        From 0.
    start, end
        First moment, and the moment after the last.
    goods
        Canonical columns known at lodgement, in canonical order; no rows in a week without declarations.
    truth
        Key, ``violation``, ``recovered_duty_usd``, ``label_known_at`` of what a control would find and when, one row
        for each of the goods, in their order; ``violation`` null where the source does not know.
    """

    number: int
    start: datetime
    end: datetime
    goods: pl.DataFrame
    truth: pl.DataFrame


class World(Protocol):
    """Goods week by week. A world may react to what was controlled; one that replays records does not."""

    @property
    def fingerprint(self) -> str:
        """Digest of all that there is and of what a control of it would find, or of what it is all drawn from.

        A simulation goes on only in the world in which it began: two that differ in one result differ here.
        """

    @property
    def weeks(self) -> int:
        """Number of weeks after the start."""

    def start(self) -> Start:
        """Return what is known before the first week."""

    def week(self, number: int) -> Week:
        """Return a week's goods; asked for once each, in order, after `controlled` was told of the one before."""

    def controlled(self, week: Week, places: Counts) -> None:
        """Tell which rows of the week's goods were controlled: traders see it."""

    @property
    def state(self) -> Mapping[str, Any]:
        """What the world remembers from week to week, as plain JSON values."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
