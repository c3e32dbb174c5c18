"""The runs of a simulation as jobs: one policy and replication each, in a folder of its own."""

from __future__ import annotations

import hashlib
import re
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.errors import SelectivityError
from workbench.scorer.files import write_text_atomically

from .run import RunOfPolicy, simulate
from .settings import Settings
from .world import World

RUNS, STUDY_FILE = "runs", "study.json"
_LOG = "error.log"
_MOST_NAMED = 3


class SimulationError(SelectivityError):
    """Runs of a simulation failed; the message names policy, replication and week of each."""

    exit_code = 3

    @classmethod
    def of(cls, failures: Sequence[Failure], runs: int) -> SimulationError:
        """Build the error for some of so many runs."""
        named = "\n".join(f"  {failure}" for failure in failures[:_MOST_NAMED])
        more = f"\n  and {len(failures) - _MOST_NAMED} more" if len(failures) > _MOST_NAMED else ""
        return cls(
            f"{len(failures)} of {runs} runs failed:\n{named}{more}\nWhat the others found is kept. Mend the cause and "
            "go on with --resume."
        )


@dataclass(frozen=True)
class Job:
    """One run.

    Parameters
    ----------
    world_of
        Gives the world of a replication; it has to reach other processes, so it is a function of a module or an object
        that can be copied.
    policy
        As ``--policy`` writes it.
    settings
        With the number of the replication.
    folder
        Where the run keeps its checkpoint; seen by every process.
    """

    world_of: Callable[[int], World]
    policy: str
    settings: Settings
    folder: Path

    @property
    def key(self) -> str:
        """Name of the job among the others."""
        return f"{self.policy}/{self.settings.replication}"

    def fails(self, cause: str, week: int | None = None) -> Failure:
        """Return the failure of this job."""
        return Failure(self.policy, self.settings.replication, week, cause)


@dataclass(frozen=True)
class Failure:
    """A run that stopped: where, and why; `week` is ``None`` where it had not come to simulate one."""

    policy: str
    replication: int
    week: int | None
    cause: str

    def __str__(self) -> str:
        at = "" if self.week is None else f", week {self.week}"
        return f"policy {self.policy!r}, replication {self.replication}{at}: {self.cause}"


def jobs_of(
    world_of: Callable[[int], World], policies: Sequence[str], settings: Settings, folder: Path, *, replications: int
) -> list[Job]:
    """Return one job a policy and replication, replication by replication, so that all policies come along together."""
    return [
        Job(world_of, policy, replace(settings, replication=number), folder / RUNS / folder_name(policy, number))
        for number in range(replications)
        for policy in policies
    ]


def run_job(job: Job, done: Callable[[int], object]) -> RunOfPolicy | Failure:
    """Run a job, or go on with it; what it raises is returned, so that the others go on.

    Parameters
    ----------
    job
        The job.
    done
        Told how many of its weeks are done.
    """
    week: int | None = None

    def tell(_: str, weeks: int) -> None:
        nonlocal week
        week = weeks
        done(weeks)

    try:
        job.folder.mkdir(parents=True, exist_ok=True)
        found = simulate(job.world_of, job.policy, job.settings, job.folder, tell)
        done(found.weeks.height)
        return found
    except SelectivityError as error:
        return job.fails(str(error), week)
    except Exception as error:
        log = job.folder / _LOG
        write_text_atomically(traceback.format_exc(), log)
        return job.fails(f"{type(error).__name__}: {error} (see {log})", week)


def folder_name(policy: str, replication: int) -> str:
    """Return the name of a run's folder, which tells the policy and is its alone.

    >>> folder_name("model+random:0.1", 0)
    'model_random_0.1-2e38-0'
    """
    digest = hashlib.sha256(policy.encode()).hexdigest()[:4]
    return f"{re.sub(r'[^a-z0-9.-]+', '_', policy.lower()).strip('_')[:60]}-{digest}-{replication}"
