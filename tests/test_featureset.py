"""Recipes: how each kind of feature is computed, and what is said when a column is missing."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from workbench.errors import BundleError, SchemaError
from workbench.scorer.risk.featureset import FeatureSet, Recipe
from workbench.scorer.risk.lookups import KeySpace, Lookup
from workbench.scorer.schema import Role, empty, names

ROW = {
    "declaration_id": "D1",
    "item_no": 1,
    "lodged_at": datetime(2026, 3, 4, 15, 30),
    "hs_code": "870323",
    "origin_country_code": "JP",
    "customs_value_usd": 800.0,
    "net_mass_kg": 100.0,
    "duty_rate": 0.08,
}
MEASURE = "unit_value_usd_per_kg"


def canonical(*changes: dict[str, object]) -> pl.DataFrame:
    columns = names(Role.IDENTITY, Role.LODGEMENT)
    return pl.concat([empty(columns), pl.DataFrame([ROW | change for change in changes])], how="diagonal_relaxed")


def features(*recipes: Recipe) -> FeatureSet:
    space = KeySpace.learn(pl.DataFrame({"hs6": ["870323"]}), ["hs6"])
    values = {f"{name}_{MEASURE}": [value] for name, value in {"p25": 2.0, "median": 4.0, "p75": 8.0}.items()}
    prices = Lookup("prices", ("hs6",), pl.DataFrame({"key": [2], **values}), dict.fromkeys(values, float("nan")))
    rates = Lookup("rates", ("hs6",), pl.DataFrame({"key": [2], "hit_rate": [0.5]}), {"hit_rate": 0.1})
    return FeatureSet(space, {"prices": prices, "rates": rates}, recipes)


def value(recipe: Recipe, **change: object) -> float:
    fitted = features(recipe)
    matrix = fitted.matrix(fitted.read(canonical(change)))
    assert matrix.shape == (1, 1)
    assert matrix.dtype == np.float32
    return float(matrix[0, 0])


RATE = Recipe("hs6_hit_rate", "lookup", lookup="rates", value="hit_rate")
DEVIATION = Recipe("deviation", "deviation", MEASURE, "prices", f"median_{MEASURE}")
ROBUST = Recipe("robust", "robust_deviation", MEASURE, "prices", f"median_{MEASURE}")


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (RATE, 0.5),
        (DEVIATION, np.log(2.0)),  # 8 USD/kg, the median is 4
        (ROBUST, np.log(2.0) / np.log(4.0)),  # the quartiles are 2 and 8
        (Recipe("hs6_code", "code", "hs6"), 2.0),
        (Recipe("duty_rate", "number", "duty_rate"), 0.08),
        (Recipe("log_mass", "logarithm", "net_mass_kg"), np.log(101.0)),
        (Recipe("month", "calendar", "lodged_month"), 3.0),
        (Recipe("hour", "calendar", "lodged_hour"), 15.0),
        (Recipe("weekday", "calendar", "lodged_weekday"), 3.0),
    ],
    ids=lambda given: given.name if isinstance(given, Recipe) else "",
)
def test_each_kind_of_recipe_computes_what_it_says(recipe: Recipe, expected: float) -> None:
    assert value(recipe) == pytest.approx(expected, rel=1e-6)


def test_an_unseen_group_gets_the_prior() -> None:
    assert value(RATE, hs_code="010129") == pytest.approx(0.1)
    assert np.isnan(value(DEVIATION, hs_code="010129"))


@pytest.mark.parametrize("change", [{"net_mass_kg": 0.0}, {"net_mass_kg": None}, {"customs_value_usd": 0.0}])
@pytest.mark.parametrize("recipe", [DEVIATION, ROBUST])
def test_a_value_that_cannot_be_computed_is_missing_and_never_infinite(
    recipe: Recipe, change: dict[str, object]
) -> None:
    assert np.isnan(value(recipe, **change))


def test_a_row_alone_has_the_features_that_it_has_in_a_batch() -> None:
    fitted = features(RATE, DEVIATION, ROBUST, Recipe("log_mass", "logarithm", "net_mass_kg"))
    rows = canonical(*({"net_mass_kg": 1.7**number} for number in range(-20, 21)))
    together = fitted.matrix(fitted.read(rows))
    alone = [fitted.matrix(fitted.read(rows[[at]]))[0] for at in range(rows.height)]
    assert np.array_equal(together, np.stack(alone), equal_nan=True)


def test_profiles_are_null_where_nothing_is_known() -> None:
    fitted = features(RATE)
    table = fitted.profiles(fitted.read(canonical({}, {"hs_code": "010129"})), ["hs6_hit_rate", f"hs6_p25_{MEASURE}"])
    assert table.rows() == [(0.5, 2.0), (0.1, None)]
    assert set(table.columns) <= set(fitted.profile_types)


def test_a_missing_column_is_named_with_a_suggestion() -> None:
    fitted = features(Recipe("duty_rate", "number", "duty_rate"))
    without = canonical({}).with_columns(hs6=pl.lit("870323")).drop("duty_rate")
    with pytest.raises(SchemaError, match=r"The model needs the column.*'duty_rate'"):
        fitted.read(without)


def test_a_feature_set_survives_its_parts() -> None:
    fitted = features(RATE, ROBUST)
    again = FeatureSet.from_parts(fitted.to_dict(), fitted.to_tables())
    rows = canonical({}, {"hs_code": "010129"})
    assert again.names == ["hs6_hit_rate", "robust"]
    assert np.array_equal(again.matrix(again.read(rows)), fitted.matrix(fitted.read(rows)), equal_nan=True)


@pytest.mark.parametrize("part", ["vocabularies", "lookups", "recipes"])
def test_a_description_without_a_part_is_refused(part: str) -> None:
    fitted = features(RATE)
    damaged = {name: value for name, value in fitted.to_dict().items() if name != part}
    with pytest.raises(BundleError, match=f"lacks or misnames '{part}'.*Export"):
        FeatureSet.from_parts(damaged, fitted.to_tables())
