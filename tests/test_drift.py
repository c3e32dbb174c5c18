"""Drift: statistics, charts, thresholds, findings and planted events."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import typer
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from typer.testing import CliRunner

from workbench.cli.drift import drift
from workbench.drift.charts import prediction_limit, sum_limit, tail_limit
from workbench.drift.concerns import Concern, concerns
from workbench.drift.counting import binned, level_codes, level_counts, quantile_bins, top_bins
from workbench.drift.detectors import Marks, Subject, detectors
from workbench.drift.detectors.distances import Distances, Kind
from workbench.drift.kept import thresholds_from
from workbench.drift.limits import LIMITS, Refused, Thresholds
from workbench.drift.monitor import check, watch
from workbench.drift.scales import Distance, Level, Rate
from workbench.drift.statistics import TOLERANCE, anderson_darling, domain_auc, page_hinkley, psi
from workbench.drift.thresholds import learn_thresholds
from workbench.drift.weeks import DIMENSIONS, Weeks
from workbench.errors import ConfigError, LabelError, SchemaError, SourceError
from workbench.reports.canvas import NARROW
from workbench.reports.drift_page import drift_page, write_drift_page
from workbench.reports.numbers import clipped
from workbench.stages.drifting import watch_for_drift
from workbench.synthetic.config import GenerationError
from workbench.synthetic.drift_events import (
    DutyRates,
    NewImporters,
    OriginMoves,
    PriceLevel,
    RecordedOtherwise,
    SchemeChanges,
    SchemeMoves,
    ScoresOff,
    ValuesMissing,
    ViolationRate,
)

NUMBERS = st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.0])), min_size=4, max_size=60)


# --- statistics -----------------------------------------------------------------------------------------------------


def slow_psi(reference: list[float], current: list[float], bins: int) -> float:
    """PSI as it is written: quantiles of the reference, half a row in each bin that is filled."""
    edges = [sorted(reference)[-(-len(reference) * k // bins) - 1] for k in range(1, bins)]

    def place(value: float) -> int:
        return sum(value > edge for edge in edges)

    counts = [[sum(place(value) == one for value in part) for one in range(bins)] for part in (reference, current)]
    filled = [(n, m) for n, m in zip(*counts, strict=True) if n + m]
    totals = [sum(pair[side] + 0.5 for pair in filled) for side in (0, 1)]
    shares = [[(pair[side] + 0.5) / totals[side] for pair in filled] for side in (0, 1)]
    return sum((q - p) * np.log(q / p) for p, q in zip(*shares, strict=True))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-100, 100).map(lambda x: round(x, 1)), min_size=1, max_size=50),
    st.lists(st.floats(-100, 100).map(lambda x: round(x, 1)), min_size=1, max_size=50),
    st.integers(2, 12),
)
def test_psi_is_its_formula(reference, current, bins) -> None:
    assert psi_of(reference, current, bins) == pytest.approx(slow_psi(reference, current, bins), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(NUMBERS, NUMBERS)
def test_psi_does_not_hang_on_order_nor_on_the_unit(reference, current) -> None:
    first, second = (pl.Series(part, dtype=pl.Float64) for part in (reference, current))
    plain = psi_of(first, second)
    assert plain >= 0
    assert psi_of(first.reverse(), second.reverse()) == plain
    ranked = pl.concat([first, second]).rank("dense").cast(pl.Float64).exp()
    assert psi_of(ranked[: len(first)], ranked[len(first) :]) == plain
    assert psi_of(first, first) == 0


def test_missing_values_are_a_bin_of_psi() -> None:
    whole, holed = pl.Series([1.0, 2, 3, 4] * 20), pl.Series([1.0, 2, None, float("nan")] * 20)
    assert psi_of(whole, holed) > 1
    assert psi_of(holed, holed) == 0
    assert psi_of(pl.Series(["a", None] * 20), pl.Series(["a", "a"] * 20)) > 1


def test_new_names_share_a_bin() -> None:
    reference = pl.Series([f"T{n}" for n in range(50) for _ in range(4)])
    one, many = (pl.concat([reference, pl.Series([f"N{n % kinds}" for n in range(40)])]) for kinds in (1, 40))
    assert psi_of(reference, one) == psi_of(reference, many) > 0


def test_an_empty_sample_has_no_psi() -> None:
    assert np.isnan(psi(np.array([1.0]), np.array([0.0])))


def counts_of(reference, current) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of either sample by level, the missing one first."""
    codes, levels = level_codes(pl.concat([pl.Series(reference), pl.Series(current)]))
    return level_counts(codes[: len(reference)], levels), level_counts(codes[len(reference) :], levels)


def psi_of(reference, current, bins: int = 10) -> float:
    before, after = counts_of(reference, current)
    ranked = pl.Series(reference).dtype.is_numeric()
    places = quantile_bins(before, bins) if ranked else top_bins(before)
    return psi(binned(before, places), binned(after, places))


def spread_of_anderson_darling(n: int, m: int) -> float:
    """Return the standard deviation of the statistic as Scholz and Stephens (1987), section 3, give it."""
    total, inverse = n + m, 1 / n + 1 / m
    harmonic = np.cumsum(1.0 / np.arange(total - 1, 1, -1))
    h, g = harmonic[-1] + 1, (harmonic / np.arange(2, total)).sum()
    a = (4 * g - 6) + (10 - 6 * g) * inverse
    b = (2 * g - 4) * 4 + 16 * h + (2 * g - 14 * h - 4) * inverse - 8 * h + 4 * g - 6
    c = (6 * h + 2 * g - 2) * 4 + (4 * h - 4 * g + 6) * 2 + (2 * h - 6) * inverse + 4 * h
    d = (2 * h + 6) * 4 - 8 * h
    return np.sqrt((a * total**3 + b * total**2 + c * total + d) / ((total - 1) * (total - 2) * (total - 3)))


@pytest.mark.filterwarnings("ignore:p-value")
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 30).map(float), min_size=2, max_size=60),
    st.lists(st.integers(0, 30).map(float), min_size=2, max_size=60),
)
def test_anderson_darling_is_scipys(reference, current) -> None:
    assume(len({*reference, *current}) > 1)
    theirs = stats.anderson_ksamp([np.array(reference), np.array(current)], variant="midrank").statistic
    before, after = counts_of(reference, current)
    standardised = (anderson_darling(before[1:], after[1:]) - 1) / spread_of_anderson_darling(
        len(reference), len(current)
    )
    assert standardised == pytest.approx(theirs, abs=1e-9)


def test_anderson_darling_needs_two_values() -> None:
    assert np.isnan(anderson_darling(np.array([3]), np.array([4])))
    assert np.isnan(anderson_darling(np.array([0, 0]), np.array([3, 4])))


def test_levels_are_counted_in_order() -> None:
    codes, levels = level_codes(pl.Series(["b", None, "a", "b"]))
    assert (codes.tolist(), levels) == ([2, 0, 1, 2], 2)
    assert level_counts(codes, levels).tolist() == [1, 1, 2]
    assert quantile_bins(np.array([0, 1, 1, 1, 1]), 4).tolist() == [0, 1, 2, 3, 4]


def test_the_domain_classifier_tells_what_differs_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"x": rng.normal(size=3000), "c": rng.choice(["a", "b", "c"], 3000)})
    assert domain_auc(frame[:1500], frame[1500:], seed=1) == pytest.approx(0.5, abs=0.03)
    together = frame[1500:].with_columns(c=pl.when(pl.col("x") > 0).then(pl.lit("a")).otherwise(pl.lit("b")))
    assert domain_auc(frame[:1500], together, seed=1) > 0.7


def test_the_domain_classifier_learns_nothing_by_heart() -> None:
    rng = np.random.default_rng(0)
    numbers = np.repeat(np.arange(600), 4)
    values = rng.normal(size=600)[numbers]
    frame = pl.DataFrame({"declaration_id": numbers.astype(str), "value": values})
    told = domain_auc(frame[:1200], frame[1200:], seed=1)
    by_heart = domain_auc(frame[:1200].drop("declaration_id"), frame[1200:].drop("declaration_id"), seed=1)
    assert told < 0.58 < by_heart


def test_the_order_of_rows_is_nothing_to_the_domain_classifier() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"declaration_id": [str(n) for n in range(400)], "x": rng.normal(size=400)})
    halves = frame[:200], frame[200:].with_columns(pl.col("x") + 0.5)
    shuffled = [half[rng.permutation(200)] for half in halves]
    assert domain_auc(*shuffled, seed=1) == domain_auc(*halves, seed=1)


def test_the_domain_classifier_refuses_other_columns_and_few_rows() -> None:
    frame = pl.DataFrame({"x": [1.0] * 30})
    with pytest.raises(SchemaError, match="'y'"):
        domain_auc(frame, frame.rename({"x": "y"}), seed=1)
    assert np.isnan(domain_auc(frame, frame[:3], seed=1))


# --- charts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weeks", [13, 26, 52])
@pytest.mark.parametrize("chance", [0.01, 1e-3, 1e-4])
def test_the_limit_of_a_week_is_students(weeks, chance) -> None:
    exact = stats.t.isf(chance, weeks - 1) * np.sqrt(1 + 1 / weeks)
    assert prediction_limit(chance, weeks) == pytest.approx(exact, rel=0.02)


def test_the_limit_of_a_week_holds_where_mean_and_spread_are_learnt() -> None:
    draws = np.random.default_rng(0).normal(size=(200_000, 27))
    known, further = draws[:, :26], draws[:, 26]
    standardised = (further - known.mean(axis=1)) / known.std(axis=1, ddof=1)
    assert (standardised > prediction_limit(0.005, 26)).mean() == pytest.approx(0.005, rel=0.1)


@pytest.mark.parametrize(("draw", "upper"), [("exponential", 1.25), ("standard_t", 2.5)])
def test_the_tail_is_read_beyond_what_was_seen(draw, upper) -> None:
    rng = np.random.default_rng(0)
    values = rng.exponential(size=4_000) if draw == "exponential" else rng.standard_t(3, 4_000)
    exact = stats.expon.isf(1e-4) if draw == "exponential" else stats.t.isf(1e-4, 3)
    assert 0.75 < tail_limit(values, 1e-4) / exact < upper


def test_few_residuals_teach_no_tail() -> None:
    assert tail_limit(np.arange(40.0), 1e-3) == float("-inf")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=40), st.integers(0, 40), st.booleans())
def test_page_hinkley_is_what_page_wrote(values, count, two_sided) -> None:
    """One value after another: the running mean, and the sums of what lies beyond it by more than the tolerance."""
    mean = rise = fall = 0.0
    expected = []
    for number, value in enumerate(values, start=count + 1):
        mean += (value - mean) / number
        rise, fall = max(0.0, rise + value - mean - TOLERANCE), max(0.0, fall + mean - value - TOLERANCE)
        expected.append(max(rise, fall) if two_sided else rise)
    streams = np.array([values, values]).T
    found = page_hinkley(streams, count, two_sided=two_sided)
    assert found[:, 0] == pytest.approx(expected)
    assert (found[:, 0] == found[:, 1]).all()


def test_the_limit_of_sums_lets_through_what_it_says() -> None:
    """Years of normal residuals, each with mean and spread learnt on 52 weeks, cross the limit once in twenty."""
    rng = np.random.default_rng(0)
    crossed = 0
    limits = [sum_limit([_standardised(rng.normal(size=52))], 0.05, seed, two_sided=True) for seed in range(6)]
    for number in range(3_000):
        known, later = rng.normal(size=52), rng.normal(size=52)
        year = ((later - known.mean()) / known.std(ddof=1))[:, None]
        crossed += page_hinkley(year, 52, two_sided=True).max() > limits[number % 6]
    assert crossed / 3_000 < 0.05 * 1.25


def _standardised(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / values.std(ddof=1)


# --- scales ---------------------------------------------------------------------------------------------------------


def _rows(**columns: object) -> pl.DataFrame:
    return pl.DataFrame(columns)


def test_distances_have_one_spread_whatever_the_number_of_goods() -> None:
    rng = np.random.default_rng(0)
    size = np.where(np.arange(4_000) % 2, 200.0, 5_000.0)
    rows = _rows(statistic=rng.chisquare(9, 4_000) / size, size=size, degrees=np.full(4_000, 9.0))
    residual = Distance().residual(rows, Distance().centre(rows))
    small, large = residual[size < 1_000].std(), residual[size > 1_000].std()
    assert small == pytest.approx(large, rel=0.1)
    assert large == pytest.approx(Distance().floor(rows), rel=0.05)
    assert stats.skew(residual) == pytest.approx(0, abs=0.12)


@pytest.mark.parametrize("expected", [1.5, 6.0, 60.0])
def test_rates_have_normal_residuals_for_few_counts_too(expected) -> None:
    counts = np.random.default_rng(0).poisson(expected, 20_000)
    size = np.full(20_000, 100.0)
    rows = _rows(statistic=counts / size, size=size, usual=np.full(20_000, expected / 100))
    residual = Rate().residual(rows, 1.0)
    assert residual.mean() == pytest.approx(0, abs=0.1)
    assert residual.std() == pytest.approx(1, abs=0.12)
    for limit in (-3.0, 3.0):
        beyond = (residual < limit).mean() if limit < 0 else (residual > limit).mean()
        assert beyond < 0.004


def test_thresholds_are_the_statistics_that_reach_them() -> None:
    rows = _rows(statistic=[0.3], size=[200.0], degrees=[9.0], usual=[0.2])
    for scale, slack in ((Distance(), 1e-9), (Level(), 1e-9), (Rate(), 0.02)):
        residual = float(scale.residual(rows, 1.0)[0])
        assert scale.statistic(residual, rows, 1.0)[0] == pytest.approx(0.3, rel=slack)


# --- weeks ----------------------------------------------------------------------------------------------------------


def test_weeks_are_whole_and_counted_back_from_the_end(small_world) -> None:
    weeks = Weeks.of(small_world.declarations, small_world.outcomes, baseline=4)
    last = small_world.declarations["lodged_at"].max()
    assert weeks.end == datetime(last.year, last.month, last.day) + timedelta(days=1)
    assert weeks.count == (weeks.end - weeks.start).days / 7
    goods = weeks.goods
    exact = (goods["lodged_at"] - weeks.start).dt.total_seconds() // (7 * 86_400)
    assert (goods["week"] == exact).all()
    assert goods["week"].max() == weeks.count - 1


def test_results_count_when_all_goods_of_a_week_had_as_long(small_world) -> None:
    weeks = Weeks.of(small_world.declarations, small_world.outcomes, baseline=4, result_weeks=2)
    key = ["declaration_id", "item_no"]
    beside = weeks.results.join(small_world.outcomes.select(*key, "label_known_at"), on=key).join(
        small_world.declarations.select(*key, "lodged_at"), on=key
    )
    week = 7 * 86_400_000_000
    lodged, known = (
        (beside[name] - weeks.start).dt.total_microseconds() // week for name in ("lodged_at", "label_known_at")
    )
    assert beside.height > 1_000
    assert (beside["week"] == lodged + 1).all()
    assert (known <= beside["week"]).all()
    assert beside["week"].max() == weeks.count - 1
    longer = Weeks.of(small_world.declarations, small_world.outcomes, baseline=4, result_weeks=4)
    assert longer.results["violation"].mean() > weeks.results["violation"].mean()


def test_a_quiet_week_does_not_change_what_its_results_say(small_world) -> None:
    """Nearly nothing is lodged in week 12: the rate of those before and after it stays what it was."""
    whole = Weeks.of(small_world.declarations, small_world.outcomes, baseline=4)
    at = small_world.declarations["lodged_at"]
    quiet = (at >= whole.moment(12)) & (at < whole.moment(13)) & pl.Series(np.arange(len(at)) % 10 > 0)
    rest = Weeks.of(small_world.declarations.filter(~quiet), small_world.outcomes, baseline=4)
    others = pl.col("week") != 13
    assert rest.results.filter(others).equals(whole.results.filter(others))


def test_a_week_is_too_short_for_weeks(small_world) -> None:
    days = small_world.declarations.filter(
        pl.col("lodged_at") < small_world.declarations["lodged_at"][0] + timedelta(3)
    )
    with pytest.raises(LabelError, match="days"):
        Weeks.of(days)


def test_results_without_their_moment_are_refused(small_world) -> None:
    with pytest.raises(SchemaError, match="label_known_at"):
        Weeks.of(small_world.declarations, small_world.outcomes.drop("label_known_at"))


def test_what_is_typical_is_learnt_on_the_first_weeks(small_world) -> None:
    whole = Weeks.of(small_world.declarations, baseline=6)
    part = Weeks.of(small_world.declarations.filter(pl.col("lodged_at") < whole.moment(12)), baseline=6)
    assert part.goods["unit_value_to_typical"].equals(whole.until(12).goods["unit_value_to_typical"])


# --- thresholds, findings -------------------------------------------------------------------------------------------

BASELINE, REFERENCE = 5, 19
QUICK = tuple(one for one in detectors(seed=1) if one.code != "drift.multivariate.auc")


@pytest.fixture(scope="module")
def scored(small_world):
    """The small world with a score that knows something of the truth."""
    rng = np.random.default_rng(0)
    margin = small_world.truth["fraudulent"].to_numpy() * 1.5 - 2.2 + rng.normal(0, 0.5, small_world.truth.height)
    score = pl.Series(1 / (1 + np.exp(-margin)))
    return replace(small_world, declarations=small_world.declarations.with_columns(score=score))


@pytest.fixture(scope="module")
def weeks(scored) -> Weeks:
    return Weeks.of(scored.declarations, scored.outcomes, baseline=BASELINE)


@pytest.fixture(scope="module")
def thresholds(weeks) -> Thresholds:
    return learn_thresholds(weeks.until(REFERENCE), QUICK)


@pytest.fixture(scope="module")
def moved(scored, weeks):
    """A report of the small world in which prices of the largest chapter rise in its last weeks."""
    event = PriceLevel(weeks.moment(22), chapter="85", factor=4.0)
    tables = event.plant(scored)
    again = Weeks.of(tables.declarations, tables.outcomes, baseline=BASELINE)
    return watch(again, QUICK, reference_weeks=REFERENCE)


def test_thresholds_come_back_from_json(thresholds) -> None:
    again = thresholds_from(json.loads(json.dumps(thresholds.to_dict(), allow_nan=False)), QUICK)
    assert again.limits.equals(thresholds.limits)
    assert replace(again, limits=thresholds.limits) == thresholds
    assert thresholds.limits.schema == LIMITS


def _changed_limit(**changed) -> Callable[[dict], None]:
    return lambda state: state["limits"][0].update(changed)


def _added_up(state: dict) -> None:
    next(row for row in state["limits"] if row["sum_limit"] is not None)["sum_limit"] = None


TAMPERED = {
    "another version": (lambda state: state.update(protocol=99), "protocol is 99, expected 1"),
    "no count": (lambda state: state.pop("weeks"), "'weeks' is None, expected a number"),
    "a yes for a count": (lambda state: state.update(items=True), "'items' is True, expected a number"),
    "half a week": (lambda state: state.update(baseline=4.5), "'baseline' is 4.5, expected a whole number of 1 or"),
    "words for a rate": (
        lambda state: state.update(false_alarms_per_year="x" * 999),
        "'x+\\.\\.\\., expected a number",
    ),
    "a rate of nothing": (lambda state: state.update(false_alarms_per_year=0), "is 0, expected a number above 0"),
    "an endless rate": (lambda state: state.update(false_alarms_per_year=1e999), "is inf, expected a number"),
    "a huge count": (lambda state: state.update(items=10**400), "'items' is 1000+\\.\\.\\., expected a number"),
    "no moment": (lambda state: state.update(start="soon"), "'start' is 'soon', expected a moment such as"),
    "another zone": (lambda state: state.update(end="2025-06-01T00:00:00+07:00"), "expected local time without a zone"),
    "another period": (lambda state: state.update(start="2020-01-01T00:00:00"), "is said to have 19 weeks, expected"),
    "a period turned round": (lambda state: state.update(start=state["end"], end=state["start"]), "is said to have"),
    "no limits": (lambda state: state.update(limits={}), "'limits' is no list of limits"),
    "nothing left to watch": (lambda state: state.update(limits=[]), "has neither limits nor a reason"),
    "everything refused": (
        lambda state: state.update(limits=[], refused=[{"code": one.code, "reason": "rain"} for one in QUICK]),
        "nothing could ever be found",
    ),
    "a limit that nothing reaches": (_changed_limit(week_limit=1e6), "week_limit 1000000.0"),
    "no spread to speak of": (_changed_limit(spread=1e-320), "no such limit can be learnt"),
    "a limit without a name": (lambda state: state["limits"][0].pop("subject"), "a limit has no 'subject'"),
    "words for a limit": (_changed_limit(spread="wide"), "something other than the names and numbers"),
    "a spread of nothing": (_changed_limit(spread=0.0), "spread 0.0.*no such limit can be learnt"),
    "a negative limit": (_changed_limit(week_limit=-3.0), "week_limit -3.0"),
    "a limit out of reach": (_changed_limit(week_limit=1e999), "week_limit inf"),
    "no number": (_changed_limit(centre=float("nan")), "centre nan"),
    "a missing limit": (_changed_limit(week_limit=None), "week_limit None"),
    "too few weeks": (_changed_limit(weeks=2), "weeks 2: no such limit"),
    "no limit of the sum": (_added_up, "adds weeks up, and .* has no limit for their sum"),
    "an unknown detector": (_changed_limit(code="drift.weather"), "'drift.weather' is no detector of this version"),
    "a subject twice": (lambda state: state["limits"].append(state["limits"][0]), "a subject has two limits"),
    "no refusals": (lambda state: state.update(refused=None), "'refused' is no list"),
    "another refusal": (lambda state: state.update(refused=[{"code": 1}]), "other entries than its code"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_thresholds_that_cannot_have_been_learnt_are_refused(thresholds, name) -> None:
    change, said = TAMPERED[name]
    state = json.loads(json.dumps(thresholds.to_dict()))
    change(state)
    with pytest.raises(SourceError, match=said) as caught:
        thresholds_from(state, QUICK)
    assert len(str(caught.value)) < 600
    assert str(caught.value).endswith("Learn them anew, by a check without --thresholds.")


@pytest.mark.parametrize("state", [[], 7, None, "thresholds"])
def test_what_is_no_object_is_no_thresholds(state) -> None:
    with pytest.raises(SourceError, match="no thresholds to go by"):
        thresholds_from(state, QUICK)


def test_thresholds_learnt_on_the_weeks_to_check_are_refused(weeks, thresholds) -> None:
    with pytest.raises(LabelError, match=r"learnt on weeks up to .* Check weeks after the reference"):
        check(weeks, QUICK, thresholds, last=weeks.count - REFERENCE + 1)


def test_fewer_false_alarms_need_higher_thresholds(weeks, thresholds) -> None:
    strict = learn_thresholds(weeks.until(REFERENCE), QUICK, false_alarms_per_year=0.1)
    for name in ("week_limit", "sum_limit"):
        known = thresholds.limits[name].is_not_null()
        assert (strict.limits[name].filter(known) > thresholds.limits[name].filter(known)).all()


def test_a_short_reference_is_refused_with_what_it_needs(weeks) -> None:
    with pytest.raises(LabelError, match=r"17 whole weeks .* expected 18 or more"):
        learn_thresholds(weeks.until(17), QUICK)
    with pytest.raises(LabelError, match="Nothing is left to check"):
        watch(weeks, QUICK, reference_weeks=weeks.count)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_of_false_findings_that_is_none_is_refused(weeks, rate) -> None:
    with pytest.raises(ConfigError, match="must be above 0"):
        learn_thresholds(weeks, QUICK, false_alarms_per_year=rate)


def test_a_detector_with_nothing_to_watch_is_named(small_world) -> None:
    weeks = Weeks.of(small_world.declarations, baseline=BASELINE)
    refused = {one.code: one.reason for one in learn_thresholds(weeks.until(REFERENCE), QUICK).refused}
    assert set(refused) == {one.code for one in QUICK if "score" in one.code or one.adds_up} | {"drift.new_levels"}
    assert refused["drift.score.psi"].startswith("no goods of the reference have a score")
    assert refused["drift.label_rate"] == "the reference has no results of the random arm"


def test_a_planted_price_level_is_found_and_named(moved) -> None:
    first = next(one for one in moved.findings if one.code == "drift.group.anderson_darling")
    assert (first.subject, first.dimension, first.group) == ("unit_value_to_typical", "hs2", "85")
    assert first.since == first.found == moved.end - timedelta(weeks=moved.weeks - 3)
    assert first.statistic > first.threshold > first.usual
    assert all(one.dimension != "hs2" for one in first.concerns)
    assert "chapter 85" in first.sentence
    assert [one.change for one in moved.findings] == sorted((one.change for one in moved.findings), reverse=True)


def test_weeks_before_the_event_do_not_know_of_it(moved, weeks) -> None:
    calm = watch(weeks, QUICK, reference_weeks=REFERENCE)
    until = weeks.moment(22).date()
    before = [one.statistics.filter(pl.col("week_start") < until) for one in (moved, calm)]
    assert before[0].equals(before[1])
    assert before[0].height > 0


def test_thresholds_kept_give_the_same_findings_as_those_learnt(scored, moved, thresholds) -> None:
    event = PriceLevel(
        datetime.combine(moved.start + timedelta(weeks=3), datetime.min.time()), chapter="85", factor=4.0
    )
    tables = event.plant(scored)
    weeks = Weeks.of(tables.declarations, tables.outcomes, baseline=BASELINE)
    later = check(weeks, QUICK, thresholds, last=moved.weeks)
    assert later.findings == moved.findings
    with pytest.raises(LabelError, match="cannot be checked"):
        check(weeks, QUICK, thresholds, last=weeks.count - BASELINE)


def test_a_report_says_it_in_words_and_in_tables(moved) -> None:
    text = moved.describe()
    assert f"{len(moved.findings)} finding" in text
    assert moved.findings[0].sentence in text
    told = json.loads(json.dumps(moved.to_dict(), allow_nan=False))
    assert told["findings"][0]["since"] == moved.findings[0].since.isoformat()
    assert moved.table().height == len(moved.findings)
    assert moved.ranking()["weeks_over"][0] > 0
    assert moved.statistics["of_limit"].is_not_null().all()
    assert (moved.statistics["over"] == (moved.statistics["of_limit"] > 1)).all()


def test_a_quiet_report_says_so(moved) -> None:
    quiet = replace(moved, findings=())
    assert quiet.describe().startswith("Nothing drifts")
    assert "1 finding a year may be expected" in quiet.answer()
    twice = replace(moved.thresholds, false_alarms_per_year=2.0)
    assert "2 findings a year may be expected" in replace(moved, thresholds=twice).answer()
    page = drift_page(quiet.to_dict(), title="Drift")
    assert page.answer.startswith("Yes")
    assert "Which columns and rates moved" not in [section.title for section in page.sections]
    assert page.next_steps[0].startswith("Nothing has to be mended.")
    assert next(figure for figure in page.key_figures if figure.label == "Findings").tone == "neutral"


def test_figures_name_columns_in_words_and_keep_the_end_of_a_label(moved) -> None:
    page = drift_page(moved.to_dict(), title="Drift")
    said = " ".join([page.answer, *page.next_steps, *(figure.title for figure in page.figures())])
    assert not re.search(r"[a-z]_[a-z]", said)
    bars = next(page.figures()).chart
    shown = [clipped(bar.label, NARROW.label_characters) for bar in bars.bars]
    assert len(set(shown)) == len(shown)
    assert any(label.endswith("chapter 85 (A-D)") for label in shown)


def test_what_could_not_be_watched_is_said_at_the_top(moved) -> None:
    blind = replace(moved.thresholds, refused=(Refused("drift.label_rate", "too few results"),))
    report = replace(moved, thresholds=blind)
    first = report.describe().splitlines()[0]
    watching = moved.thresholds.limits["code"].n_unique()
    assert f"Not watched by 1 of {watching + 1} detectors: drift.label_rate." in first
    assert "shorter than a year" in first
    page = drift_page(report.to_dict(), title="Drift")
    assert "Not watched: what the random arm finds; the last section says why." in page.answer
    assert "shorter than a year" in page.answer
    assert page.sections[-1].blocks[0].rows == (("label rate", "too few results"),)
    whole = replace(moved.thresholds, weeks=BASELINE + 52, refused=())
    answer = replace(moved, thresholds=whole).answer()
    assert "Not watched" not in answer
    assert "shorter" not in answer


def test_the_page_shows_what_moved(moved, tmp_path) -> None:
    write_drift_page(moved, tmp_path, sources={"Data": "small"})
    names = {file.name for file in tmp_path.iterdir()}
    wanted = {"report.html", "drift.json", "thresholds.json", "findings.parquet", "statistics.parquet"}
    assert wanted <= names
    html = (tmp_path / "report.html").read_text("utf-8")
    assert "value per kg against typical, chapter 85" in html
    thresholds_from(json.loads((tmp_path / "thresholds.json").read_text("utf-8")), QUICK)


def test_whom_a_change_concerns_adds_up() -> None:
    rows = pl.DataFrame(
        {"office_id": ["A", "A", "B"], **{name: ["x"] * 3 for name in DIMENSIONS if name != "office_id"}}
    )
    marks = Marks(rows, rows, np.zeros(3), np.array([1.0, 1.0, 2.0]))
    found = [one for one in concerns(marks) if one.dimension == "office_id"]
    assert found == [Concern("office_id", "A", pytest.approx(0.5)), Concern("office_id", "B", pytest.approx(0.5))]
    assert concerns(Marks(rows, rows, np.ones(3), np.ones(3))) == ()
    assert all(one.dimension != "office_id" for one in concerns(marks, besides="office_id"))


def test_psi_is_the_sum_of_its_marks(weeks) -> None:
    detector = Distances("drift.feature.psi", Kind.PSI)
    row = detector.measure(weeks, 12).filter((pl.col("subject") == "origin_country_code") & (pl.col("week") == 12))
    marks = detector.marks(weeks, Subject("origin_country_code"), 12)
    total = marks.current_marks.mean() - marks.before_marks.mean()
    assert total == pytest.approx(row["statistic"].item(), rel=0.02)


# --- events ---------------------------------------------------------------------------------------------------------

SINCE = datetime(2025, 5, 1)
EVENTS = [
    PriceLevel(SINCE, 1, "85", 1.5),
    NewImporters(SINCE, 1, 0.1),
    OriginMoves(SINCE, 1, "CN", "MY", 0.3),
    RecordedOtherwise(SINCE, 1, "02CI", "mass"),
    RecordedOtherwise(SINCE, 1, "02CI", "quantity", 12.0),
    DutyRates(SINCE, 1, "85", 0.05),
    ValuesMissing(SINCE, 1, 0.05),
    ViolationRate(SINCE, 1, "85", 2.0),
    ViolationRate(SINCE, 1, "", 0.5),
    SchemeMoves(SINCE, 1, "85", "84"),
    SchemeChanges(SINCE, 1),
    ScoresOff(SINCE, 1, 2.0),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda one: f"{one.name}-{one.seed}")
def test_an_event_changes_what_comes_after_it_only(event, scored) -> None:
    planted = event.plant(scored)
    assert event.plant(scored).declarations.equals(planted.declarations)
    later = scored.declarations["lodged_at"] >= SINCE
    changed = 0
    for name in ("declarations", "outcomes", "truth"):
        before, after = getattr(scored, name), getattr(planted, name)
        assert after.schema == before.schema
        assert after.select("declaration_id", "item_no").equals(before.select("declaration_id", "item_no"))
        assert after.filter(~later).equals(before.filter(~later))
        changed += not after.equals(before)
    assert changed > 0


def test_violations_become_as_frequent_as_asked(scored) -> None:
    def share(tables) -> float:
        goods = tables.declarations["hs_code"].str.starts_with("85") & (tables.declarations["lodged_at"] >= SINCE)
        return tables.truth.filter(goods)["fraudulent"].mean()

    assert share(ViolationRate(SINCE, 1, "85", 2.0).plant(scored)) == pytest.approx(2 * share(scored), rel=0.02)
    assert share(ViolationRate(SINCE, 1, "85", 0.5).plant(scored)) == pytest.approx(0.5 * share(scored), rel=0.2)
    assert share(SchemeMoves(SINCE, 1, "85", "84").plant(scored)) == 0


def test_only_what_was_controlled_is_found(scored) -> None:
    outcomes = ViolationRate(SINCE, 1, "", 1.5).plant(scored).outcomes
    assert (outcomes["violation"].is_null() == scored.outcomes["violation"].is_null()).all()
    found = outcomes.filter(pl.col("violation") == 1)
    assert found["violation_kind"].is_not_null().all()
    assert found["label_known_at"].is_not_null().all()
    assert outcomes["violation"].sum() > scored.outcomes["violation"].sum()


def test_an_event_without_goods_is_refused(scored) -> None:
    with pytest.raises(GenerationError, match="changes nothing"):
        PriceLevel(SINCE, chapter="00").plant(scored)
    with pytest.raises(GenerationError, match="score"):
        ScoresOff(SINCE).plant(replace(scored, declarations=scored.declarations.drop("score")))


# --- a run ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drift_run(make_run):
    from workbench.stages.prepare import prepare

    small = ("[criteria]", "[drift]\nbaseline_weeks = 5\nreference_weeks = 18\n\n[criteria]")
    run = make_run(small)
    prepare(run, as_of=datetime(2030, 1, 1))
    return run


def test_a_run_is_watched_by_its_own_settings(drift_run) -> None:
    report = watch_for_drift(drift_run.path)
    assert (report.thresholds.weeks, report.thresholds.baseline) == (18, 5)
    assert {one.code for one in report.thresholds.refused} >= {"drift.score.psi", "drift.calibration"}


def test_a_period_has_its_reference_right_before_it(drift_run) -> None:
    report = watch_for_drift(drift_run.path, start=date(2025, 6, 16), end=date(2025, 6, 29))
    assert (report.start, report.weeks) == (date(2025, 6, 16), 2)
    assert report.thresholds.end == datetime(2025, 6, 16)


def test_a_reference_is_as_long_as_the_data_allow(drift_run) -> None:
    longer = replace_drift(drift_run, reference_weeks=40)
    whole = watch_for_drift(longer, with_model=False)
    assert (whole.thresholds.weeks, whole.weeks) == (18, 7), "three quarters of 25 weeks"


def test_a_reference_is_all_that_lies_before_the_period(drift_run) -> None:
    longer = replace_drift(drift_run, reference_weeks=40)
    late = watch_for_drift(longer, start=date(2025, 5, 27), with_model=False)
    assert (late.thresholds.weeks, late.weeks) == (20, 5), "all that lies before the day"
    with pytest.raises(LabelError, match=r"of which 25 can lie .* and 25 have to with one to check after them\."):
        watch_for_drift(longer, reference_weeks=25, with_model=False)
    with pytest.raises(LabelError, match=r"of which 20 can lie before those to check, and 21 have to\."):
        watch_for_drift(longer, start=date(2025, 5, 27), reference_weeks=21, with_model=False)


def replace_drift(run, **drift) -> Path:
    """Return a copy of a run with other settings of drift."""
    copy = run.path.parent / "another"
    shutil.copytree(run.path, copy, dirs_exist_ok=True)
    told = json.loads((copy / "pipeline.json").read_bytes())
    told["drift"].update(drift)
    (copy / "pipeline.json").write_text(json.dumps(told))
    return copy


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (
            {"start": date(2030, 1, 1)},
            LabelError,
            r"Nothing was lodged from 2030-01-01 on: the data have 25 whole weeks",
        ),
        ({"end": date(2020, 1, 1)}, LabelError, "Nothing was lodged before 2020-01-02"),
        ({"start": date(2025, 1, 20)}, LabelError, "of which 1 can lie before those to check, and 18 have to"),
        ({"reference_weeks": 5}, ConfigError, "5 weeks of reference are too few, expected 18 or more"),
        ({"reference_weeks": -3}, ConfigError, "-3 weeks of reference are too few"),
    ],
)
def test_days_that_leave_nothing_to_check_or_to_learn_on_are_refused(drift_run, given, error, said) -> None:
    with pytest.raises(error, match=said):
        watch_for_drift(drift_run.path, **given)


def test_a_pipeline_is_no_data(drift_run) -> None:
    with pytest.raises(ConfigError, match=r"is a pipeline and holds no declarations. Give the folder of a run of it"):
        watch_for_drift(Path("pipelines/declarations.toml"))
    with pytest.raises(ConfigError, match=r"latest does not exist\. Give the folder of a run"):
        watch_for_drift(drift_run.path.parent / "latest")


def test_a_model_of_before_the_reference_scores_the_goods(drift_run) -> None:
    report = watch_for_drift(drift_run.path, start=date(2025, 6, 16), end=date(2025, 6, 29))
    assert "score" in set(report.statistics["subject"])
    without = watch_for_drift(drift_run.path, start=date(2025, 6, 16), end=date(2025, 6, 29), with_model=False)
    assert "score" not in set(without.statistics["subject"])


def test_thresholds_of_an_earlier_check_can_be_gone_by(drift_run, tmp_path) -> None:
    learnt = watch_for_drift(drift_run.path, start=date(2025, 6, 16), with_model=False)
    write_drift_page(learnt, tmp_path)
    kept = tmp_path / "thresholds.json"
    again = watch_for_drift(drift_run.path, start=date(2025, 6, 16), thresholds=kept, with_model=False)
    assert again.weeks == learnt.weeks
    assert again.thresholds.limits.equals(learnt.thresholds.limits)
    kept.write_text("{")
    with pytest.raises(SourceError, match="holds no thresholds"):
        watch_for_drift(drift_run.path, thresholds=kept)


def test_results_need_no_more_than_their_moment(small_world) -> None:
    plain = small_world.outcomes.select("declaration_id", "item_no", "violation", "label_known_at")
    weeks = Weeks.of(small_world.declarations, plain, baseline=BASELINE)
    assert weeks.results["method"].unique().to_list() == ["unknown"]
    subjects = {one.code: set(one.measure(weeks)["subject"]) for one in QUICK if one.adds_up}
    assert subjects["drift.hit_rate"] == {"unknown", "all methods"}
    assert subjects["drift.label_rate"] == set()


def test_the_command_prints_and_writes_what_it_found(drift_run, tmp_path) -> None:
    app = typer.Typer()
    app.command()(drift)
    given = [str(drift_run.path), "--from", "2025-06-16", "--no-model", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0
    assert "weeks of reference" in result.stdout
    assert (tmp_path / "out" / "report.html").is_file()
    told = json.loads((tmp_path / "out" / "drift.json").read_bytes())
    assert told["weeks"] == 3
    with pytest.raises(ConfigError, match="leave --pipeline out"):
        CliRunner().invoke(app, [*given, "--pipeline", "pipelines/kcs.toml"], catch_exceptions=False)


def test_a_new_scheme_shows_in_the_kinds_that_are_found(scored, weeks) -> None:
    tables = SchemeChanges(weeks.moment(15), source="undervaluation", target="prohibited_goods").plant(scored)
    later = Weeks.of(tables.declarations, tables.outcomes, baseline=BASELINE)
    detector = next(one for one in QUICK if one.code == "drift.hit_rate")
    kinds = detector.measure(later).filter((pl.col("dimension") == "violation_kind") & (pl.col("week") >= 18))
    rates = {name: rows["statistic"].mean() for (name,), rows in kinds.group_by("group")}
    calm = detector.measure(weeks).filter((pl.col("dimension") == "violation_kind") & (pl.col("week") >= 18))
    usual = {name: rows["statistic"].mean() for (name,), rows in calm.group_by("group")}
    assert rates["undervaluation"] < usual["undervaluation"] / 3
    assert rates["prohibited_goods"] > 2 * usual["prohibited_goods"]
    assert rates["misclassification"] == usual["misclassification"]
    sentence = detector.sentence(Subject("all methods", "violation_kind", "prohibited_goods"))
    assert sentence == "The share of results that find prohibited goods has moved"
