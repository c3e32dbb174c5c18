"""Evidence for a proposal: what it was chosen on, what it promises, and what the later period showed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from workbench.criteria.mining.sample import Bools
from workbench.evaluation.intervals import Estimate, wilson_interval

LEAST_CONFIRMING = 2
"""Violations that the later period has to show at least before it confirms a proposal."""

_TAIL = 0.025


@dataclass(frozen=True)
class Count:
    """What controls found among the goods that a criterion hits in one period: known for controlled goods only.

    Parameters
    ----------
    hits
        Rows hit: the controls it would cost if every hit were controlled.
    labelled
        Those with a result.
    violations
        Those where a violation was found.
    declarations
        Declarations with a result: items of one are found out together.
    kinds
        Violations by kind, the most frequent first.
    recovered_duty_usd
        Duty recovered through these controls.
    """

    hits: int
    labelled: int
    violations: int
    declarations: int
    kinds: Mapping[str, int]
    recovered_duty_usd: float

    @classmethod
    def of(cls, rows: pl.DataFrame, hit: Bools) -> Count:
        """Count the rows of a history that are hit."""
        rows = rows.filter(pl.Series(hit))
        labelled = rows.filter(pl.col("violation").is_not_null())
        found = labelled.filter(pl.col("violation") == 1)
        kinds = found["violation_kind"].drop_nulls().value_counts().sort("count", "violation_kind", descending=True)
        return cls(
            rows.height,
            labelled.height,
            found.height,
            labelled["declaration_id"].n_unique(),
            dict(kinds.iter_rows()),
            float(labelled["recovered_duty_usd"].sum() or 0.0),
        )

    @property
    def hit_rate(self) -> Estimate:
        """Violations of labelled hits, with a Wilson interval over declarations."""
        share = self.declarations / self.labelled if self.labelled else 0.0
        return wilson_interval(self.violations * share, self.labelled * share)

    def to_dict(self) -> dict[str, Any]:
        """Return the counts and the hit rate as plain JSON values."""
        return asdict(self) | {"hit_rate": self.hit_rate.to_dict()}


@dataclass(frozen=True)
class Evidence:
    """Why a criterion was proposed, and whether it held.

    Parameters
    ----------
    chosen_on
        The part of the past that the criterion was found and chosen on: too good to be true, since the best of
        thousands was taken.
    stated_from
        The rest of the past, which had no part in the choice: the stated interval comes from it.
    stated
        95 % interval of the hit rate that as many controls as the later period had will show.
    later
        The later period, which had no part in anything.
    added
        What it adds in the later period to the present set and to the proposals before it.
    base_rate
        Hit rate of all controlled goods of the later period.
    not_evaluable
        Rows of the later period for which a missing value left the condition open.
    """

    chosen_on: Count
    stated_from: Count
    stated: Estimate
    later: Count
    added: Count
    base_rate: float
    not_evaluable: int

    @property
    def held(self) -> bool | None:
        """Whether the later hit rate lies in the stated interval; ``None`` without a control."""
        value, low, high = self.later.hit_rate.value, self.stated.low_95, self.stated.high_95
        return None if value is None or low is None or high is None else low - 1e-9 <= value <= high + 1e-9

    @property
    def confirmed(self) -> bool:
        """Whether the later period alone shows more than controls find anyway.

        The lower bound is above the base rate, and more than one violation says so: where hardly anything is found,
        a single lucky one puts the bound above a rate near zero.
        """
        low = self.later.hit_rate.low_95
        return low is not None and low > self.base_rate and self.later.violations >= LEAST_CONFIRMING

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        counts = {name: getattr(self, name).to_dict() for name in ("chosen_on", "stated_from", "later", "added")}
        return counts | {
            "stated": self.stated.to_dict(),
            "base_rate": self.base_rate,
            "not_evaluable": self.not_evaluable,
            "held": self.held,
            "confirmed": self.confirmed,
            "known_for": "controlled goods",
        }


def predicted(given: Count, later: Count) -> Estimate:
    """Return the 95 % interval of the hit rate in a later period with so many controls.

    Of the later period only the number of controls is used. The rate is uncertain, as few controls told it, and so is
    what a finite number of controls will show at that rate: with Jeffreys' prior the number found is beta-binomial.
    Both are counted in declarations, since items of one declaration are found out together.

    References
    ----------
    L. D. Brown, T. T. Cai and A. DasGupta (2001), Interval estimation for a binomial proportion, Statistical Science
    16, 101-133.
    """
    if not given.labelled or not later.labelled:
        return Estimate(None, None, None)
    found = given.violations * given.declarations / given.labelled
    low, high = beta_binomial(found + 0.5, given.declarations - found + 0.5, later.declarations)
    return Estimate(given.violations / given.labelled, low / later.declarations, high / later.declarations)


def beta_binomial(a: float, b: float, trials: int) -> tuple[int, int]:
    """Return the numbers of successes between which a beta-binomial lies with a probability of 95 % or more.

    >>> beta_binomial(0.5, 0.5, 3), beta_binomial(20.5, 80.5, 100)
    ((0, 3), (10, 32))
    """
    k = np.arange(trials, dtype=np.float64)
    steps = np.log((trials - k) * (k + a)) - np.log((k + 1) * (trials - k - 1 + b))
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    share = np.exp(logs - logs.max())
    below = np.cumsum(share) / share.sum()
    low = int(np.searchsorted(below, _TAIL, side="right"))
    return low, min(int(np.searchsorted(below, 1 - _TAIL)), trials)
