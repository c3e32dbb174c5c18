"""The same number of controls given to criteria, to the model and to chance, on goods whose truth is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from workbench.criteria.backtest.bits import Counts, Flags
from workbench.criteria.backtest.ground import Amounts, Ground
from workbench.criteria.backtest.tally import Tally
from workbench.estimates import LEAST_CONTROLS
from workbench.evaluation import Estimate, wilson_interval

EVERY_ITEM, RANDOM_ARM, ALL_KNOWN, UNKNOWN = "every item", "random arm", "all known results", "unknown"
LONGER_ARM = "random arm of a longer period"
"""What the rate of chance may rest on."""


@dataclass(frozen=True)
class Chance:
    """What controls by lot would find.

    Parameters
    ----------
    rate
        Rate of violations, with its interval.
    basis
        ``every item``, ``random arm``, ``random arm of a longer period``, ``all known results`` or ``unknown``.
    """

    rate: Estimate
    basis: str

    @classmethod
    def of(cls, ground: Ground, longer: pl.DataFrame | None = None) -> Chance:
        """Take the rate of all items where each result is known, else of the random arm, else of all known results.

        Parameters
        ----------
        ground
            The period.
        longer
            Key, cause and violation of a longer period, whose random arm is taken: that of a few weeks is small.
        """
        known, violations = len(ground.labelled), int(ground.violations.sum())
        everything = wilson_interval(violations, known)
        if known == ground.rows:
            return cls(everything, EVERY_ITEM)
        drawn = pl.col("cause").cast(pl.String).str.starts_with("random")
        arm = (ground.history.rows if longer is None else longer).filter(drawn)["violation"].drop_nulls()
        if len(arm) >= LEAST_CONTROLS:
            rate = wilson_interval(int(arm.cast(pl.Int64).sum()), len(arm))
            return cls(rate, RANDOM_ARM if longer is None else LONGER_ARM)
        return cls(everything, ALL_KNOWN if known else UNKNOWN)

    def statement(self) -> str:
        """Say in a sentence what the rate rests on.

        >>> Chance(wilson_interval(1, 50), RANDOM_ARM).statement()
        'Chance is the rate of the random arm, 2.00 % (0.35 to 10.50): goods that nothing else sent to a full control.'
        """
        if self.rate.value is None or self.rate.low_95 is None or self.rate.high_95 is None:
            return "Chance is not known: no control has a recorded result."
        value, low, high = (f"{100 * bound:.2f}" for bound in (self.rate.value, self.rate.low_95, self.rate.high_95))
        whose, why = {
            EVERY_ITEM: ("all items", "the result of each is known"),
            RANDOM_ARM: ("the random arm", "goods that nothing else sent to a full control"),
            LONGER_ARM: ("the random arm over all the time read", "goods that nothing else sent to a full control"),
            ALL_KNOWN: (
                "all known results",
                "the random arm has too few, and controls lean towards what was suspected",
            ),
        }[self.basis]
        return f"Chance is the rate of {whose}, {value} % ({low} to {high}): {why}."


@dataclass(frozen=True)
class _Ranking:
    """Violations and duty among the top n of the model's ranking; equal scores count with their mean."""

    ends: Amounts
    violations: Amounts
    duty_usd: Amounts

    @classmethod
    def of(cls, score: Amounts, violations: Flags, duty_usd: Amounts) -> _Ranking:
        order = np.argsort(-score, kind="stable")
        ends = np.flatnonzero(np.diff(score[order], append=np.nan))
        sums = (np.cumsum(values[order])[ends] for values in (violations.astype(np.float64), duty_usd))
        return cls(np.append(0.0, ends + 1.0), *(np.append(0.0, values) for values in sums))

    def top(self, count: int) -> tuple[float, float]:
        """Return the expected violations and duty among the `count` highest scores."""
        return float(np.interp(count, self.ends, self.violations)), float(np.interp(count, self.ends, self.duty_usd))


@dataclass(frozen=True)
class _Known:
    """The labelled rows on which the methods are compared: those with a score, or all where there is no model."""

    rows: Flags
    violations: Counts
    paying: Counts
    duty_usd: Amounts

    @classmethod
    def of(cls, ground: Ground, rows: Flags) -> _Known:
        violations = np.flatnonzero(rows & ground.violations)
        paying = np.flatnonzero(rows & (ground.duty_usd > 0))
        return cls(rows, violations, paying, ground.duty_usd[paying])

    def found_by(self, hit: Flags) -> tuple[int, int, float]:
        """Return controls, violations and duty of the rows in `hit`."""
        controls = int(np.count_nonzero(hit & self.rows))
        return controls, int(np.count_nonzero(hit[self.violations])), float(hit[self.paying] @ self.duty_usd)


def versus_table(tally: Tally, chance: Chance) -> pl.DataFrame:
    """Return the three methods side by side for the set and for each criterion (see `Backtest.versus`)."""
    ground = tally.ground
    score = ground.history.rows["score"][ground.labelled].fill_null(np.nan).to_numpy()
    scored = np.isfinite(score)
    ranking = _Ranking.of(score[scored], ground.violations[scored], ground.duty_usd[scored]) if scored.any() else None
    known = _Known.of(ground, scored if ranking else ~scored)
    active = [at for at, name in enumerate(tally.ids) if name not in tally.criteria.shadow]
    scopes = [("set", np.logical_or.reduce(tally.labelled[active])), *zip(tally.ids, tally.labelled, strict=True)]
    rows = [row for scope, hit in scopes for row in _side_by_side(scope, known.found_by(hit), ranking, chance, known)]
    duty = pl.col("known_recovered_duty_usd") if ground.has_amounts else pl.lit(None, pl.Float64)
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(duty.alias("known_recovered_duty_usd"))


def _side_by_side(
    scope: str, found: tuple[int, int, float], ranking: _Ranking | None, chance: Chance, known: _Known
) -> Iterator[dict[str, Any]]:
    controls, violations, duty_usd = found
    yield _row(scope, "criteria", controls, violations, duty_usd, wilson_interval(violations, controls))
    if ranking is not None:
        best, most = ranking.top(controls)
        yield _row(scope, "model", controls, best, most, wilson_interval(best, controls))
    yield _by_chance(scope, controls, chance, known)


def _by_chance(scope: str, controls: int, chance: Chance, known: _Known) -> dict[str, Any]:
    """Return what the same controls by lot would find; what they would recover is known of all results alone."""
    rate, results = chance.rate.value, int(np.count_nonzero(known.rows))
    found = None if rate is None else rate * controls
    recovered = (
        known.duty_usd.sum() / results * controls if results and chance.basis not in (RANDOM_ARM, LONGER_ARM) else None
    )
    return _row(scope, "chance", controls, found, recovered, chance.rate, chance.basis)


def _row(
    scope: str,
    method: str,
    controls: int,
    found: float | None,
    recovered: float | None,
    rate: Estimate,
    basis: str = "labels of the hits",
) -> dict[str, Any]:
    return {
        "scope": scope,
        "method": method,
        "controls": controls,
        "known_violations": None if found is None else float(found),
        "hit_rate_of_controlled": rate.value,
        "low_95": rate.low_95,
        "high_95": rate.high_95,
        "known_recovered_duty_usd": recovered,
        "basis": basis,
    }
