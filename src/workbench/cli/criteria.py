"""Commands that write, test, mine, approve and retire risk criteria."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.cli import lifecycle as steps
from workbench.cli.opening import (
    LATEST,
    Data,
    End,
    File,
    Out,
    Outcomes,
    Programme,
    Recorded,
    Recorder,
    Start,
    columns,
    parted,
    past,
    programme,
    read,
    told,
)
from workbench.errors import ParameterError

app = typer.Typer(
    help="Write, test, mine, approve and retire risk criteria.", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
def check(criteria_file: File, pipeline: Programme = None, ids: Recorded = None, by: Recorder = "") -> None:
    """Name every fault of a set with file, line and column; exits 1 if there is one.

    Example: workbench criteria check data/criteria/declarations.toml --pipeline pipelines/declarations.toml
    """
    from workbench.criteria.checking import check_file

    known = columns(programme(criteria_file, pipeline))
    checked = check_file(criteria_file, known, on=date.today())
    print(checked.describe())
    if checked.refused:
        raise typer.Exit(1)
    if by:
        from workbench.criteria import lifecycle

        print(lifecycle.check(criteria_file, ids, by=by, columns=known).describe())


@app.command()
def export(
    criteria_file: File,
    dialect: Annotated[str, typer.Option(help="oracle, postgres or spark.")],
    pipeline: Programme = None,
    table: Annotated[str, typer.Option(help="Table or view that has the columns.")] = "declarations",
    out: Annotated[Path | None, typer.Option(help="File to write; the terminal by default.")] = None,
) -> None:
    """Write a set as one SQL statement that gives 1, 0 or NULL for each declaration item and criterion.

    Example: workbench criteria export data/criteria/declarations.toml --dialect oracle --out criteria.sql
    """
    from workbench.criteria.sql import set_as_sql
    from workbench.scorer.files import write_text_atomically

    text = set_as_sql(read(criteria_file), columns(programme(criteria_file, pipeline)), dialect, table=table)
    if out is None:
        print(text)
    else:
        write_text_atomically(text, out)
        print(f"Written to {out}.")


@app.command()
def backtest(
    criteria_file: File,
    data: Data = LATEST,
    pipeline: Programme = None,
    outcomes: Outcomes = None,
    start: Start = None,
    end: End = None,
    model: Annotated[bool, typer.Option(help="Set the criteria beside a model, trained where data is no run.")] = True,
    out: Out = None,
    ids: Recorded = None,
    by: Recorder = "",
) -> None:
    """Say what a set would have hit, found and cost in a period, beside the model and chance.

    Example: workbench criteria backtest data/criteria/declarations.toml --data runs/latest --out runs/backtest
    """
    from workbench.criteria.backtest import backtest as run
    from workbench.reports.criteria_pages import write_backtest_page

    criteria, states = read(criteria_file), _states(criteria_file) if out is not None else {}
    with told() as tell:
        days = (start, end)
        opened = past(criteria_file, data, pipeline, outcomes, days, tell, criteria=[criteria], with_model=model)
        found = run(criteria, opened.history, limits=opened.limits, on=date.today(), tell=tell)
    print(found.describe())
    if out is not None:
        sources = {"Criteria": str(criteria_file), "Data": str(data)}
        write_backtest_page(found, out, states=states, sources=sources)
        print(f"Open {out / 'report.html'} in a browser.")
    if by:
        from workbench.criteria import lifecycle

        evidence = _evidence(found.to_dict(), data, out)
        recorded = lifecycle.record_backtest(criteria_file, ids, by=by, evidence=evidence, tested=criteria)
        print(recorded.describe())


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="Criteria set as it is.")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="Criteria set as it would be.")],
    data: Data = LATEST,
    pipeline: Programme = None,
    outcomes: Outcomes = None,
    start: Start = None,
    end: End = None,
    out: Out = None,
) -> None:
    """Say which declarations would change lane, by office and day, were one set replaced by another.

    Example: workbench criteria diff data/criteria/declarations.toml mine.toml --data runs/latest --out runs/diff
    """
    from workbench.criteria.diff import diff as compare
    from workbench.reports.criteria_pages import write_diff_page
    from workbench.selection import policy

    old, new = read(before), read(after)
    with told() as tell:
        opened = past(before, data, pipeline, outcomes, (start, end), tell, criteria=[old, new])
        found = compare(old, new, opened.history, policy(opened.pipeline.selection, opened.key))
    print(found.describe())
    if out is not None:
        write_diff_page(found, out, sources={"Before": str(before), "After": str(after), "Data": str(data)})
        print(f"Open {out / 'report.html'} in a browser.")


@app.command()
def tune(
    criteria_file: File,
    criterion: Annotated[str, typer.Argument(metavar="ID", help="The criterion.")],
    parameter: Annotated[list[str] | None, typer.Option(help="Parameter to sweep; repeatable, two at most.")] = None,
    points: Annotated[int, typer.Option(min=2, help="Points tried; two parameters share them as a grid.")] = 25,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Write this value into the file; repeatable."),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the suggested values into the file.")] = False,
    data: Data = LATEST,
    pipeline: Programme = None,
    outcomes: Outcomes = None,
    start: Start = None,
    end: End = None,
    out: Out = None,
) -> None:
    """Sweep a criterion's named parameters over their ranges: controls against violations and duty.

    Example: workbench criteria tune data/criteria/declarations.toml undervalued-for-origin --data runs/latest
    """
    from workbench.criteria.editing import set_parameters
    from workbench.criteria.sweep import sweep
    from workbench.reports.criteria_pages import write_sweep_page

    if given and (write or parameter or out is not None):
        raise ParameterError("--set writes a value and sweeps nothing: give it without --write, --parameter and --out.")
    if given:
        print(set_parameters(criteria_file, criterion, _values(given)).describe())
        return
    criteria = read(criteria_file)
    chosen = criteria.named(criterion)
    with told() as tell:
        opened = past(criteria_file, data, pipeline, outcomes, (start, end), tell, criteria=[criteria])
        found = sweep(chosen, opened.history, criteria=criteria, points=points, parameters=parameter, tell=tell)
    print(found.describe())
    if out is not None:
        write_sweep_page(found, out, sources={"Criteria": str(criteria_file), "Data": str(data)})
        print(f"Open {out / 'report.html'} in a browser.")
    if write and found.suggested is not None:
        print(set_parameters(criteria_file, criterion, found.suggested).describe())


@app.command()
def mine(
    criteria_file: File,
    data: Data = LATEST,
    confirm_from: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First day of the period that only confirms. Default: the last third."),
    ] = None,
    proposals: Annotated[int, typer.Option(min=1, help="Proposals at most.")] = 20,
    lane: Annotated[str, typer.Option(help="Lane that the proposals name.")] = "yellow",
    drafts: Annotated[Path | None, typer.Option(help="Criteria file to add the proposals to, as drafts.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same proposals.")] = 17,
    pipeline: Programme = None,
    outcomes: Outcomes = None,
    start: Start = None,
    end: End = None,
    out: Out = None,
) -> None:
    """Propose criteria from history, beyond the present set, and confirm them on a later period.

    Example: workbench criteria mine data/criteria/declarations.toml --data runs/latest --drafts mined.toml
    """
    from workbench.criteria.mining import mine as search
    from workbench.reports.criteria_pages import write_mining_page

    criteria = read(criteria_file)
    with told() as tell:
        opened = past(criteria_file, data, pipeline, outcomes, (start, end), tell, with_model=False)
        earlier, later = parted(opened, confirm_from)
        found = search(earlier, later, criteria, proposals=proposals, seed=seed, lane=lane, tell=tell)
    print(found.describe())
    if out is not None:
        write_mining_page(found, out, sources={"Present set": str(criteria_file), "Data": str(data)})
        print(f"Open {out / 'report.html'} in a browser.")
    if drafts is not None:
        print(found.save(drafts).describe())


for _step in steps.COMMANDS:
    app.command()(_step)


def _states(criteria_file: Path) -> dict[str, str]:
    from workbench.criteria import lifecycle

    return {one.id: one.state.value for one in lifecycle.audit(criteria_file).criteria}


def _evidence(found: Mapping[str, Any], data: Path, out: Path | None) -> dict[str, str]:
    """Say which back-test: its period, its data, and a digest of all it found."""
    digest = hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()
    place = {"folder": str(out)} if out else {}
    return {"period": f"{found['start']}/{found['end']}", "data": str(data), "sha256": digest, **place}


def _values(given: Sequence[str]) -> dict[str, str | float]:
    values: dict[str, str | float] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise ParameterError(f"--set {text!r} is not NAME=VALUE. Write for example: --set max_ratio=0.3")
        values[name] = _number(value)
    return values


def _number(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text
