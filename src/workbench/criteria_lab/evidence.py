"""A period's declarations as arrays, from which any criterion is answered: its hits, what they found, what it adds.

No widget and no file: the desk, the cell magic, the static tables and the tests all read the same numbers here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.criteria.history import History
from workbench.criteria_lab.answers import AgainstModel, Answers, Figures, Found, Mask, Month, Overlap
from workbench.evaluation import wilson_interval
from workbench.scorer.criteria import CriteriaSet, Criterion
from workbench.scorer.expressions import RefusedCriterionError
from workbench.timeline import months

Numbers: TypeAlias = npt.NDArray[np.int64]

_NO_RANK = np.iinfo(np.int64).max


class Evidence:
    """The declarations of a period as arrays, and the hits of the present set on them: computed once, asked often.

    Parameters
    ----------
    history
        The period's declarations as known at lodgement, with what controls found.
    present
        The set that a new criterion would join; its lists are those that a condition may name.

    Attributes
    ----------
    rows
        The history's rows; masks are in their order.
    set_hits
        Mask of the hits of each criterion of the set, by id.
    controlled, violating
        Masks of the items whose control has a recorded result, and of those in which it found a violation.
    whole
        What controls found in the whole period.

    Examples
    --------
    >>> from datetime import datetime
    >>> rows = pl.DataFrame({
    ...     "declaration_id": ["a", "a", "b"], "item_no": [1, 2, 1], "lodged_at": [datetime(2025, 1, 2)] * 3,
    ...     "net_mass_kg": [5.0, None, 900.0], "violation": [None, None, 1], "score": [0.1, 0.2, 0.9],
    ...     "recovered_duty_usd": [None, None, 40.0],
    ... })
    >>> history = History(rows, {"net_mass_kg": pl.Float64()}, datetime(2025, 1, 1), datetime(2025, 2, 1), None)
    >>> heavy = Criterion("heavy", "Heavy goods", "net_mass_kg > 100", "yellow")
    >>> figures = Evidence(history, CriteriaSet()).answer(heavy).figures
    >>> figures.hits.items, figures.hits.violations, figures.not_evaluable
    (1, 1, 1)
    """

    def __init__(self, history: History, present: CriteriaSet) -> None:
        self.history, self.present = history, present
        self.rows = history.rows
        self.titles = {criterion.id: criterion.title for criterion in present.criteria}
        self.set_hits: dict[str, Mask] = {column.name: _mask(column) for column in history.hits(present).matrix}
        self.controlled: Mask = self.rows["violation"].is_not_null().to_numpy()
        self.violating: Mask = _mask(self.rows["violation"] == 1)
        self._scored: Mask = self.rows["score"].is_not_null().to_numpy()
        self._rank = _ranks(self.rows["score"], self._scored)
        self._controlled_rank = _ranks(self.rows["score"], self._scored & self.controlled)
        self._declaration, self._declarations = _numbered(self.rows["declaration_id"])
        duty = self.rows["recovered_duty_usd"]
        self._recovered = None if duty.null_count() == len(duty) else duty.fill_null(0.0).to_numpy()
        first_days = self.rows.select(months()).to_series()
        self._month_names = [str(day) for day in first_days.unique().sort()]
        self._month, _ = _numbered(first_days)
        self.whole = self.found(np.ones(self.rows.height, dtype=np.bool_))

    def found(self, mask: Mask) -> Found:
        """Return what controls found among the rows of `mask`."""
        controlled = int(np.count_nonzero(mask & self.controlled))
        violations = int(np.count_nonzero(mask & self.violating))
        present = np.zeros(self._declarations, dtype=np.bool_)
        present[self._declaration[mask]] = True
        duty = None if self._recovered is None else float(self._recovered[mask].sum())
        return Found(
            int(np.count_nonzero(mask)),
            int(np.count_nonzero(present)),
            controlled,
            violations,
            wilson_interval(violations, controlled),
            duty,
        )

    def hit_by_others(self, criterion: str) -> Mask:
        """Return which rows some criterion of the set other than `criterion` hits."""
        union = np.zeros(self.rows.height, dtype=np.bool_)
        for name, mask in self.set_hits.items():
            if name != criterion:
                union |= mask
        return union

    def answer(self, criterion: Criterion) -> Answers:
        """Check `criterion` and evaluate it on every row.

        A faulty criterion is answered with its faults; one that fails on a row raises, and is named.

        Raises
        ------
        CriterionError
            The criterion was accepted and failed on a row.
        """
        alone = replace(self.present, criteria=(criterion,))
        nothing = np.zeros(self.rows.height, dtype=np.bool_)
        try:
            faults = tuple(alone.check(self.history.columns))
            hits = self.history.hits(alone).matrix[criterion.id]
        except RefusedCriterionError as error:
            return Answers(criterion, error.faults, None, nothing)
        mask = _mask(hits)
        return Answers(criterion, faults, self._figures(criterion, mask, hits.null_count()), mask)

    def _figures(self, criterion: Criterion, mask: Mask, not_evaluable: int) -> Figures:
        hits, all_violations = self.found(mask), self.whole.violations
        days = max((self.history.end - self.history.start).total_seconds() / 86_400, 1.0)
        return Figures(
            whole=self.whole,
            hits=hits,
            not_evaluable=not_evaluable,
            share_of_violations=hits.violations / all_violations if all_violations else None,
            controls_per_day=hits.declarations * criterion.selection_rate / days,
            beyond_set=self.found(mask & ~self.hit_by_others(criterion.id)),
            overlaps=self._overlaps(mask, criterion.id),
            model=self._against_model(mask),
            months=self._by_month(mask),
        )

    def _overlaps(self, mask: Mask, criterion: str) -> tuple[Overlap, ...]:
        hits = int(np.count_nonzero(mask))
        others = {name: other for name, other in self.set_hits.items() if name != criterion}
        shared = {name: int(np.count_nonzero(mask & other)) for name, other in others.items()}
        order = sorted((name for name in shared if shared[name]), key=lambda name: (-shared[name], name))
        return tuple(Overlap(name, self.titles[name], shared[name], shared[name] / hits) for name in order)

    def _against_model(self, mask: Mask) -> AgainstModel | None:
        hits = int(np.count_nonzero(mask & self._scored))
        if not hits:
            return None
        compared = mask & self._scored & self.controlled
        controls = int(np.count_nonzero(compared))
        by_model = self._controlled_rank < controls
        pool = self._scored & self.controlled
        base_rate = int(np.count_nonzero(pool & self.violating)) / max(int(np.count_nonzero(pool)), 1)
        since = self.history.score_from
        return AgainstModel(
            since="" if since is None else f"{since:%Y-%m-%d}",
            hits=hits,
            taken=int(np.count_nonzero(mask & (self._rank < hits))),
            controlled=controls,
            violations=int(np.count_nonzero(compared & self.violating)),
            model_violations=int(np.count_nonzero(by_model & self.violating)),
            beyond_model=int(np.count_nonzero(compared & self.violating & ~by_model)),
            by_chance=controls * base_rate,
        )

    def _by_month(self, mask: Mask) -> tuple[Month, ...]:
        names = self._month_names
        masks = (mask, mask & self.controlled, mask & self.violating)
        counts = [np.bincount(self._month[part], minlength=len(names)).tolist() for part in masks]
        return tuple(
            Month(name, hits, controlled, violations, wilson_interval(violations, controlled))
            for name, hits, controlled, violations in zip(names, *counts, strict=True)
        )


def _numbered(values: pl.Series) -> tuple[Numbers, int]:
    """Return a number from 0 for each value, in the values' order, and how many different ones there are."""
    numbers = values.rank("dense").cast(pl.Int64).to_numpy() - 1
    return numbers, int(numbers.max(initial=-1)) + 1


def _mask(column: pl.Series) -> Mask:
    return column.fill_null(value=False).to_numpy()


def _ranks(score: pl.Series, among: Mask) -> Numbers:
    """Return each row's place by score among the rows of `among`, from 0 for the highest; others rank behind all."""
    ranks = np.full(len(score), _NO_RANK, dtype=np.int64)
    members = np.flatnonzero(among)
    # Of equal scores the earlier row goes first: asking twice gives the same comparison.
    order = np.argsort(-score.gather(members).to_numpy(), kind="stable")
    ranks[members[order]] = np.arange(len(members))
    return ranks
