"""The command that looks for drift."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.opening import LATEST, Outcomes, told


def drift(
    data: Annotated[Path, typer.Argument(help="Folder of a run, or raw declarations that --pipeline reads.")] = LATEST,
    pipeline: Annotated[Path | None, typer.Option(help="Pipeline that reads what is no run.")] = None,
    outcomes: Outcomes = None,
    start: Annotated[
        datetime | None,
        typer.Option(
            "--from", formats=["%Y-%m-%d"], help="Check from the week with this day; what lies before teaches."
        ),
    ] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day to check.")] = None,
    reference_weeks: Annotated[
        int | None,
        typer.Option(
            help="Weeks to learn thresholds on, 26 or more. Default: the pipeline's [drift], or what there is."
        ),
    ] = None,
    thresholds: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="The thresholds.json of an earlier check, to go by instead of learning."
        ),
    ] = None,
    model: Annotated[
        bool, typer.Option(help="Whether to train a model on what lies before the reference, and watch its scores.")
    ] = True,
    out: Annotated[
        Path | None, typer.Option(help="Folder for report.html, drift.json, thresholds.json and the tables.")
    ] = None,
) -> None:
    """Say whether goods, scores and what controls find have left their usual range, which moved and whom it concerns.

    Example: workbench drift runs/latest --out runs/drift
    """
    from workbench.config import load_pipeline
    from workbench.reports.beside import refuse_foreign
    from workbench.reports.drift_page import DATA_FILE, write_drift_page
    from workbench.stages.drifting import watch_for_drift

    if out is not None:
        refuse_foreign(out, DATA_FILE)
    read = load_pipeline(pipeline, without_inputs=True) if pipeline else None
    with told() as tell:
        report = watch_for_drift(
            data,
            read,
            outcomes=outcomes,
            start=start.date() if start else None,
            end=end.date() if end else None,
            reference_weeks=reference_weeks,
            thresholds=thresholds,
            with_model=model,
            tell=tell,
        )
    print(report.describe())
    if out is not None:
        write_drift_page(report, out, sources={"Data": str(data)})
        print(f"Open {out / 'report.html'} in a browser.")
