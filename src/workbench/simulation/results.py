"""What a simulation leaves behind: weeks, arms and a summary, in a folder that can be read again."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from workbench.errors import SourceError
from workbench.scorer.files import write_bytes_atomically

from .compared import METRICS, Compared
from .digests import parquet_bytes, sha256
from .metrics import with_cumulative
from .summary import Summary, summarise
from .unfinished import unfinished_runs

PROTOCOL = 1
SUMMARY_FILE = "summary.json"
_TABLES = ("weeks", "arms")
_RUN_COLUMNS = {"policy": pl.String(), "replication": pl.Int64(), "seconds": pl.Float64()}


@dataclass(frozen=True)
class SimulationResults:
    """What every policy found, week by week.

    Parameters
    ----------
    weeks
        One row a week, policy and replication: `simulation.metrics.WEEK_COLUMNS`, the cumulative columns of
        `simulation.metrics.with_cumulative`, and the numbers that policies told, as ``told:*``.
    arms
        One row a week, policy, replication and arm: `simulation.metrics.ARM_COLUMNS`.
    runs
        One row a policy and replication: ``policy``, ``replication``, ``seconds`` of work.
    settings
        What was the same for all of them, as plain JSON; ``rate`` and ``title`` are always there, ``world`` is
        ``generated`` where traders react to controls.
    events
        What changed in the world: ``week`` and ``what``; nothing where the world replays records.

    Raises
    ------
    SourceError
        If a policy lacks weeks that another has: nothing could be compared.
    """

    weeks: pl.DataFrame
    arms: pl.DataFrame
    runs: pl.DataFrame
    settings: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]] = ()

    def __post_init__(self) -> None:
        """Refuse weeks that are not the same for all."""
        met = self.weeks.group_by("policy", "replication").agg(pl.col("week").sort())
        if met.height != self.weeks["policy"].n_unique() * self.weeks["replication"].n_unique() or (
            met["week"].n_unique() != 1
        ):
            raise SourceError(
                "The policies were not simulated over the same weeks and replications, so nothing can be compared. "
                "Finish the simulation with --resume."
            )

    @classmethod
    def of(
        cls,
        weeks: pl.DataFrame,
        arms: pl.DataFrame,
        runs: pl.DataFrame,
        settings: Mapping[str, Any],
        events: Sequence[Mapping[str, Any]] = (),
    ) -> SimulationResults:
        """Return results of runs in any order: rows are sorted, cumulative columns added."""
        return cls(
            with_cumulative(weeks),
            arms.sort("policy", "replication", "week", "arm"),
            runs.sort("policy", "replication").select(pl.col(name).cast(kind) for name, kind in _RUN_COLUMNS.items()),
            settings,
            events,
        )

    @cached_property
    def summary(self) -> Summary:
        """All that the tables say; see `simulation.summary.summarise`."""
        reacts = self.settings.get("world") == "generated"
        return summarise(Compared(self.weeks, self.arms, reacts), self.runs, self.events)

    @property
    def policies(self) -> pl.DataFrame:
        """What each policy found, the best first: one row a policy, part of the weeks and metric.

        Columns: ``policy``; ``part`` (whole, first, last); ``metric``; ``value``, the ratio of the sums over the part's
        weeks, with ``low_95`` and ``high_95``; ``normalised``; ``behind_best``, the difference to the best policy;
        ``mean_of_weeks``, the mean of the weeks' own ratios; all in [-1, 1].
        """
        rows = [
            {
                "policy": row["policy"],
                "part": part,
                "metric": metric,
                **row["totals"][part][metric],
                "normalised": row["totals"][part][f"normalised_{metric}"]["value"],
                "behind_best": row["totals"][part].get("less_best", {}).get(metric, {}).get("value"),
                "mean_of_weeks": row[part][metric]["value"],
            }
            for row in self.summary["policies"]
            for part in ("whole", "first", "last")
            for metric in METRICS
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def to_dict(self) -> dict[str, Any]:
        """Return settings and summary as plain JSON values; the same content as ``summary.json``."""
        return {"settings": dict(self.settings), **self.summary}

    def describe(self) -> str:
        """Return a line a policy for a terminal: means of the weeks with 95 % intervals, in order of the totals."""
        found = self.summary
        names = [row["policy"] for row in found["policies"]]
        width = max(len("policy"), *map(len, names))
        metrics = ["precision", "recall", *(["revenue"] if found["has_revenue"] else [])]
        head = f"{'policy':{width}}  " + "  ".join(f"{f'{name} %':21}" for name in metrics) + "  seconds"
        lines = [
            f"{row['policy']:{width}}  "
            + "  ".join(f"{_percentages(row['whole'][name]):21}" for name in metrics)
            + f"  {row['seconds']:7.0f}"
            for row in found["policies"]
        ]
        rate, weeks = self.settings["rate"], found["weeks"]
        title = f"{weeks} weeks, {100 * rate:g} % of the goods controlled, {found['replications']} replication(s)."
        means = (
            f"Means of the weeks; in order of the {found['headline']} of all weeks together, which the report shows."
        )
        return "\n".join([title, means, head.rstrip(), *(line.rstrip() for line in lines)])

    def write(self, folder: str | os.PathLike[str]) -> None:
        """Write ``weeks.parquet``, ``arms.parquet`` and then ``summary.json``, each whole or not at all."""
        contents = {name: parquet_bytes(getattr(self, name)) for name in _TABLES}
        for name, content in contents.items():
            write_bytes_atomically(content, Path(folder) / f"{name}.parquet")
        kept = {
            "protocol": PROTOCOL,
            **self.to_dict(),
            "runs": self.runs.to_dicts(),
            "events": [dict(event) for event in self.events],
            "sha256": {name: sha256(content) for name, content in contents.items()},
        }
        text = json.dumps(kept, indent=1, allow_nan=False, ensure_ascii=False)
        write_bytes_atomically(text.encode(), Path(folder) / SUMMARY_FILE)

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> SimulationResults:
        """Read what :meth:`write` wrote.

        Raises
        ------
        SourceError
            If the folder holds no finished simulation, one of another version, or a table that was changed since.
        """
        kept = _kept(Path(folder))
        tables = {name: _read(Path(folder), name, kept["sha256"]) for name in _TABLES}
        runs = pl.DataFrame(kept["runs"], schema=_RUN_COLUMNS)
        return cls(tables["weeks"], tables["arms"], runs, kept["settings"], kept["events"])


def is_finished(folder: str | os.PathLike[str]) -> bool:
    """Return whether the folder holds the results of a simulation."""
    return (Path(folder) / SUMMARY_FILE).is_file() and (Path(folder) / "weeks.parquet").is_file()


def _kept(folder: Path) -> dict[str, Any]:
    if not is_finished(folder):
        begun = unfinished_runs(folder)
        remedy = "Finish it with the same command and --resume" if begun else "Give the folder of one"
        raise SourceError(f"{folder} holds no finished simulation{f': {begun}' if begun else ''}. {remedy}.")
    try:
        kept: dict[str, Any] = json.loads((folder / SUMMARY_FILE).read_bytes())
    except (OSError, ValueError) as error:
        raise SourceError(f"{folder / SUMMARY_FILE} cannot be read: {error}. Simulate again.") from None
    if kept.get("protocol") != PROTOCOL or not {"settings", "runs", "events", "sha256"} <= set(kept):
        raise SourceError(
            f"{folder / SUMMARY_FILE} is no summary of a simulation by this version of the workbench. Simulate again, "
            "or read it with the version that wrote it."
        )
    return kept


def _read(folder: Path, name: str, digests: Mapping[str, str]) -> pl.DataFrame:
    # A corrupt Parquet file is often read as other data without a word; its digest tells.
    file = folder / f"{name}.parquet"
    content = file.read_bytes()
    if sha256(content) != digests.get(name):
        raise SourceError(f"{file} was changed after the simulation. Restore it, or simulate again with --resume.")
    return pl.read_parquet(io.BytesIO(content))


def _percentages(estimate: Mapping[str, float | None]) -> str:
    value, low, high = (estimate[name] for name in ("value", "low_95", "high_95"))
    if value is None:
        return "not known"
    return f"{100 * value:.1f}" + ("" if low is None or high is None else f" ({100 * low:.1f} to {100 * high:.1f})")
