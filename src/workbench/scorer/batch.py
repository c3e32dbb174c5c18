"""Files in, decisions out: chunk by chunk, so that memory holds a chunk and what was assessed, never the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from .bundle import ScoringBundle
from .errors import SourceError
from .files import written_atomically
from .intake.reading import parts, scan_chunks
from .intake.validation import duplicate_keys
from .lanes.counters import counters_json, read_counters
from .scorer import Assessment, Decided, Scorer

CHUNK_ROWS = 100_000

NOTHING_READ = 4
"""Exit status of a batch in which no row could be read; its decisions are written all the same."""

Progress = Callable[[str, int], None]
"""Told the phase and the rows done so far."""


@dataclass(frozen=True)
class BatchSummary:
    """What a batch did.

    Parameters
    ----------
    rows
        Rows read.
    lanes, quarantined
        Rows by lane, and rows in quarantine by code.
    not_evaluable
        By criterion, the rows for which a missing value left its condition open; only criteria that have some.
    own_key
        Whether the lots were drawn with the key that the bundle carries.
    """

    rows: int
    lanes: dict[str, int]
    quarantined: dict[str, int]
    not_evaluable: dict[str, int]
    own_key: bool = False

    @property
    def nothing_read(self) -> bool:
        """Whether there were rows and none could be read: the file is not what the bundle was made for."""
        return self.rows > 0 and sum(self.quarantined.values()) == self.rows


def score_file(
    bundle: ScoringBundle,
    source: str | Path,
    target: str | Path,
    *,
    reasons: bool = True,
    hits: str | Path | None = None,
    counters: str | Path | None = None,
    key: bytes | None = None,
    as_of: datetime | None = None,
    progress: Progress | None = None,
) -> BatchSummary:
    """Score a CSV or Parquet file, folder or glob of the source's raw columns into one Parquet file of decisions.

    Parameters
    ----------
    bundle
        A loaded bundle.
    source, target
        Input, and the Parquet file to write; it appears whole or not at all.
    reasons
        Whether to put reasons into sentences (a second pass over the input).
    hits
        Parquet file for the record of every hit (see ``lanes.record.hits_table``); it appears with `target` or not
        at all.
    counters
        JSON file of the hits that each criterion's hit percentage has passed over in a row. It is read if it is there
        and written after the decisions, so that forced selection goes on over daily files; without it every file
        starts at zero. Scoring the same input again with it counts the same hits twice.
    key
        Key of all draws in place of the bundle's own, which everyone who holds the bundle knows (see `keys.given_key`).
    as_of
        Moment after which a lodgement lies in the future.
    progress
        Called after every chunk.

    Raises
    ------
    SourceError
        The input is not readable, `counters` is no such file of this programme, or a file cannot be written there.
    """
    tell = progress or (lambda phase, rows: None)
    _check_targets(source, Path(target), hits, counters)
    scorer, programme = _keyed(bundle.scorer, key), bundle.manifest.programme
    before = read_counters(Path(counters), programme) if counters is not None else {}
    # Every fault of the columns is told at once, before the keys alone are read.
    scorer.mapping.apply(next(scan_chunks(source, 1, form=scorer.mapping.csv)))
    duplicates = duplicate_keys(scorer.mapping.apply_keys(chunk) for chunk in _chunks(scorer, source, keys_only=True))
    assessed, done = [], 0
    for chunk in _chunks(scorer, source):
        assessed.append(scorer.assess(scorer.mapping.apply(chunk), as_of=as_of, duplicates=duplicates))
        done += chunk.height
        tell("score", done)
    whole = Assessment.joined(assessed)
    decided, not_evaluable = scorer.decide(whole, before), whole.not_evaluable
    del assessed, whole
    decisions = _explained(scorer, decided, source, tell) if reasons else decided.decisions
    with ExitStack() as files:
        if counters is not None:
            # Renamed last: a batch cut short is scored again, and counts that ran ahead of it would count it twice.
            # Resolved: a link stays a link to the one file.
            passed_over = counters_json(programme, before | decided.resolution.counters)
            files.enter_context(written_atomically(Path(counters).resolve())).write_text(passed_over, encoding="utf-8")
        if hits is not None:
            decided.resolution.hits.write_parquet(files.enter_context(written_atomically(hits)))
        # Entered last and so renamed first: hits without the decisions beside them never appear.
        decisions.write_parquet(files.enter_context(written_atomically(target)))
    return replace(_summary(decisions, not_evaluable), own_key=key is None)


def _keyed(scorer: Scorer, key: bytes | None) -> Scorer:
    return scorer if key is None else replace(scorer, policy=replace(scorer.policy, key=key))


def _check_targets(source: str | Path, target: Path, hits: str | Path | None, counters: str | Path | None) -> None:
    wanted = {"decisions": target, "hits": hits, "counters": counters}
    paths = {kind: Path(path) for kind, path in wanted.items() if path is not None}
    taken: dict[Path, str] = {}
    for kind, path in paths.items():
        suffix = ".json" if kind == "counters" else ".parquet"
        if path.suffix != suffix:
            raise SourceError(f"{path} must end in {suffix}: it is named for the {kind}.")
        _check_apart(path, source)
        if other := taken.get(path.resolve()):
            raise SourceError(f"{path} is named for the {other} and for the {kind}. Give each a file of its own.")
        taken[path.resolve()] = kind


def _check_apart(target: Path, source: str | Path) -> None:
    read = [file.resolve() for file in parts(source)]
    if target.resolve() in read or (Path(source).is_dir() and target.resolve().parent == Path(source).resolve()):
        raise SourceError(f"{target} would stand among the declarations that are read. Write it elsewhere.")


def _chunks(scorer: Scorer, source: str | Path, *, keys_only: bool = False) -> Iterator[pl.DataFrame]:
    wanted = ["declaration_id", "item_no"] if keys_only else None
    return scan_chunks(source, CHUNK_ROWS, columns=scorer.mapping.raw_columns(wanted), form=scorer.mapping.csv)


def _explained(scorer: Scorer, decided: Decided, source: str | Path, tell: Progress) -> pl.DataFrame:
    parts, start = [], 0
    for chunk in _chunks(scorer, source):
        parts.append(scorer.explain(decided, scorer.mapping.apply(chunk).frame, start))
        start += chunk.height
        tell("explain", start)
    return pl.concat(parts)


def _summary(decisions: pl.DataFrame, not_evaluable: dict[str, int]) -> BatchSummary:
    lanes = decisions.group_by("lane").len().sort("lane")
    # Readable items that a sibling's fault raised share its cause, and have a score.
    unread = decisions.filter(pl.col("cause").str.starts_with("quarantine:") & pl.col("score").is_null())
    codes = unread.group_by("cause").len().sort("cause")
    quarantined = {cause.removeprefix("quarantine:"): count for cause, count in codes.iter_rows()}
    open_ones = {criterion: rows for criterion, rows in not_evaluable.items() if rows}
    return BatchSummary(decisions.height, dict(lanes.iter_rows()), quarantined, open_ones)
