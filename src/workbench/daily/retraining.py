"""Retraining: once a week a challenger, trained on everything known by then and registered, never put in force here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from workbench.bundle import bundle_files
from workbench.daily.bundles import has_history
from workbench.daily.desk import Desk
from workbench.daily.incoming import end_of
from workbench.daily.ledger import DeskError
from workbench.daily.outcomes import known
from workbench.daily.refreshing import check_over, golden_rows
from workbench.daily.steps import begin
from workbench.model import Training, train
from workbench.scorer.bundle import ScoringBundle
from workbench.scorer.files import write_text_atomically, written_atomically
from workbench.tracking import BUNDLE_DIR, Run, Store, register_model, start_run

RETRAIN = "retrain"
_METRICS, _WEEK_TAG, _DESK_TAG = "metrics.json", "desk_week", "desk"


@dataclass(frozen=True)
class Retrained:
    """What a week's retraining came to.

    Parameters
    ----------
    week
        ISO week, as in 2026-W10.
    bundle
        Version of the challenger's bundle.
    model_version
        Its version in the registry, alias challenger.
    folder
        Where its bundle lies; `workbench daily adopt` puts it in force once it was promoted.
    was_done
        Whether an earlier call of that week had done it: then this one changed nothing.
    """

    week: str
    bundle: str
    model_version: int
    folder: Path
    was_done: bool

    def describe(self) -> str:
        """Say it in a sentence."""
        before = "was trained before; nothing was changed" if self.was_done else "is registered, not in force"
        desk = self.folder.parents[1]
        return (
            f"Challenger of {self.week}: bundle {self.bundle}, model version {self.model_version}, {before}.\n"
            f'Once it is promoted: workbench daily adopt {self.folder / BUNDLE_DIR} --reason "promoted" --desk {desk}'
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON."""
        return {**self.__dict__, "folder": str(self.folder)}


def retrain(desk: Desk, day: date, store: Store, *, now: datetime | None = None) -> Retrained:
    """Train the challenger of the week that a day belongs to, on what was recorded by the end of that day.

    Parameters
    ----------
    desk
        The desk; it has a history.
    day
        Labels recorded by its end teach.
    store
        Where MLflow keeps its records.
    now
        The present, with time zone.

    Raises
    ------
    DeskError
        The desk has no history, the day is not over, or something of the desk was changed by hand.
    LabelError
        The labels cannot teach a model.
    TrackingError
        The registry refused the challenger: the next call registers it.
    """
    moment, week = desk.clock(now), iso_week(day)
    with desk.locked():
        begin(desk, moment)
        folder = desk.path / "challengers" / week
        if (done := desk.ledger().find(RETRAIN, week)) is not None:
            return Retrained(week, done.detail["bundle"], done.detail["model_version"], folder, was_done=True)
        if not has_history(desk):
            raise DeskError(f"{desk.path} has no history to train on. Make the desk with --run.")
        check_over(day, moment)
        if not folder.exists():
            _train(desk, day, folder)
        # A call of another day of the week may have trained it and been cut short: the manifest knows as of when.
        manifest = ScoringBundle.load(folder / BUNDLE_DIR).manifest
        number = _registered(desk, week, folder, store)
        detail = {"bundle": manifest.version, "model_version": number, "as_of": manifest.trained_as_of}
        desk.ledger().with_line(RETRAIN, week, detail, moment)
        return Retrained(week, manifest.version, number, folder, was_done=False)


def iso_week(day: date) -> str:
    """Return the ISO week of a day.

    >>> iso_week(date(2026, 1, 1))
    '2026-W01'
    """
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def _train(desk: Desk, day: date, folder: Path) -> None:
    moment = end_of(day)
    training = train(*known(desk, moment), moment, desk.pipeline.features, desk.pipeline.model)
    present = desk.bundle()
    files = bundle_files(
        replace(present.scorer, model=training.model),
        programme=desk.programme,
        trained_as_of=moment.isoformat(),
        golden=golden_rows(desk),
        facts={"challenges": present.manifest.version, **_figures(training)},
    )
    with written_atomically(folder) as partial:
        for name, content in files.items():
            target = partial / BUNDLE_DIR / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        write_text_atomically(json.dumps(_figures(training), indent=1) + "\n", partial / _METRICS)


def _figures(training: Training) -> Mapping[str, Any]:
    labels = training.fitted.labels
    return {
        "labelled_items": len(labels),
        "violations": int(labels.sum()),
        "rounds": training.rounds,
        "stop_log_loss": training.stop_loss,
    }


def _registered(desk: Desk, week: str, folder: Path, store: Store) -> int:
    """Register the challenger, or find it where a call that was cut short had registered it."""
    tags = {_WEEK_TAG: week, _DESK_TAG: str(desk.path)}
    run_id = _run_of(desk, tags, store)
    run = start_run(store, desk.programme, f"{desk.path.name}-{week}", tags=tags, run_id=run_id)
    try:
        number = _version_of(run) if run_id else None
        if number is None:
            run.log_run_dir(folder)
            example = golden_rows(desk).to_pandas()
            number = register_model(run, folder / BUNDLE_DIR, desk.programme, input_example=example)
    except BaseException:
        run.end("FAILED")
        raise
    run.end("FINISHED")
    return number


def _run_of(desk: Desk, tags: Mapping[str, str], store: Store) -> str:
    """Return the id of the run that an earlier call began for the week, empty where there is none."""
    client = store.client()
    with store.speaking():
        experiment = store.experiment_id(client, desk.programme)
        asked = " and ".join(f"tags.`{name}` = '{_quoted(value)}'" for name, value in tags.items())
        found = client.search_runs([experiment], asked)
    return str(found[0].info.run_id) if found else ""


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _version_of(run: Run) -> int | None:
    with run.store.speaking():
        found = run.client.search_model_versions(f"run_id = '{run.run_id}'")
    return int(found[0].version) if found else None
