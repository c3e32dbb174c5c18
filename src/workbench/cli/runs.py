"""Commands that make, run, tune, export and score."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.progress import progress

if TYPE_CHECKING:
    from workbench.runner import RunResult

_RUNS = Path("runs")

Given = Annotated[list[str] | None, typer.Option("-p", metavar="KEY=VALUE", help="Value of a parameter; repeatable.")]


def run(
    pipeline: Annotated[Path, typer.Argument(help="The programme's TOML, for example pipelines/declarations.toml.")],
    given: Given = None,
    out: Annotated[Path | None, typer.Option(help="New folder for the run. Default: runs/<name>-<moment>.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
    track: Annotated[bool, typer.Option(help="Keep the run in MLflow and register the model.")] = True,
) -> None:
    """Execute a pipeline: prepare, train, evaluate, explain, select, report, export.

    Example: workbench run pipelines/kcs.toml -p train=train.csv.gz -p valid=valid.csv.gz --out runs/kcs
    """
    from workbench.errors import ParameterError, StepError
    from workbench.runner import run_pipeline
    from workbench.tracking import TrackingError

    if out and resume:
        raise ParameterError("Give --out for a new run or --resume for one that was begun, not both.")
    # Resolved: the folder is named by itself, not by the link that led to it.
    folder = resume.resolve() if resume else out or _RUNS / f"{pipeline.stem}-{datetime.now():%Y%m%d-%H%M%S}"
    go_on = f"Go on with: workbench run {shlex.quote(str(pipeline))} --resume {shlex.quote(str(_shown(folder)))}"
    try:
        result = run_pipeline(pipeline, pairs(given), folder, resume=resume is not None, track=track)
    except (StepError, TrackingError) as error:
        error.add_note(go_on)
        raise
    except KeyboardInterrupt:
        print(go_on, file=sys.stderr)
        raise
    if not out:
        _point_latest(result.run_dir)
    _tell_outputs(result)
    _tell_left_out(result)


def generate(
    out: Annotated[Path, typer.Option(help="Folder to make.")],
    rows: Annotated[int, typer.Option(min=1, help="Declaration items.")] = 200_000,
    months: Annotated[int, typer.Option(min=1, help="Length of the period.")] = 12,
    seed: Annotated[int, typer.Option(help="The same seed gives the same tables.")] = 17,
    violation_rate: Annotated[
        float | None, typer.Option(help="Share of declarations that cheat. Default: 0.0044, as published rates imply.")
    ] = None,
) -> None:
    """Generate declarations, outcomes of controls and the truth about them (for tests and simulations only).

    Example: workbench generate --rows 200000 --months 12 --seed 17 --out data/generated
    """
    from workbench.synthetic import WorldConfig
    from workbench.synthetic import generate as write

    world = WorldConfig() if violation_rate is None else WorldConfig(violation_rate=violation_rate)

    def on_chunk(done: int, _: int) -> None:
        tell("generate", done)

    with progress(rows) as tell:
        summary = write(out, rows=rows, months=months, seed=seed, config=world, on_chunk=on_chunk)
    print(summary.describe())


def tune(
    pipeline: Annotated[Path, typer.Argument(help="The programme's TOML; the result is written into it.")],
    run_dir: Annotated[Path, typer.Option("--run", help="A run of this pipeline, whose prepared tables are used.")],
    dry_run: Annotated[bool, typer.Option(help="Show the result and leave the TOML as it is.")] = False,
) -> None:
    """Search the model's parameters within the bounds of [model.tuning], on the learning part only.

    Example: workbench tune pipelines/declarations.toml --run runs/declarations-20260101-120000
    """
    from workbench.tuning import search, write_result

    result = search(pipeline, run_dir, lambda line: print(line, file=sys.stderr))
    print(result.describe())
    if result.is_better and not dry_run:
        write_result(pipeline, result)
        print(f"Written into {pipeline}.")


def export(
    run_dir: Annotated[Path, typer.Argument(help="A finished run.")],
    out: Annotated[Path, typer.Option(help="Folder for bundle/ and dist/.")],
) -> None:
    """Export a run's scorer as a bundle and as an installable wheel.

    Example: workbench export runs/kcs --out exported
    """
    from workbench.stages.exporting import export as write
    from workbench.stages.folder import RunFolder

    exported = write(RunFolder.open(run_dir), out)
    print(exported.describe())


def score(
    bundle: Annotated[Path, typer.Argument(help="Bundle directory or selectivity_scorer wheel.")],
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="CSV or Parquet file, folder or quoted glob, raw columns.")
    ],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    reasons: Annotated[bool, typer.Option(help="Put reasons into sentences.")] = True,
    as_of: Annotated[
        datetime | None, typer.Option(help="Later lodgements go to quarantine. Default: end of today.")
    ] = None,
    hits: Annotated[Path | None, typer.Option(help="Parquet file for every hit of every criterion.")] = None,
    counters: Annotated[
        Path | None,
        typer.Option(
            help="JSON file of hits passed over, read if it is there and written after the decisions: forced selection "
            "goes on from the file before. Default: each file starts at zero. Scoring a file twice counts it twice."
        ),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(
            help="File of one line with the key of the draws, 64 hexadecimal digits, in place of the bundle's own. "
            "Default: the environment's WORKBENCH_RANDOM_KEY, else the bundle's own."
        ),
    ] = None,
) -> None:
    """Decide every row of a file with an exported scorer; where none of them could be read the exit code is 4.

    Example: workbench score runs/kcs/bundle test.csv.gz --out decisions.parquet
    """
    from workbench.scorer.__main__ import describe, end_of_today
    from workbench.scorer.batch import NOTHING_READ, score_file
    from workbench.scorer.keys import given_key
    from workbench.serving.batch import first_finding, open_bundle

    key, moment = given_key(key_file), as_of or end_of_today()
    with open_bundle(bundle) as opened, progress(None) as tell:
        summary = score_file(
            opened, source, out, reasons=reasons, as_of=moment, hits=hits, counters=counters, key=key, progress=tell
        )
        finding = first_finding(opened, source, moment) if summary.nothing_read else None
    print(describe(summary, out))
    if summary.nothing_read:
        detail = f" {finding.sentence()}." if finding else ""
        print(f"workbench: No row of {source} could be read.{detail}", file=sys.stderr)
        raise typer.Exit(NOTHING_READ)


def lab(
    port: Annotated[int, typer.Option(help="Port of JupyterLab.")] = 8888,
    mlflow_port: Annotated[int, typer.Option(help="Port of MLflow's page.")] = 5000,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Open JupyterLab on the notebooks, with the MLflow page beside it; both on this machine only.

    Example: workbench lab --port 8890
    """
    from workbench.lab import lab as serve

    serve(Path.cwd(), port, mlflow_port, open_browser=browser)


def _tell_left_out(result: RunResult) -> None:
    """Say which criteria did not decide; a run of drafts would otherwise look like any other."""
    from workbench.criteria.lifecycle import in_words

    standing = result.summary.get("criteria_in_force")
    if standing and (standing["left_out"] or standing["trial"]):
        print(in_words(standing))


def _tell_outputs(result: RunResult) -> None:
    for name, path in result.summary["outputs"].items():
        print(f"{name:12} {_shown(result.run_dir / path)}")
    if result.model_version is not None:
        print(f"{'model':12} version {result.model_version}, alias challenger")
    if report := result.summary["outputs"].get("report"):
        print(f"Open {_shown(result.run_dir / report)} in a browser; then: make lab")


def _point_latest(run_dir: Path) -> None:
    """Let `runs/latest` lead to a run in the default folder, where the platform has links and nothing else is there."""
    if run_dir.resolve().parent != _RUNS.resolve():
        return
    link, beside = _RUNS / "latest", _RUNS / f".latest-{os.getpid()}"
    with suppress(OSError, NotImplementedError):
        beside.symlink_to(run_dir.name, target_is_directory=True)
        try:
            beside.replace(link)
        finally:
            beside.unlink(missing_ok=True)


def _shown(path: Path) -> Path:
    """Return `path` as seen from the working directory, where it lies below it."""
    path = path.absolute()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def pairs(given: list[str] | None) -> dict[str, str]:
    """Return the values of parameters given as KEY=VALUE, each name once."""
    from workbench.errors import ParameterError

    values: dict[str, str] = {}
    for text in given or []:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise ParameterError(f"-p {text!r} is not KEY=VALUE. Write for example: -p rows=50000")
        if name in values:
            raise ParameterError(f"-p {name} is given twice: as {values[name]!r} and as {value!r}. Give it once.")
        values[name] = value
    return values


COMMANDS = (run, generate, tune, export, score, lab)
"""In the order of the help."""
