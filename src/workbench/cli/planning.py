"""The command that plans how much to inspect."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.opening import LATEST, told


def plan(
    data: Annotated[Path, typer.Argument(help="Folder of a run whose source keeps lanes and causes.")] = LATEST,
    rate: Annotated[
        list[float] | None,
        typer.Option(help="Share of declarations inspected, above 0 and at most 1, such as 0.05; repeatable."),
    ] = None,
    keep: Annotated[
        list[float] | None,
        typer.Option(
            help="Violations to find, as a multiple of today's, such as 1.1; repeatable. Today's is always told."
        ),
    ] = None,
    step: Annotated[
        list[float] | None, typer.Option(help="Share inspected in a coming year, in order; repeatable.")
    ] = None,
    random_share: Annotated[
        float | None,
        typer.Option(help="Share of declarations that the random arm draws, below 1. Default: the pipeline's."),
    ] = None,
    growth: Annotated[
        float | None, typer.Option(help="Growth of declarations a year, as a share above -1. Default: 0.139.")
    ] = None,
    yearly_change: Annotated[
        float | None,
        typer.Option(help="How much detection strays in a year, as a share of 0 or more. Default: 0.1, an assumption."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for report.html, plan.json and the tables.")] = None,
) -> None:
    """Say what each rate of inspection would find, the lowest that keeps detection, and what a path over years risks.

    Example: workbench plan runs/latest --step 0.1262 --step 0.0517 --step 0.0464 --out runs/plan
    """
    from workbench.planning.path import ANNUAL_GROWTH, YEARLY_CHANGE
    from workbench.reports.beside import refuse_foreign
    from workbench.reports.planning_page import DATA_FILE, write_planning_page
    from workbench.stages.planning import plan_of_run

    if out is not None:
        refuse_foreign(out, DATA_FILE)
    with told() as tell:
        made = plan_of_run(
            data,
            rates=rate or (),
            keep=keep or (),
            steps=step or (),
            random_share=random_share,
            growth=ANNUAL_GROWTH if growth is None else growth,
            yearly_change=YEARLY_CHANGE if yearly_change is None else yearly_change,
            tell=tell,
        )
    print(made.describe())
    if out is not None:
        write_planning_page(made, out, sources={"Data": str(data)})
        print(f"Open {out / 'report.html'} in a browser.")
