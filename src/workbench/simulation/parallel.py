"""Many policies and replications at once: one process a run, over Dask; with one worker, one after the other.

Runs know nothing of each other, so that the results are the same for any number of workers. Each keeps its checkpoint
in its own folder: what is finished is not run again, and what was begun goes on, in this process or another.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any

from workbench.errors import ParameterError
from workbench.progress import Tell

from .jobs import Failure, Job, SimulationError, run_job
from .run import RunOfPolicy

if TYPE_CHECKING:
    from distributed import Client, Future

PHASE = "weeks simulated"
_WEEK_DONE = "workbench-week-done"
_START_SECONDS = 60


def run_all(
    todo: Sequence[Job], *, workers: int = 1, scheduler: str = "", tell: Tell | None = None
) -> list[RunOfPolicy]:
    """Run the jobs and return what each found, in their order.

    Parameters
    ----------
    todo
        The jobs, each with a folder of its own.
    workers
        Processes of this machine, one thread each. With 1 everything is done in this one.
    scheduler
        Address of a Dask scheduler that is there already, such as ``tls://10.0.0.5:8786``; its workers are used
        instead, and must see the same folders.
    tell
        Told how many weeks of all jobs are done.

    Raises
    ------
    SimulationError
        If runs failed; each is named with its week. The others have gone on to their end, and all of it is kept.
    ParameterError
        If there is no worker, or no scheduler at the address.
    """
    if workers < 1:
        raise ParameterError(f"{workers} workers cannot simulate anything. Give --workers 1 or more.")
    told = _Told(tell)
    if workers == 1 and not scheduler:
        ended = [run_job(job, partial(told, job.key)) for job in todo]
    else:
        ended = _run_on_cluster(todo, min(workers, len(todo)), scheduler, told)
    if failures := [one for one in ended if isinstance(one, Failure)]:
        raise SimulationError.of(failures, len(todo))
    return [one for one in ended if isinstance(one, RunOfPolicy)]


class _Told:
    """Adds up the weeks that all runs have done; several threads may tell."""

    def __init__(self, tell: Tell | None) -> None:
        self._tell = tell
        self._done: dict[str, int] = {}

    def __call__(self, key: str, weeks: int) -> None:
        # A run that goes on elsewhere begins at its checkpoint, a little before where it was.
        self._done[key] = max(weeks, self._done.get(key, 0))
        if self._tell is not None:
            self._tell(PHASE, sum(list(self._done.values())))


def _run_on_cluster(todo: Sequence[Job], workers: int, scheduler: str, told: _Told) -> list[RunOfPolicy | Failure]:
    with _client(workers, scheduler) as client:
        client.subscribe_topic(_WEEK_DONE, lambda event: told(event[1]["job"], event[1]["weeks"]))
        # Without pure=False a run like one before on a cluster that stays would not be run at all.
        futures = [client.submit(_run_on_worker, job, key=f"{job.folder}-{job.key}", pure=False) for job in todo]
        try:
            return [_result(job, future) for job, future in zip(todo, futures, strict=True)]
        finally:
            client.cancel(futures, force=True)


def _run_on_worker(job: Job) -> RunOfPolicy | Failure:
    from distributed import get_worker

    worker = get_worker()
    return run_job(job, lambda weeks: worker.log_event(_WEEK_DONE, {"job": job.key, "weeks": weeks}))


def _result(job: Job, future: Future) -> RunOfPolicy | Failure:
    """Return what a job came to; a future fails by itself where its workers died again and again."""
    if error := future.exception():
        return job.fails(f"no worker could finish it ({error})")
    found: RunOfPolicy | Failure = future.result()
    return found


@contextmanager
def _client(workers: int, scheduler: str) -> Iterator[Client]:
    from distributed import Client

    if not scheduler:
        with _local_cluster(workers) as cluster, Client(cluster, set_as_default=False) as client:
            yield client
        return
    try:
        client = Client(scheduler, timeout=_START_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ParameterError(
            f"No Dask scheduler answers at {scheduler!r} ({error}). Start one with `dask scheduler`, or leave "
            "--scheduler out and give --workers."
        ) from None
    with client:
        yield client


@contextmanager
def _local_cluster(workers: int) -> Iterator[Any]:
    """Start processes of this machine that listen on its own address only, and talk by keys made for this once.

    Whoever reaches a Dask scheduler can run code as its user: on a machine that several people use, an open port on
    127.0.0.1 is not closed enough.
    """
    import dask
    from distributed import LocalCluster

    settings = {
        "distributed.worker.multiprocessing-method": "spawn",
        "distributed.nanny.pre-spawn-environ": {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"},
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
        "distributed.nanny.http.routes": [],
    }
    cluster = partial(
        LocalCluster,
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        security=True,
        dashboard_address=None,
        # Its pages have no keys: without any there is nothing to see, on a port that disturbs nobody.
        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        memory_limit=0,
        silence_logs="CRITICAL",
    )
    with dask.config.set(settings):
        with _ctrl_c_is_for_this_process():
            started = cluster()
        with started:
            yield started


@contextmanager
def _ctrl_c_is_for_this_process() -> Iterator[None]:
    """Keep Ctrl-C, which a terminal sends to every process, from the threads and processes started in the block.

    Workers are ended by this process, in order; without this each would write a trace of its own. What is started
    inherits the mask of blocked signals, workers that are started later in the place of a dead one included.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    # Started with the first process otherwise, it would unblock the signal again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
