"""A simulation of one policy and replication: select under capacity, reveal what was selected, learn, go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from workbench.errors import ParameterError
from workbench.progress import Tell

from .checkpoints import Checkpoint
from .course import Course
from .policies.spec import canonical_text, parse_policy
from .policy import Policy
from .settings import Settings
from .world import World

_CHECKPOINT_SECONDS = 30.0
"""Work that is lost when a run is stopped, at most, but for the week that is under way."""


@dataclass(frozen=True)
class RunOfPolicy:
    """What a simulation of one policy and replication found.

    Parameters
    ----------
    policy
        The text that names it (see `policies.spec.canonical_text`).
    replication
        Number of the replication.
    weeks
        `metrics.WEEK_COLUMNS` and a ``told:*`` column for each number that the policy told; one row a week.
    arms
        `metrics.ARM_COLUMNS`; one row a week and arm.
    seconds
        Time that the weeks took, in whatever processes; without what was lost when one was stopped.
    """

    policy: str
    replication: int
    weeks: pl.DataFrame
    arms: pl.DataFrame
    seconds: float

    @property
    def precision(self) -> float | None:
        """Mean of the weeks' precisions, over the weeks that have one; larger is better."""
        mean = self.weeks["precision"].mean()
        return mean if isinstance(mean, float) else None

    def describe(self) -> str:
        """Return a line for a terminal."""
        precision = "no precision" if self.precision is None else f"mean precision {self.precision:.3f}"
        return (
            f"{self.policy}, replication {self.replication}: {self.weeks.height} weeks, "
            f"{self.weeks['controls'].sum():,} controls, {self.weeks['violations_found'].sum():,} of "
            f"{self.weeks['violations'].sum():,} violations found, {precision}, {self.seconds:.0f} s."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the totals as plain JSON values."""
        totals = ("controls", "violations_found", "violations")
        return {
            "policy": self.policy,
            "replication": self.replication,
            "weeks": self.weeks.height,
            "mean_precision": self.precision,
            "seconds": round(self.seconds, 3),
        } | {name: int(self.weeks[name].sum()) for name in totals}


def simulate(
    world_of: Callable[[int], World],
    policy_text: str,
    settings: Settings,
    folder: Path | None = None,
    tell: Tell | None = None,
) -> RunOfPolicy:
    """Simulate one policy for one replication.

    Parameters
    ----------
    world_of
        Makes the world of a replication.
    policy_text
        The policy, in the grammar of ``--policy``.
    settings
        Capacity, start, learning and replication.
    folder
        Where checkpoints are kept, so that a simulation that was stopped goes on; ``None`` keeps none.
    tell
        Told the weeks done.

    Raises
    ------
    PolicyError
        The policy broke its contract.
    ParameterError
        The policy is unknown, or more weeks are asked for than the world has.
    RunDirectoryError
        The folder holds checkpoints of another simulation.
    """
    policy, name = parse_policy(policy_text), canonical_text(policy_text)
    return simulate_policy(world_of(settings.replication), policy, settings, name=name, folder=folder, tell=tell)


def simulate_policy(
    world: World,
    policy: Policy,
    settings: Settings,
    *,
    name: str,
    folder: Path | None = None,
    tell: Tell | None = None,
) -> RunOfPolicy:
    """Simulate a policy that was made already, under a name; otherwise as :func:`simulate`."""
    weeks = _weeks(world, settings)
    course = Course.begin(world, policy, settings, name)
    kept = None if folder is None else Checkpoint.read(folder, course.identity)
    if kept is not None:
        course.resume(kept)
    if tell:
        tell(name, course.next_week)
    written = time.monotonic()
    while course.next_week < weeks:
        course.go_on(weeks)
        if folder is not None and _is_due(course, weeks, time.monotonic() - written):
            course.checkpoint().write(folder)
            written = time.monotonic()
        if tell:
            tell(name, course.next_week)
    return RunOfPolicy(name, settings.replication, course.week_table(), course.arm_table(), course.seconds)


def _is_due(course: Course, weeks: int, seconds: float) -> bool:
    """Say whether a checkpoint is due, so many seconds after the last: weeks may take long, and the first ones too."""
    every = course.settings.learning.simulation.checkpoint_weeks
    return course.next_week in (1, weeks) or course.next_week % every == 0 or seconds >= _CHECKPOINT_SECONDS


def _weeks(world: World, settings: Settings) -> int:
    if settings.weeks is None:
        return world.weeks
    if settings.weeks > world.weeks:
        raise ParameterError(f"weeks is {settings.weeks}; the data have {world.weeks} after the start.")
    return settings.weeks
