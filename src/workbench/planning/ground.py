"""Ground: the decided goods that a plan rests on, scored by a model that had not seen them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from workbench.errors import ConfigError, SchemaError
from workbench.estimates import TARGET, ControlRecord, target_from_ranking
from workbench.estimates.checks import MOST_USD, is_full_control, unbelievable
from workbench.estimates.record import LotFrame
from workbench.evaluation.tables import refuse
from workbench.scorer.schema import Lane
from workbench.timeline import first_and_last, whole_days

SCORE, EXPECTED_DUTY = "score", "expected_duty_usd"
"""Columns of predictions: probability of a violation, and the duty that a control is expected to recover (USD)."""


@dataclass(frozen=True)
class Today:
    """What the service did with these goods.

    Parameters
    ----------
    declarations
        All of them.
    controlled
        Declarations that had a full control: the lane of the random arm, or a more severe one.
    rate
        controlled / declarations.
    violations, recovered_duty_usd
        What those controls found: items, and USD as far as recorded (``None`` where the source has no amounts).
    days
        Days of the period.
    """

    declarations: int
    controlled: int
    rate: float
    violations: int
    recovered_duty_usd: float | None
    days: int

    @classmethod
    def of(cls, decided: pl.DataFrame, random_lane: Lane) -> Today:
        """Count what was done with all of the goods, those included of which no estimate speaks."""
        full = decided.filter(is_full_control(random_lane))
        declarations, controlled = (table["declaration_id"].n_unique() for table in (decided, full))
        has_amounts = "recovered_duty_usd" in decided.columns and decided["recovered_duty_usd"].count() > 0
        first, after = whole_days(decided)
        return cls(
            declarations=declarations,
            controlled=controlled,
            rate=controlled / declarations,
            violations=int(full["violation"].sum() or 0),
            recovered_duty_usd=float(full["recovered_duty_usd"].sum()) if has_amounts else None,
            days=(after - first).days,
        )


@dataclass(frozen=True)
class Ground:
    """Decided goods of a period, controlled or not, with what policies at some rates of inspection would control.

    Parameters
    ----------
    record
        What estimates read of them. Its items have ``lodged_at``, ``lane``, the predictions `SCORE` and
        `EXPECTED_DUTY`, and for each rate the two columns that :func:`chosen` and :func:`passed_over` name.
    rates
        Rates of inspection, ascending: share of each week's declarations.
    random_share
        Share of all declarations that each of these policies leaves to the random arm.
    today
        What the service did with these goods.
    """

    record: ControlRecord
    rates: tuple[float, ...]
    random_share: float
    today: Today

    @classmethod
    def of(
        cls,
        decided: pl.DataFrame,
        rates: Iterable[float],
        *,
        random_share: float,
        lot_frame: LotFrame | None,
        random_lane: Lane = Lane.RED,
    ) -> Ground:
        """Put decided goods and the policies to compare together.

        A policy of rate r controls each week the model's highest scores, up to r less `random_share`, and draws that at
        random from the rest, each with the same probability.

        Parameters
        ----------
        decided
            Key, ``lodged_at``, ``office_id``, ``regime_code``, ``lane``, ``cause``, ``violation``, ``score`` and
            optionally ``recovered_duty_usd`` and ``expected_recovery`` of **all** goods of the period. The scores must
            come from a model that had learnt from none of them.
        rates
            Rates of inspection to compare, each above `random_share` and at most 1.
        random_share
            Share of declarations that the random arm draws, in [0, 1).
        lot_frame
            Frame of the random arm in a history without probabilities; ``None`` where the decisions stored them.
        random_lane
            Lane of a full control.

        Raises
        ------
        SchemaError
            A column is missing, an amount is beyond belief, or see :class:`workbench.estimates.ControlRecord`.
        ConfigError
            A rate leaves the model nothing, or is no share; or the random arm was drawn from a part of the goods only.
        """
        if missing := [name for name in ("lodged_at", "lane", SCORE) if name not in decided.columns]:
            raise SchemaError.missing_columns(missing, decided.columns, "A plan")
        asked = tuple(sorted(set(rates)))
        _refuse_rates(asked, random_share)
        wrong = f"an amount that is negative or above {MOST_USD:,.0f} USD"
        refuse(unbelievable(decided), "A plan", wrong, "correct the amounts, or leave them null")
        table = _with_predictions(decided)
        for rate in asked:
            table = _with_target(table, rate, random_share)
        if lot_frame is None:
            record = ControlRecord.from_decisions(table, random_lane=random_lane)
        elif lot_frame == "all":
            record = ControlRecord.from_history(table, lot_frame=lot_frame, random_lane=random_lane)
        else:
            raise ConfigError(
                "A random arm drawn from what nothing else had selected says nothing of the goods that criteria chose, "
                "which a plan chooses from too. Plan from decisions that store probabilities, or from a random arm of "
                'all goods: set [source] lot_frame = "all" where it was.'
            )
        return cls(record, asked, random_share, Today.of(decided, random_lane))

    @property
    def period(self) -> tuple[str, str]:
        """First and last day, in ISO."""
        first, last = first_and_last(self.record.items)
        return first.date().isoformat(), last.date().isoformat()


def chosen(rate: float) -> str:
    """Name the column of probabilities with which a policy of that rate controls each item."""
    return f"chosen_at_{rate:.6g}"


def passed_over(rate: float) -> str:
    """Name the column of probabilities with which a policy of that rate leaves each item uncontrolled."""
    return f"passed_over_at_{rate:.6g}"


def _refuse_rates(rates: tuple[float, ...], random_share: float) -> None:
    if not 0 <= random_share < 1:
        raise ConfigError(
            f"The share left to chance is {random_share:g}, expected 0 or more and below 1, such as 0.01."
        )
    if not rates:
        raise ConfigError("No rate of inspection is given. Give some, such as 0.0464, 0.0517 and 0.1262.")
    for rate in rates:
        if not 0 < rate <= 1:
            raise ConfigError(
                f"A rate of inspection of {rate:g} is no share of declarations: give one above 0 and at most 1, such "
                "as 0.05 for 5 %."
            )
        if rate <= random_share:
            raise ConfigError(
                f"A rate of inspection of {rate:g} leaves the model nothing: it must be above {random_share:g}, the "
                "share of declarations that the random arm draws."
            )


def _with_predictions(decided: pl.DataFrame) -> pl.DataFrame:
    """Fill what was not scored with a score of 0, and expect of each item its probability times its recovery."""
    expected = pl.col("expected_recovery") if "expected_recovery" in decided.columns else pl.lit(None, pl.Float64)
    score = pl.col(SCORE).fill_nan(None).fill_null(0.0)
    duty = (score * expected.clip(0.0, MOST_USD)).fill_nan(None).fill_null(0.0)
    return decided.with_columns(score, duty.alias(EXPECTED_DUTY))


def _with_target(table: pl.DataFrame, rate: float, random_share: float) -> pl.DataFrame:
    by_model = rate - random_share
    drawn = random_share / max(1.0 - by_model, random_share) if random_share else 0.0
    ranked = target_from_ranking(table, by_model, score=SCORE)
    probability = pl.when(pl.col(TARGET) == 1.0).then(1.0).otherwise(drawn)
    made = ranked.with_columns(probability.alias(chosen(rate)), (1.0 - probability).alias(passed_over(rate)))
    return made.drop(TARGET)
