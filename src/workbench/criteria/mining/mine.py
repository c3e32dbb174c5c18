"""Mining: candidates from trees and associations, a choice by what each adds, a look at a later period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl

from workbench.criteria.history import History
from workbench.criteria.mining.associations import association_rules, code_conditions
from workbench.criteria.mining.choice import Chooser
from workbench.criteria.mining.conditions import MOST_CONDITIONS, Rule
from workbench.criteria.mining.drafts import draft, reason
from workbench.criteria.mining.evidence import Count, Evidence, predicted
from workbench.criteria.mining.mined import Mined, Proposal
from workbench.criteria.mining.paths import path_rules
from workbench.criteria.mining.quantities import code_columns, comparable_codes, quantities
from workbench.criteria.mining.sample import Bools, Sample
from workbench.errors import ConfigError, LabelError
from workbench.progress import Tell
from workbench.scorer.criteria import CriteriaSet, Criterion
from workbench.scorer.schema import Lane
from workbench.timeline import before, earlier_share, known_labels

CHOICE_SHARE = 0.65
"""Share of the past's labels that rules are chosen on; the rest of them, later in time, states the intervals."""

RECORDED_SHARE = 0.9
"""Share of violations whose time from lodgement to record is waited for."""

VALID_FOR = timedelta(days=365)
_LEAST_OF_A_KIND = 5

_UNWRITABLE = r"[\p{C}\p{Zl}\p{Zp}\\{}]|^.{65}"
"""Control, invisible and escape characters, the brackets of a reason's placeholders, and what is too long."""


def mine(
    past: History,
    later: History,
    present: CriteriaSet,
    *,
    proposals: int = 20,
    seed: int = 17,
    lane: str = "yellow",
    minimum_support: int = 20,
    tell: Tell | None = None,
) -> Mined:
    """Propose criteria from history.

    Rules come from the paths of small boosted trees and from associations of codes, for every kind of violation apart.
    They are pruned, and chosen greedily for what each adds to the present set and to those chosen before it, by lower
    bound. All this happens on the earlier part of the past. The rest of the past states what hit rate to expect, and
    the later period is then looked at once.

    Parameters
    ----------
    past
        What rules are learnt from. Only results recorded before its end are read.
    later
        A period that begins where the past ends, or after.
    present
        The set in force: goods that one of its criteria hits, whatever its hit percentage, are not found again.
    proposals
        Number of criteria wanted, at most; fewer are proposed where fewer add anything.
    seed
        Seed of the trees' draws: the same history and seed give the same proposals.
    lane
        Lane that the proposals propose.
    minimum_support
        Controlled goods that a criterion has to add, in the part that it is chosen on.
    tell
        Told the phase and the number of rules or proposals so far.

    Returns
    -------
    Mined
        Proposals, the one that adds most first, each a draft with its evidence.

    Raises
    ------
    ConfigError
        The later period begins before the past ends, or a number is out of its domain.
    LabelError
        The past has too few violations to learn from.
    RefusedCriterionError
        The present set does not fit the history's columns.
    """
    _check(past, later, proposals, minimum_support, lane)
    labelled, earlier = _labelled(past)
    covered = _any_hit(present, past, labelled)
    chosen_on, stated_from = labelled.filter(earlier), labelled.filter(~earlier)
    writable = _writable(chosen_on, code_columns(past.columns))
    sample = Sample.of(writable, covered[earlier.to_numpy()], least=_LEAST_OF_A_KIND)
    _check_labels(sample)
    rules = _candidates(sample, past, seed, tell)
    chosen = Chooser(sample, minimum_support).choose(rules, proposals)
    if tell:
        tell("chosen", len(chosen))
    drafts = [draft(one, lane, (later.end + VALID_FOR).date()) for one in chosen]
    return _judged(chosen, drafts, (chosen_on, stated_from, later.rows), past, present)


def _candidates(sample: Sample, past: History, seed: int, tell: Tell | None) -> list[Rule]:
    columns = code_columns(past.columns)
    codes = code_conditions(sample, columns, comparable_codes(columns))
    found: list[Rule] = [(code,) for code in codes]
    found += association_rules(sample, columns)
    if tell:
        tell("associations", len(found))
    found += path_rules(sample, quantities(past.columns), codes, seed)
    rules = [one for one in dict.fromkeys(found) if len(one) <= MOST_CONDITIONS]
    sample.prepare(part for one in rules for part in one)
    if tell:
        tell("rules", len(rules))
    return rules


def _judged(
    rules: Sequence[Rule],
    drafts: Sequence[Criterion],
    parts: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame],
    past: History,
    present: CriteriaSet,
) -> Mined:
    """Count what the drafts, read as criteria, hit in each part of the history."""
    compiled = CriteriaSet(tuple(drafts)).compile(past.columns)
    matrices = [compiled.hits(rows).matrix for rows in parts]
    rows = parts[-1]
    taken = _any_hit(present, past, rows)
    everything = Count.of(rows, np.ones(rows.height, dtype=np.bool_))
    judged = []
    for rule, one in zip(rules, drafts, strict=True):
        hit = [matrix[one.id].fill_null(False).to_numpy() for matrix in matrices]
        chosen_on, stated_from, later = (Count.of(part, mask) for part, mask in zip(parts, hit, strict=True))
        evidence = Evidence(
            chosen_on=chosen_on,
            stated_from=stated_from,
            stated=predicted(stated_from, later),
            later=later,
            added=Count.of(rows, hit[-1] & ~taken),
            base_rate=everything.hit_rate.value or 0.0,
            not_evaluable=matrices[-1][one.id].null_count(),
        )
        taken = taken | hit[-1]
        judged.append(Proposal(replace(one, reason=reason(rule, chosen_on, stated_from)), evidence))
    return Mined(tuple(judged), everything)


def _labelled(past: History) -> tuple[pl.DataFrame, pl.Series]:
    """Return the rows whose result was recorded by the end of the past, and which of them come earlier.

    A violation is disputed and assessed before it is recorded: of the last weeks mostly the clean results are known,
    and a rate taken from them would be too low. Rows lodged within the time that most violations took are left out.
    """
    known = known_labels(past.rows, past.end)
    found = known.filter(pl.col("violation") == 1)
    if found.is_empty():
        raise LabelError(f"No violation was recorded before {past.end:%Y-%m-%d}. Give a longer past.")
    delays = (found["label_known_at"] - found["lodged_at"]).dt.total_microseconds()
    usual = timedelta(microseconds=int(delays.quantile(RECORDED_SHARE, "nearest") or 0))
    labelled = before(known, past.end - usual)
    if labelled.is_empty():
        raise LabelError(
            f"It takes {usual.days} days until most violations are recorded, and nothing was lodged so long before "
            f"{past.end:%Y-%m-%d}. Give a longer past."
        )
    return labelled, earlier_share(labelled, CHOICE_SHARE)


def _writable(rows: pl.DataFrame, codes: Sequence[str]) -> pl.DataFrame:
    """Return `rows` without codes that a criterion could not hold: strangers write them, and no rule may name them."""
    return rows.with_columns(
        pl.when(~pl.col(name).str.contains(_UNWRITABLE)).then(pl.col(name)).alias(name) for name in codes
    )


def _any_hit(criteria: CriteriaSet, past: History, rows: pl.DataFrame) -> Bools:
    matrix = criteria.compile(past.columns).hits(rows).matrix
    if not matrix.width:
        return np.zeros(matrix.height, dtype=np.bool_)
    return matrix.select(pl.any_horizontal(pl.all().fill_null(False))).to_series().to_numpy()


def _check(past: History, later: History, proposals: int, minimum_support: int, lane: str) -> None:
    if later.start < past.end:
        raise ConfigError(
            f"The later period begins on {later.start:%Y-%m-%d}, before the past ends on {past.end:%Y-%m-%d}: nothing "
            "would be confirmed by it. Give periods that follow one another."
        )
    for name, value in {"proposals": proposals, "minimum_support": minimum_support}.items():
        if value < 1:
            raise ConfigError(f"{name} is {value}; it must be 1 or more.")
    if lane not in set(Lane):
        raise ConfigError(f"There is no lane {lane!r}. Choose one of: {', '.join(Lane)}.")


def _check_labels(sample: Sample) -> None:
    if (found := int(sample.violations.sum())) < _LEAST_OF_A_KIND:
        raise LabelError(
            f"Only {found} violations are known in the part of the past that rules are chosen on; at least "
            f"{_LEAST_OF_A_KIND} are needed. Give a longer past."
        )
