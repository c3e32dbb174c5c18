"""The command that says what training on selected labels costs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.opening import LATEST, told


def selected_labels(
    data: Annotated[
        Path, typer.Argument(help="Folder of a run, of a generated world, or raw declarations with outcomes.")
    ] = LATEST,
    pipeline: Annotated[Path | None, typer.Option(help="Pipeline that reads what is no run.")] = None,
    start: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day judged; what lies before teaches."),
    ] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day judged.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for report.html, and the table as JSON and Parquet.")] = None,
) -> None:
    """Compare ways to train where only what was controlled has a label: weights and reject inference, in one table.

    Example: workbench selected-labels data/dense --pipeline pipelines/declarations.toml --out runs/selected-labels
    """
    from workbench.config import load_pipeline
    from workbench.reports.beside import refuse_foreign
    from workbench.reports.selected_labels_page import DATA_FILE, write_selected_labels_page
    from workbench.stages.labels import compare_labels

    if out is not None:
        refuse_foreign(out, DATA_FILE)
    read = load_pipeline(pipeline, without_inputs=True) if pipeline else None
    days = (start.date() if start else None, end.date() if end else None)
    with told() as tell:
        compared = compare_labels(data, read, start=days[0], end=days[1], tell=tell)
    print(compared.describe())
    if out is not None:
        write_selected_labels_page(compared, out, sources={"Data": str(data)})
        print(f"Open {out / 'report.html'} in a browser.")
