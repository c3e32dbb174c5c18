"""The steps that people take: each is checked against the journal's rules, signed, and written, all or none.

Each function takes the set's TOML file and the ids of criteria; without ids, all criteria whose turn the step is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from workbench.criteria.lifecycle.desk import Taken, at_desk
from workbench.criteria.lifecycle.states import State
from workbench.scorer.criteria import CriteriaSet


def draft(
    criteria_file: str | Path,
    ids: Sequence[str] | None = None,
    *,
    by: str,
    now: datetime | None = None,
    keys: Path | None = None,
) -> Taken:
    """Record texts as drafts; who signs is their author and cannot approve them.

    Parameters
    ----------
    criteria_file
        The set's TOML file.
    ids
        Criteria; without them all whose present text the journal does not know.
    by
        Name of the signer, who has a public key beside the set.
    now
        Moment of the step; the present where none is given.
    keys
        Folder of the private keys; see :func:`~.keys.private_folder`.

    Raises
    ------
    LifecycleError
        The step is not allowed for one of them: nothing is written.
    """
    with at_desk(criteria_file, now) as desk:
        return desk.sign(State.DRAFT, desk.chosen(ids, State.DRAFT), by, keys)


def check(
    criteria_file: str | Path,
    ids: Sequence[str] | None = None,
    *,
    by: str,
    columns: Mapping[str, pl.DataType],
    now: datetime | None = None,
    keys: Path | None = None,
) -> Taken:
    """Check criteria against the columns that exist, and record that they passed; parameters as :func:`draft`.

    Raises
    ------
    LifecycleError, CriterionError
        The step is not allowed, or a criterion has faults, all of which are named: nothing is written.
    """
    with at_desk(criteria_file, now) as desk:
        chosen = desk.chosen(ids, State.CHECKED)
        desk.refuse_unfit(chosen, columns)
        return desk.sign(State.CHECKED, chosen, by, keys)


def record_backtest(
    criteria_file: str | Path,
    ids: Sequence[str] | None = None,
    *,
    by: str,
    evidence: Mapping[str, str],
    tested: CriteriaSet | None = None,
    now: datetime | None = None,
    keys: Path | None = None,
) -> Taken:
    """Record that criteria were back-tested; parameters as :func:`draft`.

    `evidence` says which back-test: its period, the digest of its tables, the file where they lie. `tested` is the set
    as the back-test read it, which may be long ago; without it the file is taken to hold what was tested.

    Raises
    ------
    LifecycleError
        The step is not allowed for one of them, its text is not the one that was tested, or there is no evidence:
        nothing is written.
    """
    with at_desk(criteria_file, now) as desk:
        chosen = desk.chosen(ids, State.BACKTESTED)
        if tested is not None:
            desk.refuse_untested(chosen, tested)
        return desk.sign(State.BACKTESTED, chosen, by, keys, evidence)


def approve(
    criteria_file: str | Path,
    ids: Sequence[str] | None = None,
    *,
    by: str,
    now: datetime | None = None,
    keys: Path | None = None,
) -> Taken:
    """Approve texts with a signature over each; parameters as :func:`draft`.

    An approved text takes the place of another approved text of the same criterion.

    Raises
    ------
    LifecycleError
        The step is not allowed for one of them, or the signer drafted it: nothing is written.
    """
    with at_desk(criteria_file, now) as desk:
        return desk.sign(State.APPROVED, desk.chosen(ids, State.APPROVED), by, keys)


def shadow(
    criteria_file: str | Path,
    ids: Sequence[str] | None = None,
    *,
    by: str,
    now: datetime | None = None,
    keys: Path | None = None,
) -> Taken:
    """Put approved criteria into shadow: production evaluates and records them, no lane changes; as :func:`draft`."""
    with at_desk(criteria_file, now) as desk:
        return desk.sign(State.SHADOW, desk.chosen(ids, State.SHADOW), by, keys)


def activate(
    criteria_file: str | Path,
    ids: Sequence[str] | None = None,
    *,
    by: str,
    columns: Mapping[str, pl.DataType],
    now: datetime | None = None,
    keys: Path | None = None,
) -> Taken:
    """Let criteria decide; parameters as :func:`draft`.

    Raises
    ------
    LifecycleError, CriterionError
        The step is not allowed, a column vanished, the validity is over, or a list holds an entry that has expired:
        nothing is written.
    """
    with at_desk(criteria_file, now) as desk:
        chosen = desk.chosen(ids, State.ACTIVE)
        desk.refuse_unfit(chosen, columns)
        desk.refuse_expired(chosen)
        return desk.sign(State.ACTIVE, chosen, by, keys)


def retire(
    criteria_file: str | Path,
    ids: Sequence[str],
    *,
    by: str,
    reason: str,
    now: datetime | None = None,
    keys: Path | None = None,
) -> Taken:
    """End criteria for good, whatever their state, also such as were edited or removed from the file.

    Every text of them that has not ended does; `reason`, one line, goes into the journal. Other parameters as
    :func:`draft`.

    Raises
    ------
    LifecycleError
        The journal does not know one of them, it has ended, or there is no reason: nothing is written.
    """
    with at_desk(criteria_file, now) as desk:
        return desk.sign(State.RETIRED, desk.unended(ids), by, keys, {"reason": reason})


def expire(criteria_file: str | Path, *, by: str, now: datetime | None = None, keys: Path | None = None) -> Taken:
    """Record the end of every criterion whose last day is over, in UTC; it left production on that day by itself.

    Parameters as :func:`draft`.

    Raises
    ------
    LifecycleError
        There is none: nothing is written.
    """
    with at_desk(criteria_file, now) as desk:
        return desk.sign(State.EXPIRED, desk.expired(), by, keys)
