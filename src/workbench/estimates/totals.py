"""Totals over all goods of what a full control would find, group by group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from workbench.evaluation.intervals import Estimate
from workbench.evaluation.refusal import Refusal
from workbench.scorer.schema import KEY

from .arrays import Values
from .checks import MOST_USD, unbelievable
from .frame import Group
from .intervals import Findings, Sample, added, interval
from .record import ControlRecord
from .strata import Strata

LEAST_CONTROLS = 30
LEAST_FINDINGS = 5
MOST_MISSING = 0.2
"""Share of the controls drawn above which missing results leave nothing to estimate; of findings, missing amounts."""

_LETTERS = 30
_ADVICE_SIZE = "Raise the share of the random arm, wait for results that are still open, or take a longer period."
_ADVICE_MISSING = (
    "Have the results recorded, or take goods of a period that ended longer before the results were read: findings are "
    "recorded later than clean results, so what is missing is no random part."
)
_ADVICE_AMOUNTS = "Have the amounts recorded: 0 where a violation costs no duty, null only where nobody knows."
_ADVICE_FINDINGS = "Take a longer period, or raise the share of the random arm: amounts need more findings than rates."


@dataclass(frozen=True)
class Found:
    """What controls of any kind found, by item.

    Parameters
    ----------
    of_items
        Violations or duty in USD, 0 where nothing was found, shape (rows,).
    blurred
        Whether these are amounts of money (see :class:`.intervals.Findings`).
    """

    of_items: Values
    blurred: bool = False


@dataclass(frozen=True)
class Reach:
    """How far a policy reaches the goods, 0 or more: of each item, and summed over each declaration."""

    of_items: Values
    of_declarations: Values

    @classmethod
    def of(cls, record: ControlRecord, of_items: Values) -> Reach:
        """Sum the reach of a record's items over its declarations."""
        return cls(of_items, record.by_declaration(of_items))


def too_little(record: ControlRecord) -> Refusal | None:
    """Return why the record can carry no estimate at all: too few results of the arm, or too many missing."""
    declarations = record.declarations
    groups = (declarations.filter(pl.col("group") == str(name)) for name in (Group.ARM, Group.MARGIN))
    # Where every declaration is controlled for certain, nothing rests on a sample.
    sampled = next((group for group in groups if group.height), None)
    if sampled is not None and (known := int(sampled["is_known"].sum())) < LEAST_CONTROLS:
        return Refusal("random_arm_too_small", known, LEAST_CONTROLS, _ADVICE_SIZE)
    for part in (sampled, declarations):
        if part is not None and (refused := _too_many_missing(part)) is not None:
            return refused
    return None


def _too_many_missing(declarations: pl.DataFrame) -> Refusal | None:
    drawn, known = (int(declarations[name].sum()) for name in ("is_drawn", "is_known"))
    if drawn - known <= MOST_MISSING * drawn:
        return None
    return Refusal("results_missing", known, int(np.ceil((1 - MOST_MISSING) * drawn)), _ADVICE_MISSING)


def beyond_belief(record: ControlRecord) -> Refusal | None:
    """Return why amounts cannot be added up: one that nobody believes would be the whole sum."""
    wrong = unbelievable(record.items)
    if wrong.is_empty():
        return None
    declaration, item = wrong.select(KEY).row(0)
    advice = f"Correct amounts above {MOST_USD:,.0f} USD or leave them null; first: {declaration[:_LETTERS]}/{item}."
    return Refusal("amounts_beyond_belief", wrong.height, 0, advice)


def too_few_amounts(record: ControlRecord) -> Refusal | None:
    """Return why amounts cannot be estimated: too many violations that full controls found have none."""
    full = record.items["is_full_control"].to_numpy()
    found, missing = int(record.violation[full].sum()), int(record.is_unpriced.sum())
    if missing <= MOST_MISSING * found:
        return None
    return Refusal("amounts_missing", found - missing, int(np.ceil((1 - MOST_MISSING) * found)), _ADVICE_AMOUNTS)


def sample_of(strata: Strata, group: Group, weight: Values) -> Sample:
    """Return the declarations of a group that have a result."""
    return Sample(weight, strata.stratum).part(strata.within(group) & (weight > 0))


def total(
    record: ControlRecord, strata: Strata, found: Found, *, reach: Reach | None = None, weight: Values | None = None
) -> Estimate:
    """Return the sum over all goods of what a full control would find times how far a policy reaches them.

    Parameters
    ----------
    record, strata
        The goods and how they were sampled.
    found
        What controls found.
    reach
        How far the policy reaches; ``None`` for 1 throughout.
    weight
        What each declaration's result stands for; ``None`` for `Strata.weight`.
    """
    weight = strata.weight if weight is None else weight
    amount = record.by_declaration(found.of_items)
    if reach is None:
        far = np.ones(len(amount))
    else:
        # Of a declaration without a finding the mean reach of its items stands for what a finding there would count.
        value = record.by_declaration(reach.of_items * found.of_items)
        far = np.divide(value, amount, out=reach.of_declarations / record.sizes, where=amount > 0)
    pool = amount[record.declarations["is_full"].to_numpy() & (amount > 0)]
    parts = []
    for group in Group:
        chosen = strata.within(group) & (weight > 0)
        findings = Findings(amount[chosen], far[chosen], pool, found.blurred)
        parts.append(interval(sample_of(strata, group, weight), findings))
    return added(parts)


def too_few_findings(record: ControlRecord, strata: Strata, value: Values) -> Refusal | None:
    """Return why amounts cannot be estimated: hardly any finding stands for goods that nobody looked at."""
    sampled = strata.within(Group.ARM) & (strata.weight > 1)
    found = int(np.count_nonzero(record.by_declaration(value)[sampled]))
    if sampled.any() and found < LEAST_FINDINGS:
        return Refusal("too_few_findings", found, LEAST_FINDINGS, _ADVICE_FINDINGS)
    return None
