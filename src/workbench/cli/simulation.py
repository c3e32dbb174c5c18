"""Commands that try policies on weeks that have passed, or on generated ones: simulate, experiments."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.runs import Given, pairs
from workbench.errors import ParameterError
from workbench.progress import Tell, progress

if TYPE_CHECKING:
    from workbench.simulation.study import Study

_SECONDS_BETWEEN_LINES, _LINES = 30.0, 10


def _list_policies(wanted: bool) -> None:
    if wanted:
        from workbench.simulation.policies.spec import help_text

        print(help_text())
        raise typer.Exit


def simulate(
    pipeline: Annotated[Path, typer.Argument(help="The programme's TOML, for example pipelines/kcs.toml.")],
    out: Annotated[Path, typer.Option(help="Folder for weeks.parquet, arms.parquet, summary.json and report.html.")],
    given: Given = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            help="Who chooses; repeatable. Arms joined by +: one without a share, others with :SHARE of the seats, "
            "such as model+random:0.1. --policies lists what there is. Default: model and model+random:0.1."
        ),
    ] = None,
    rate: Annotated[
        float, typer.Option(help="Share of each week's declaration items that is controlled, in (0, 1].")
    ] = 0.10,
    plan: Annotated[str, typer.Option(help="How the rate comes down to --rate: direct, linear or fast.")] = "direct",
    start_rate: Annotated[float, typer.Option(help="Rate that linear and fast start from.")] = 1.0,
    weeks: Annotated[
        int | None,
        typer.Option(help="Weeks to simulate. Default: all that records have after the start; 104 of generated goods."),
    ] = None,
    start_weeks: Annotated[int, typer.Option(help="Weeks before the first, whose labels are known.")] = 4,
    mask: Annotated[
        str, typer.Option(help="Labels known at the start: none hides none; random:SHARE, importer:SHARE or natural.")
    ] = "none",
    replications: Annotated[
        int,
        typer.Option(
            help="How often each policy is simulated, with other lots: generated goods are drawn anew each time (seeds "
            "of the pipeline and on), records stay the same."
        ),
    ] = 1,
    seed: Annotated[
        int,
        typer.Option(
            help="Seed of the lots: the same gives the same results, whatever the workers. Generated goods have their "
            "own, in the pipeline."
        ),
    ] = 17,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes, 1 or more. Default: one a processor, at most one a run; 1 starts none."),
    ] = None,
    scheduler: Annotated[str, typer.Option(help="Address of a Dask scheduler whose workers see --out.")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the simulation in --out.")] = False,
    policies: Annotated[
        bool,
        typer.Option(
            "--policies", help="List what --policy may name, and exit.", is_eager=True, callback=_list_policies
        ),
    ] = False,
) -> None:
    """Try policies week by week: select under capacity, reveal only what was selected, learn, go on.

    Every policy gets the same seats in the same weeks. Stop it when you like: --resume goes on where it was.

    Example: workbench simulate pipelines/kcs.toml -p train=train.csv.gz -p valid=valid.csv.gz --policy model
    --policy model+random:0.1 --policy random --rate 0.1 --out runs/kcs-10
    """
    from workbench.config import load_pipeline
    from workbench.reports.simulation_page import write_simulation_page
    from workbench.runner.interrupts import terminable
    from workbench.simulation.settings import Learning, Settings
    from workbench.simulation.study import Study

    programme = load_pipeline(pipeline, pairs(given))
    settings = Settings(Learning.of(programme), rate, plan, start_rate, weeks, start_weeks, mask, seed)
    study = Study.of(programme, policy or (), settings, replications=replications)
    study.check_folder(out, resume=resume)
    processes = _processes(workers, len(study.policies) * replications)
    print(study.describe(), file=sys.stderr)
    try:
        with terminable(), _told(study.weeks_in_all) as tell:
            results = study.run(out, workers=processes, scheduler=scheduler, tell=tell)
            write_simulation_page(results, out)
    except KeyboardInterrupt:
        print(_what_is_kept(study, out), file=sys.stderr)
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


def _processes(workers: int | None, runs: int) -> int:
    if workers is None:
        return min(os.cpu_count() or 1, runs)
    if workers < 1:
        raise ParameterError(f"--workers {workers} can simulate nothing. Give 1 or more, or leave it out.")
    return workers


def _what_is_kept(study: Study, out: Path) -> str:
    kept, folder = study.weeks_kept(out), shlex.quote(str(out))
    if kept:
        return (
            f"{kept:,} of {study.weeks_in_all:,} weeks are kept in {folder}. Go on with the same command and --resume."
        )
    return f"No week was done, so none is kept in {folder}. Begin again with the same command and --resume."


@contextmanager
def _told(weeks: int) -> Iterator[Tell]:
    """Tell how many of the weeks are done: a bar with time left on a terminal, elsewhere a line now and then."""
    if sys.stderr.isatty():
        with progress(weeks) as tell:
            yield tell
    else:
        yield _Lines(weeks)


class _Lines:
    """Writes a line to standard error at the start, at each tenth of the work, and every half minute at least."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._first: int | None = None
        self._began = self._last = 0.0
        self._tenth = 0

    def __call__(self, phase: str, done: int) -> None:
        now, tenth = time.monotonic(), _LINES * done // max(self._total, 1)
        if self._first is None:
            # Neither what an earlier call of the command had done nor the reading of the data is a matter of speed.
            self._first, self._began = done, now
        elif done == self._first or (tenth == self._tenth and now - self._last < _SECONDS_BETWEEN_LINES):
            return
        self._last, self._tenth = now, tenth
        print(f"{phase}: {done:,} of {self._total:,}{self._left(done, now)}", file=sys.stderr)

    def _left(self, done: int, now: float) -> str:
        new = done - (self._first or 0)
        if not new or done >= self._total:
            return ""
        return f", about {_duration((now - self._began) / new * (self._total - done))} left"


def _duration(seconds: float) -> str:
    """Write a duration in the unit that fits it.

    >>> _duration(42), _duration(600)
    ('42 s', '10 min')
    """
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


COMMANDS = (simulate, experiments)
"""In the order of the help."""
