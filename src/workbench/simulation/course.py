"""The course of a simulation: a week after another, each measured and learnt from, from any checkpoint on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from workbench import __version__

from .checkpoints import Checkpoint
from .choosing import check_choice, check_state, check_told
from .digests import sha256
from .knowledge import Knowledge
from .learner import KnownLearner
from .masking import Mask
from .metrics import ARM_COLUMNS, TOLD, WEEK_COLUMNS, arms_found, week_found
from .plans import rate_of_week, seats_of_week
from .policy import Choice, Policy, Situation
from .settings import Settings
from .world import Week, World


@dataclass
class Course:
    """A simulation of one policy under way.

    Parameters
    ----------
    world, policy, settings
        What is simulated.
    name
        Of the policy, in tables and messages.
    identity
        What makes this simulation another one than others: its policy, settings, criteria and data, by name.
    knowledge
        Goods and controls so far.
    next_week
        Number of the first week that is not done.
    learnt_until
        Moment up to which the policy has learnt what became known; ``None`` before the first week.
    seconds
        Time that the weeks took, in whatever processes.
    weeks, arms
        Rows of the tables so far.
    """

    world: World
    policy: Policy
    settings: Settings
    name: str
    identity: Mapping[str, str]
    knowledge: Knowledge
    next_week: int = 0
    learnt_until: datetime | None = None
    seconds: float = 0.0
    weeks: list[dict[str, Any]] = field(default_factory=list)
    arms: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def begin(cls, world: World, policy: Policy, settings: Settings, name: str) -> Course:
        """Return the simulation before its first week, with what the mask leaves of the start."""
        start = world.start()
        known = Mask.parse(settings.mask).known(start, settings.key)
        return cls(world, policy, settings, name, _identity(world, settings, name), Knowledge.of(start, known))

    def resume(self, kept: Checkpoint) -> None:
        """Go on from a checkpoint of this simulation."""
        self.policy.restore(kept.policy)
        self.world.restore(kept.world)
        self.knowledge, self.next_week, self.learnt_until = kept.knowledge, kept.next_week, kept.learnt_until
        self.seconds = kept.seconds
        self.weeks, self.arms = kept.weeks.to_dicts(), kept.arms.to_dicts()

    def checkpoint(self) -> Checkpoint:
        """Return how far the simulation has come."""
        check_state(self.policy.state, policy=self.name, week=self.next_week - 1)
        return Checkpoint(
            identity=self.identity,
            next_week=self.next_week,
            learnt_until=self.learnt_until,
            seconds=self.seconds,
            knowledge=self.knowledge,
            weeks=self.week_table(),
            arms=self.arm_table(),
            policy=self.policy.state,
            world=self.world.state,
        )

    def go_on(self, weeks: int) -> None:
        """Do the next week."""
        began = time.perf_counter()
        week = self.world.week(self.next_week)
        self.policy.learn(self.knowledge.new_labels(week.start, self.learnt_until))
        self.learnt_until = week.start
        seats = self._seats(week, weeks)
        choice = self._choice(week, seats) if min(seats, week.goods.height) else None
        self._record(week, seats, choice)
        chosen = choice or _nothing(week.goods.height)
        self.world.controlled(week, chosen.places)
        self.knowledge = self.knowledge.after(week, chosen)
        self.next_week += 1
        self.seconds += time.perf_counter() - began

    def _seats(self, week: Week, weeks: int) -> int:
        rate = rate_of_week(self.settings, week.number, weeks)
        return seats_of_week(rate, week.goods.height, self.settings.key, week.number)

    def _choice(self, week: Week, seats: int) -> Choice:
        past = self.knowledge.as_of(week.start)
        situation = Situation(
            week.number,
            week.start,
            week.goods,
            past.select(week.goods.columns),
            self.knowledge.labels(week.start),
            KnownLearner(self.settings.learning, past, week.goods),
            self.settings.key,
        )
        choice = self.policy.choose(situation, seats)
        check_choice(choice, policy=self.name, week=week.number, goods=week.goods.height, seats=seats)
        return choice

    def _record(self, week: Week, seats: int, choice: Choice | None) -> None:
        chosen = choice or _nothing(week.goods.height)
        who = {"week": week.number, "policy": self.name, "replication": self.settings.replication}
        known = self.knowledge.labels(week.start).height
        told = self.policy.told() if choice else {}
        check_told(told, policy=self.name, week=week.number)
        self.weeks.append(
            {**who, "week_start": week.start, "seats": seats, "labels_known": known}
            | week_found(week.truth, chosen.places)
            | {f"{TOLD}{what}": float(number) for what, number in told.items()}
        )
        self.arms += [who | row for row in arms_found(week.truth, chosen.places, chosen.arms)]

    def week_table(self) -> pl.DataFrame:
        """Return `metrics.WEEK_COLUMNS` and what the policy told, one row a week."""
        told = sorted({name for row in self.weeks for name in row if name.startswith(TOLD)})
        return _table(self.weeks, WEEK_COLUMNS | dict.fromkeys(told, pl.Float64()))

    def arm_table(self) -> pl.DataFrame:
        """Return `metrics.ARM_COLUMNS`, one row a week and arm."""
        return _table(self.arms, ARM_COLUMNS)


def _table(rows: list[dict[str, Any]], columns: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in columns} for row in rows], schema=dict(columns))


def _nothing(goods: int) -> Choice:
    return Choice(np.empty(0, dtype=np.int64), (), np.zeros(goods))


def _identity(world: World, settings: Settings, name: str) -> dict[str, str]:
    file = settings.learning.criteria
    # Where the criteria lie says nothing of what they say.
    said = replace(settings, learning=replace(settings.learning, criteria=None))
    return {
        "version": __version__,
        "policy": name,
        "settings": sha256(repr(said).encode()),
        "criteria": sha256(file.read_bytes() if file is not None and file.is_file() else b""),
        "data": world.fingerprint,
    }
