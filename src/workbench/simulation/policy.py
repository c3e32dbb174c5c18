"""The contract of a policy: what it is shown of a week, what it answers, and how it learns and is kept.

A policy sees a week's goods as lodged, and what was known when the week began; nothing in either knows the future. It
answers with the goods to control, at most as many as there are controls, and with the probability that it would have
chosen each: estimates rest on these.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.scorer.lanes.draw import uniforms

Values = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Learner(Protocol):
    """What was learnt from everything known when a week began, applied to the week's goods; n goods.

    All of it is worked out when it is first asked for: a policy that never asks for scores trains no model.
    """

    @property
    def score(self) -> Values:
        """Probability of a violation in (0, 1), shape (n,); the prior for all where nothing can be learnt yet."""

    @property
    def expected_recovery(self) -> Values:
        """Duty in USD that a control would recover, shape (n,); NaN where the source has no revenue."""

    @property
    def leaves(self) -> npt.NDArray[np.int32]:
        """Leaf that each tree puts each of the goods in, shape (n, trees); no column where nothing was learnt."""

    @property
    def criteria(self) -> Values:
        """Severity of the lane that criteria propose, shape (n,), from 0 for none to 4 for red.

        Every hit proposes, whatever its hit percentage: seats are what is short. Many goods share a severity; whoever
        orders by it must break ties himself.
        """

    def group_counts(self, columns: tuple[str, ...]) -> tuple[Values, Values]:
        """Return known violations and known labels of each of the goods' own group by `columns`, both (n,).

        `columns` are known at lodgement or derived from such, like ``hs6``; goods without a value form a group too.
        """


@dataclass(frozen=True)
class Situation:
    """What a policy may look at when it chooses.

    Parameters
    ----------
    week
        Number of the week, from 0.
    start
        First moment of the week.
    goods
        The week's goods: canonical columns known at lodgement, one row an item, in canonical order.
    past
        All goods lodged before the week, controlled or not: the columns of `goods`, in canonical order.
    labels
        What controls had found, and was recorded, before the week began: key, ``week`` in which the goods were lodged
        (-1 for those of before the simulation), ``arm`` that chose them (``start`` for those), ``probability`` with
        which they were chosen (1 for those), ``violation`` (0 or 1) and ``recovered_duty_usd`` (null without revenue).
        In canonical order of the keys.
    learner
        What can be learnt from all of it.
    key
        Key of the lots; the same for all policies of a simulation, another for each replication.
    """

    week: int
    start: datetime
    goods: pl.DataFrame
    past: pl.DataFrame
    labels: pl.DataFrame
    learner: Learner
    key: bytes

    def lots(self, purpose: str) -> Values:
        """Return a number in [0, 1) for each of the goods, drawn for `purpose` alone; see :mod:`.scorer.lanes.draw`."""
        names = self.goods.select(pl.concat_str("declaration_id", pl.lit("/"), "item_no")).to_series()
        return uniforms(self.key, purpose, names.to_list())


@dataclass(frozen=True)
class Choice:
    """The goods to control.

    Parameters
    ----------
    places
        Rows of the week's goods, each at most once, the most wanted first.
    arms
        Arm that chose each of them, such as ``model`` or ``random``.
    probability
        Probability that the policy would have chosen each of the goods, shape (n,), lots being drawn anew; above 0 for
        whatever was chosen, and 1 for what is chosen without a lot.
    """

    places: Counts
    arms: tuple[str, ...]
    probability: Values


class Policy(ABC):
    """Chooses the goods of each week. Larger is better in nothing here: a simulation measures it.

    A policy is made anew for each replication. What it must remember from week to week lies in `state`, so that a
    simulation that was stopped goes on as if it had not been.
    """

    name: ClassVar[str]
    """How the command line calls this kind."""

    @property
    def text(self) -> str:
        """The policy as the command line writes it; names its rows in all tables."""
        return self.name

    def explain(self) -> str:
        """Return in a sentence what it chooses by: the first one of the class's docstring."""
        return first_sentence(type(self))

    @abstractmethod
    def choose(self, situation: Situation, seats: int) -> Choice:
        """Choose `seats` of the goods, or all of them where there are no more.

        Asked only in weeks with at least one of both.
        """

    def learn(self, results: pl.DataFrame) -> None:  # noqa: B027 - most kinds remember nothing
        """Take in what became known since the last week: the columns of `Situation.labels`, new rows only.

        Called once a week, before :meth:`choose`; in the first with the labels of the start. May have no rows.
        """

    @property
    def state(self) -> Mapping[str, Any]:
        """What must be remembered, as plain JSON values."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Take up what `state` gave."""

    def told(self) -> Mapping[str, float]:
        """Return numbers to keep with the week, such as the share of exploration; no more than a few."""
        return {}


def first_sentence(kind: type) -> str:
    """Return the first paragraph of a class's docstring as plain text."""
    return " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].replace("``", "").split())
