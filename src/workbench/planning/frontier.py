"""Frontier: what each rate of inspection would find, of how many, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from workbench.estimates import PolicyValue, policy_value
from workbench.estimates.intervals import less_known
from workbench.estimates.lift import ratio
from workbench.estimates.policy_value import Outcome
from workbench.evaluation import Estimate, Refusal
from workbench.planning.ground import EXPECTED_DUTY, SCORE, Ground, chosen, passed_over
from workbench.progress import Tell

_PREDICTED: Mapping[Outcome, str] = {"violation": SCORE, "recovered_duty_usd": EXPECTED_DUTY}
_MEASURES = ("found", "detection", "hit_rate", "more_than_today", "duty_usd")
_TYPES: Mapping[str, pl.DataType] = {
    "rate": pl.Float64(),
    "controls": pl.Float64(),
    **{name: pl.Float64() for measure in _MEASURES for name in (measure, f"{measure}_low_95", f"{measure}_high_95")},
    "effective_sample_size": pl.Float64(),
    "refused": pl.String(),
    "advice": pl.String(),
}


@dataclass(frozen=True)
class Frontier:
    """What policies at several rates of inspection would have found in the goods of a period.

    Parameters
    ----------
    table
        One row a rate, ascending: ``rate`` (share of declarations), ``controls`` (items that would have been
        controlled), ``found`` (violations, items), ``detection`` (share of all violations that full controls of all
        goods would find), ``hit_rate`` (found / controls), ``more_than_today`` (found less what today's full controls
        found, which is known), ``duty_usd``, each with ``_low_95`` and ``_high_95``; ``effective_sample_size``.
        Doubly robust where predictions are given. Where the controls carry no estimate all are null, and ``refused``
        and ``advice`` say why. ``duty_usd`` may be null alone, as where too many violations lack their amount, and so
        may ``duty_usd_high_95``.
    """

    table: pl.DataFrame

    @property
    def estimated(self) -> pl.DataFrame:
        """The rows that could be estimated."""
        return self.table.filter(pl.col("found").is_not_null())

    @property
    def refused(self) -> dict[str, list[float]]:
        """Rates that could not be estimated, by what to do about it."""
        rows = self.table.drop_nulls("refused").group_by("advice", maintain_order=True).agg("rate")
        return dict(rows.iter_rows())

    def estimate(self, rate: float, measure: str = "found") -> Estimate:
        """Return one measure at one rate of the table.

        Raises
        ------
        KeyError
            The table has no such rate.
        """
        rows = self.table.filter((pl.col("rate") - rate).abs() < 1e-9)
        if rows.is_empty():
            raise KeyError(f"The frontier has no rate {rate:g}; it has {self.table['rate'].to_list()}.")
        return Estimate(*(rows[name][0] for name in (measure, f"{measure}_low_95", f"{measure}_high_95")))


def frontier(ground: Ground, *, tell: Tell | None = None) -> Frontier:
    """Estimate what a policy would have found at each rate of `ground`.

    Every figure comes from controls that were done, weighed by how likely each was
    (:func:`workbench.estimates.policy_value`), and speaks of what full controls find.

    Parameters
    ----------
    ground
        Goods, probabilities and rates.
    tell
        Told each rate that is done.
    """
    rows = []
    for number, rate in enumerate(ground.rates, start=1):
        rows.append(dict(_row(ground, rate)))
        if tell:
            tell("rates", number)
    return Frontier(pl.DataFrame(rows, schema=_TYPES))


def _row(ground: Ground, rate: float) -> Iterator[tuple[str, Any]]:
    yield "rate", rate
    value = _value(ground, chosen(rate), "violation")
    if isinstance(value, Refusal):
        yield from (("refused", value.code), ("advice", value.advice))
        return
    found = _best(value)
    yield "controls", value.goods
    yield "effective_sample_size", value.effective_sample_size
    yield from three("found", found)
    yield from three("hit_rate", found.scaled(1.0 / value.goods))
    yield from three("detection", _detection(ground, rate, found))
    yield from three("more_than_today", less_known(found, ground.today.violations))
    if ground.record.recovered_duty_usd is not None:
        duty = _value(ground, chosen(rate), "recovered_duty_usd")
        if isinstance(duty, PolicyValue):
            yield from three("duty_usd", _best(duty))


def _value(ground: Ground, target: str, outcome: Outcome) -> PolicyValue | Refusal:
    return policy_value(ground.record, target, outcome, _PREDICTED[outcome])


def _best(value: PolicyValue) -> Estimate:
    return value.snips if value.doubly_robust is None else value.doubly_robust


def _detection(ground: Ground, rate: float, found: Estimate) -> Estimate:
    """Return found / (found + passed over): two parts of all goods, each with its own controls.

    The share falls as the ratio of the two rises, so its bounds are those of the ratio turned round.
    """
    if rate >= 1:
        return Estimate(1.0, 1.0, 1.0)
    beyond = _value(ground, passed_over(rate), "violation")
    if isinstance(beyond, Refusal):
        return Estimate(None, None, None)
    missed = ratio(_best(beyond), found)
    if missed.value is None:
        return Estimate(None, None, None)
    low = 0.0 if missed.high_95 is None else 1.0 / (1.0 + missed.high_95)
    return Estimate(1.0 / (1.0 + missed.value), low, 1.0 / (1.0 + (missed.low_95 or 0.0)))


def three(name: str, estimate: Estimate) -> Iterator[tuple[str, float | None]]:
    """Yield the columns of an estimate: its value under `name`, and its bounds."""
    yield from ((name, estimate.value), (f"{name}_low_95", estimate.low_95), (f"{name}_high_95", estimate.high_95))
