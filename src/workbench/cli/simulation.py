"""Commands that try policies on weeks that have passed, or on generated ones: simulate, experiments."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.runs import Given, pairs
from workbench.progress import Tell, progress

_SECONDS_BETWEEN_LINES = 30.0


def simulate(
    pipeline: Annotated[Path, typer.Argument(help="The programme's TOML, for example pipelines/kcs.toml.")],
    out: Annotated[Path, typer.Option(help="Folder for weeks.parquet, arms.parquet, summary.json and report.html.")],
    given: Given = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            help="Who chooses: arms joined by +, such as model+random:0.1; repeatable. Default: model and "
            "model+random:0.1."
        ),
    ] = None,
    rate: Annotated[float, typer.Option(help="Share of each week's goods that is controlled, in (0, 1].")] = 0.10,
    plan: Annotated[str, typer.Option(help="How the rate comes down to --rate: direct, linear or fast.")] = "direct",
    start_rate: Annotated[float, typer.Option(help="Rate that linear and fast start from.")] = 1.0,
    weeks: Annotated[int | None, typer.Option(help="Weeks to simulate. Default: all there are.")] = None,
    start_weeks: Annotated[int, typer.Option(help="Weeks before the first, whose labels are known.")] = 4,
    mask: Annotated[
        str, typer.Option(help="Labels hidden at the start: none, random:SHARE, importer:SHARE or natural.")
    ] = "none",
    replications: Annotated[int, typer.Option(help="How often each policy is simulated, with other lots.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed gives the same results, whatever the workers.")] = 17,
    workers: Annotated[
        int | None, typer.Option(help="Processes. Default: one a processor, at most one a run; 1 starts none.")
    ] = None,
    scheduler: Annotated[str, typer.Option(help="Address of a Dask scheduler whose workers see --out.")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the simulation in --out.")] = False,
) -> None:
    """Try policies week by week: select under capacity, reveal only what was selected, learn, go on.

    Every policy gets the same seats in the same weeks. Stop it when you like: --resume goes on where it was.

    Example: workbench simulate pipelines/kcs.toml -p train=train.csv.gz -p valid=valid.csv.gz --policy model
    --policy model+random:0.1 --policy random --rate 0.1 --out runs/kcs-10
    """
    from workbench.config import load_pipeline
    from workbench.reports.simulation_page import write_simulation_page
    from workbench.runner.interrupts import terminable
    from workbench.runner.state import locked
    from workbench.simulation.settings import Learning, Settings
    from workbench.simulation.study import Study

    programme = load_pipeline(pipeline, pairs(given))
    settings = Settings(Learning.of(programme), rate, plan, start_rate, weeks, start_weeks, mask, seed)
    study = Study.of(programme, policy or (), settings, replications=replications)
    study.check_folder(out, resume=resume)
    processes = workers or min(os.cpu_count() or 1, len(study.policies) * replications)
    try:
        with locked(out), terminable(), _told(study.weeks_in_all) as tell:
            results = study.run(out, workers=processes, scheduler=scheduler, tell=tell)
            write_simulation_page(results, out)
    except KeyboardInterrupt:
        print(
            f"Go on with the same command and --resume. What is done is kept in {shlex.quote(str(out))}.",
            file=sys.stderr,
        )
        raise
    print(results.describe())
    print(f"Open {out / 'report.html'} in a browser.")


def experiments(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of finished simulations.")],
    out: Annotated[Path, typer.Option(help="Folder for report.html, experiments.json and experiments.parquet.")],
) -> None:
    """Set simulations side by side: which policy at which capacity, how sure.

    Example: workbench experiments runs/kcs-01 runs/kcs-05 runs/kcs-10 --out runs/kcs-rates
    """
    from workbench.reports.experiments_page import write_experiments_page
    from workbench.simulation.experiments import Experiments

    found = Experiments.read(folders)
    write_experiments_page(found, out)
    print(found.describe())
    print(f"Open {out / 'report.html'} in a browser.")


@contextmanager
def _told(weeks: int) -> Iterator[Tell]:
    """Tell how many of the weeks are done: a bar with time left on a terminal, elsewhere a line now and then."""
    if sys.stderr.isatty():
        with progress(weeks) as tell:
            yield tell
    else:
        yield _Lines(weeks)


class _Lines:
    """Writes a line to standard error every half minute, with the time left."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._began = self._last = time.monotonic()
        self._first: int | None = None

    def __call__(self, phase: str, done: int) -> None:
        now = time.monotonic()
        # What an earlier call of the command had done was not done at this speed.
        self._first = done if self._first is None else self._first
        if now - self._last >= _SECONDS_BETWEEN_LINES and done > self._first:
            self._last = now
            left = (now - self._began) / (done - self._first) * (self._total - done)
            print(f"{phase}: {done:,} of {self._total:,}, about {_duration(left)} left", file=sys.stderr)


def _duration(seconds: float) -> str:
    """Write a duration in the unit that fits it.

    >>> _duration(42), _duration(600)
    ('42 s', '10 min')
    """
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


COMMANDS = (simulate, experiments)
"""In the order of the help."""
