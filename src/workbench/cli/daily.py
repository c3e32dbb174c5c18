"""Commands of the daily cycle: decide a day, take in results, refresh profiles, train challengers."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from workbench.daily import Desk

NOT_ALL_READ = 4
"""Exit status of a call that did its work and could not read some file; that of a batch in which nothing could be."""

app = typer.Typer(
    help="Decide a day's declarations once and take in results; the same day twice changes nothing.",
    rich_markup_mode=None,
)

Folder = Annotated[Path, typer.Option("--desk", help="Folder of the desk, made by: workbench daily init")]


def _day(default: str) -> Any:
    """Return the option for a day, with the sentence on what it is where none is given."""
    return typer.Option("--date", formats=["%Y-%m-%d"], help=f"The day, YYYY-MM-DD. Default: {default}.")


Today = Annotated[datetime | None, _day("today")]
Yesterday = Annotated[datetime | None, _day("yesterday, the last day that is over")]
LastDay = Annotated[datetime | None, _day("the last day that was decided")]
KnownBy = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d"],
        help="Replay: use what was recorded by the end of this day, YYYY-MM-DD. Default: all that is known now.",
    ),
]

_DESK = Path("desk")


@app.callback(invoke_without_command=True)
def daily(context: typer.Context, date: Today = None, desk: Folder = _DESK) -> None:
    """Decide everything lodged by the end of a day that was not decided before, and take in what came back.

    A call that was killed is finished by the next one. Exits 4 if some file could not be read.

    Example: workbench daily --date 2026-03-01 --desk /srv/imports
    """
    if context.invoked_subcommand is not None:
        return
    from workbench import daily as cycle

    opened = cycle.Desk.open(desk)
    done = cycle.daily(opened, (date or opened.clock()).date())
    print(done.describe())
    if done.unreadable:
        raise typer.Exit(NOT_ALL_READ)


@app.command()
def init(
    pipeline: Annotated[Path, typer.Argument(help="The programme's TOML, for example pipelines/declarations.toml.")],
    bundle: Annotated[Path | None, typer.Option(help="Folder of an exported bundle.")] = None,
    run: Annotated[
        Path | None, typer.Option(help="Run that exported one; its tables become the history to learn from.")
    ] = None,
    desk: Folder = _DESK,
    keys: Annotated[
        Path | None, typer.Option(help="Folder of the daily secrets, outside the desk. Default: secrets/ of the desk.")
    ] = None,
    chain: Annotated[
        Path | None, typer.Option(help="Public file of commitments. Default: public/arm.jsonl of the desk.")
    ] = None,
) -> None:
    """Make a desk: the folder in which the daily cycle of a programme works.

    Example: workbench daily init pipelines/declarations.toml --run runs/latest --desk /srv/imports
    """
    from workbench import daily as cycle
    from workbench.config import load_pipeline

    loaded = load_pipeline(pipeline, without_inputs=True)
    print(cycle.init(desk, loaded, keys=keys, chain=chain, bundle=bundle, run=run).describe())


@app.command()
def adopt(
    bundle: Annotated[Path, typer.Argument(help="Folder of a bundle, such as that of a promoted challenger.")],
    reason: Annotated[str, typer.Option(help="Why; it goes into the ledger.")],
    desk: Folder = _DESK,
) -> None:
    """Put another bundle in force.

    Example: workbench daily adopt /srv/imports/challengers/2026-W10/bundle --reason "promoted" --desk /srv/imports
    """
    from workbench import daily as cycle

    print(cycle.adopt(cycle.Desk.open(desk), bundle, reason).describe())


@app.command()
def report(
    date: LastDay = None,
    weeks: Annotated[int | None, typer.Option(min=1, help="How many weeks. Default: the pipeline's [daily].")] = None,
    known_by: KnownBy = None,
    out: Annotated[Path | None, typer.Option(help="Folder for report.html, daily.json and outcomes.parquet.")] = None,
    desk: Folder = _DESK,
) -> None:
    """Say what some weeks came to: lanes, the random arm, results that came back, and what they say of all goods.

    Results come weeks after the goods: end the period earlier (--date), and what came since counts all the same.

    Example: workbench daily report --weeks 8 --out report --desk /srv/imports
    """
    from workbench import daily as cycle
    from workbench.reports.daily_page import write_daily_page

    opened = cycle.Desk.open(desk)
    known = known_by.date() if known_by else None
    found = cycle.report(opened, date.date() if date else None, weeks=weeks, known_by=known)
    print(found.describe())
    if out is not None:
        write_daily_page(found.to_dict(), found.outcomes, out, sources={"Desk": opened.path.name})
        print(f"Open {out / 'report.html'} in a browser.")


@app.command()
def retrain(date: Yesterday = None, desk: Folder = _DESK) -> None:
    """Train the week's challenger on what is known by the end of a day and register it; nothing is put in force.

    Example: workbench daily retrain --date 2026-03-01 --desk /srv/imports
    """
    from workbench import daily as cycle
    from workbench.tracking import Store, project_root

    opened = cycle.Desk.open(desk)
    store = Store.of(project_root(opened.pipeline.path))
    print(cycle.retrain(opened, _last_over(opened, date).date(), store).describe())


def refresh(date: Yesterday = None, desk: Folder = _DESK) -> None:
    """Learn profiles anew from what is known by the end of a day; the trees stay as they are.

    Example: workbench refresh --date 2026-03-01 --desk /srv/imports
    """
    from workbench import daily as cycle

    opened = cycle.Desk.open(desk)
    print(cycle.refresh(opened, _last_over(opened, date).date()).describe())


def _last_over(desk: Desk, given: datetime | None) -> datetime:
    """Return the day given, or the last one that is over by the programme's clock."""
    return given or desk.clock() - timedelta(days=1)


COMMANDS = (refresh,)
"""Commands that stand beside `daily`."""
