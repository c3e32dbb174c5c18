"""Sweeps: counted as by hand, the frontier undominated, the suggestion beyond chance."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from workbench.criteria.history import History
from workbench.criteria.sweep import FLATTERS, sweep
from workbench.errors import ConfigError
from workbench.scorer.criteria import CriteriaSet, Criterion
from workbench.scorer.expressions import RefusedCriterionError

START = datetime(2025, 1, 1)
CHEAP = Criterion(
    "cheap",
    "Cheap",
    "unit_value_usd_per_kg < :most AND net_mass_kg >= :least",
    "red",
    hit_percentage=50,
    parameters={"most": 2.0, "least": 10.0},
    ranges={"most": (1.0, 8.0)},
)


@pytest.fixture(scope="module")
def history() -> History:
    """3,000 items of 1,500 declarations; two of five were controlled; cheap goods violate."""
    rng = np.random.default_rng(3)
    count = 3_000
    price, looked = rng.uniform(0.5, 10, count), rng.random(count) < 0.4
    violation = (rng.random(count) < np.where(price < 3, 0.4, 0.02)).astype(np.int8)
    rows = pl.DataFrame(
        {
            "declaration_id": [f"D{n // 2:05d}" for n in range(count)],
            "item_no": pl.Series([n % 2 + 1 for n in range(count)], dtype=pl.Int32),
            "lodged_at": [START + timedelta(hours=n // 2) for n in range(count)],
            "unit_value_usd_per_kg": price,
            "net_mass_kg": pl.Series(np.where(rng.random(count) < 0.1, np.nan, rng.uniform(1, 100, count))),
            "violation": pl.Series(np.where(looked, violation, 0), dtype=pl.Int8),
            "recovered_duty_usd": np.where(looked & (violation == 1), 100.0, 0.0),
        }
    )
    unseen = pl.Series(~looked)
    outcomes = [pl.when(unseen).then(None).otherwise(pl.col(name)).alias(name) for name in ("violation",)]
    columns = {name: rows.schema[name] for name in ("lodged_at", "unit_value_usd_per_kg", "net_mass_kg")}
    return History(rows.with_columns(outcomes), columns, START, START + timedelta(days=90))


def test_a_point_is_counted_as_by_hand(history):
    table = sweep(CHEAP, history, parameters=["most"], points=5).table
    row = table.filter(pl.col("current")).row(0, named=True)
    hit = history.rows.filter((pl.col("unit_value_usd_per_kg") < 2) & pl.col("net_mass_kg").fill_nan(None).ge(10))
    looked = hit.drop_nulls("violation")
    assert row[":most"] == 2.0
    assert row["hits"] == hit.height
    assert row["declarations"] == hit["declaration_id"].n_unique()
    assert row["expected_controls"] == row["declarations"] / 2
    assert row["labelled_hits"] == looked.height
    assert row["known_violations"] == looked["violation"].sum() > 0
    assert row["known_recovered_duty_usd"] == looked["recovered_duty_usd"].sum()
    assert row["violations_per_100_controls"] == pytest.approx(100 * row["hit_rate_of_controlled"])
    assert row["low_95"] < row["hit_rate_of_controlled"] < row["high_95"]


def test_missing_values_are_not_evaluable_at_every_point(history):
    table = sweep(CHEAP, history, parameters=["least"], points=4).table
    cheap = history.rows.filter(pl.col("unit_value_usd_per_kg") < 2)
    assert set(table["not_evaluable"]) == {cheap["net_mass_kg"].is_nan().sum()}


def test_the_frontier_is_what_no_other_point_beats(history):
    swept = sweep(CHEAP, history, points=25)
    rows = swept.table.to_dicts()
    for row in rows:
        beaten = any(
            other["expected_controls"] <= row["expected_controls"]
            and other["known_violations"] >= row["known_violations"]
            and (other["expected_controls"], other["known_violations"])
            != (row["expected_controls"], row["known_violations"])
            for other in rows
        )
        assert row["best_for_violations"] == (not beaten and row["known_violations"] > 0)
    assert 0 < swept.frontier.height < swept.table.height


def test_the_suggestion_finds_where_violations_end(history):
    swept = sweep(CHEAP, history, parameters=["most"], points=29)
    assert swept.suggested == {"most": pytest.approx(3.0, abs=0.26)}
    assert "Suggested: most = " in swept.describe()


def test_nothing_is_suggested_where_nothing_beats_chance(history):
    dull = replace(CHEAP, when="net_mass_kg >= :least", parameters={"least": 10.0}, ranges={})
    assert sweep(dull, history).suggested is None


def test_two_parameters_make_a_grid_with_the_present_values(history):
    table = sweep(CHEAP, history, points=25).table
    assert table[":most"].n_unique() in (5, 6)
    assert table.filter("current").select(":most", ":least").rows() == [(2.0, 10.0)]
    assert table.select(":most", ":least").is_duplicated().sum() == 0


def test_a_range_over_decades_is_walked_by_equal_factors(history):
    wide = replace(CHEAP, ranges={"most": (0.01, 100.0)})
    values = sweep(wide, history, parameters=["most"], points=5).table[":most"].to_list()
    assert values == [0.01, 0.1, 1.0, 2.0, 10.0, 100.0]


def test_what_other_criteria_hit_is_not_added(history):
    other = Criterion("all-cheap", "All cheap", "unit_value_usd_per_kg < 2", "red")
    table = sweep(CHEAP, history, criteria=CriteriaSet((other, CHEAP)), parameters=["most"], points=8).table
    below, above = table.filter(pl.col(":most") <= 2), table.filter(pl.col(":most") > 2)
    assert below["added_hits"].sum() == 0
    assert (above["added_hits"] > 0).all()
    assert (table["added_known_violations"] <= table["known_violations"]).all()


def test_a_period_without_controls_suggests_nothing(history):
    blind = replace(history, rows=history.rows.with_columns(violation=pl.lit(None, pl.Int8)))
    swept = sweep(CHEAP, blind, points=4)
    assert swept.base_rate is None
    assert swept.suggested is None
    assert swept.table["hit_rate_of_controlled"].null_count() == swept.table.height
    assert "unknown" in swept.describe()


def test_to_dict_is_plain(history):
    told: list[int] = []
    data = sweep(CHEAP, history, points=4, tell=lambda phase, done: told.append(done)).to_dict()
    assert len(data["points"]) == told[-1]
    assert set(data["suggested"]) == {"most", "least"}


@pytest.mark.parametrize(
    ("parameters", "points", "says"),
    [
        (["mast"], 25, "did you mean 'most'"),
        (["country"], 25, "no numeric parameter"),
        ([], 25, "0 parameters"),
        (["most"], 1, "needs 2 or more"),
    ],
)
def test_what_cannot_be_swept_is_refused(history, parameters, points, says):
    named = replace(CHEAP, parameters={**CHEAP.parameters, "country": "CN"})
    with pytest.raises(ConfigError, match=says):
        sweep(named, history, parameters=parameters, points=points)


def test_points_at_which_two_thresholds_cross_are_left_out(history):
    between = replace(
        CHEAP,
        when="unit_value_usd_per_kg > :low AND unit_value_usd_per_kg < :high",
        parameters={"low": 1.0, "high": 4.0},
        ranges={"low": (0.5, 5.0), "high": (2.0, 8.0)},
    )
    points = sweep(between, history).table.select(":low", ":high").rows()
    assert (1.0, 4.0) in points
    assert len(points) > 10
    assert all(low < high for low, high in points)


@pytest.mark.parametrize("limits", [(-1e308, 1e308), (8.0, 1.0)], ids=["beyond every quantity", "the wrong way round"])
def test_a_range_that_cannot_be_walked_is_refused(history, limits):
    with pytest.raises(RefusedCriterionError, match=r"The range of 'most' goes"):
        sweep(replace(CHEAP, ranges={"most": limits}), history, parameters=["most"])


def test_one_point_is_no_points(history):
    found = sweep(CHEAP, history, parameters=["most"])
    one = replace(found, table=found.table.filter(pl.col("current")))
    assert re.match(r"cheap: 1 point\b", one.describe())


def test_a_criterion_with_a_fault_of_its_own_is_refused_by_name(history):
    unknown = replace(CHEAP, when="unit_value_usd_per_kg < :most AND nothing > :least")
    with pytest.raises(RefusedCriterionError, match="nothing"):
        sweep(unknown, history)


def test_the_ends_of_a_range_are_tried_as_they_are(history):
    uneven = replace(CHEAP, ranges={"least": (12.34, 98.76)}, parameters={"most": 2.0, "least": 20.0})
    tried = sweep(uneven, history, parameters=["least"], points=5).table[":least"].to_list()
    assert (tried[0], tried[-1]) == (12.34, 98.76)
    assert len(tried) >= 5


def test_forced_selection_costs_controls_too(history):
    forced = replace(CHEAP, hit_percentage=10, forced_after=4)
    row = sweep(forced, history, parameters=["most"], points=3).table.filter("current").row(0, named=True)
    assert row["expected_controls"] == pytest.approx(row["declarations"] * 0.1 / (1 - 0.9**5))


def test_a_source_without_revenue_has_no_duty(history):
    unpaid = replace(history, rows=history.rows.with_columns(recovered_duty_usd=pl.lit(None, pl.Float64)))
    found = sweep(CHEAP, unpaid, parameters=["most"], points=3)
    assert found.table["known_recovered_duty_usd"].null_count() == found.table.height
    assert not found.table["best_for_duty"].any()
    assert "duty" not in found.describe()


def test_a_set_with_points_is_swept_as_any_other(history):
    weighed = replace(CHEAP, id="weighed", lane="green", points=20.0)
    whole = CriteriaSet((CHEAP, weighed), points={"red": 60.0})
    for criterion in whole.criteria:
        assert sweep(criterion, history, criteria=whole, parameters=["most"], points=3).table["hits"].sum() > 0


def test_a_suggestion_says_that_it_was_chosen_on_the_same_goods(history):
    found = sweep(CHEAP, history, parameters=["most"])
    assert (found.suggested is not None) == (FLATTERS in found.describe())
    assert found.suggested is not None
    assert FLATTERS not in replace(found, suggested=None).describe()
