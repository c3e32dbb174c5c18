"""What every feature learner must keep, whichever it is."""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from workbench.features.learners import Learner
from workbench.features.novelty import Frequency
from workbench.features.past import Past
from workbench.features.profiles import HitRate
from workbench.features.quantiles import LEAST_SUPPORT, MeasureQuantiles
from workbench.scorer.risk.featureset import CALENDAR
from workbench.scorer.risk.lookups import KeySpace
from workbench.scorer.schema import SCHEMA, derive

FOLDS = 4
PRICE = "unit_value_usd_per_kg"
CROSS = ("importer_id", "hs6")
LEARNERS = [HitRate(CROSS, 5.0), HitRate(("hs6",), 0.5), MeasureQuantiles(CROSS, PRICE), Frequency(CROSS)]


@pytest.fixture(params=LEARNERS, ids=lambda learner: learner.name)
def learner(request: pytest.FixtureRequest) -> Learner:
    return request.param


def frame(rows: int = 800) -> pl.DataFrame:
    """Make a past of declarations with up to two items, in which half of the rows have a label."""
    generator = np.random.default_rng(7)
    table = pl.DataFrame(
        {
            "declaration_id": [f"D{number // 2}" for number in range(rows)],
            "item_no": [number % 2 + 1 for number in range(rows)],
            "lodged_at": [datetime(2026, 1, 1) + timedelta(hours=number) for number in range(rows)],
            "importer_id": generator.choice(["I1", "I2", "I3", None], rows, p=[0.5, 0.3, 0.1, 0.1]),
            "hs_code": generator.choice(["870323", "010129", "640399"], rows),
            "customs_value_usd": generator.lognormal(5, 1, rows),
            "net_mass_kg": generator.lognormal(3, 1, rows) * (generator.random(rows) > 0.05),
            "quantity": generator.lognormal(1, 1, rows),
            "duty_rate": generator.choice([0.0, 0.08], rows),
            "violation": np.where(generator.random(rows) < 0.5, (generator.random(rows) < 0.3) * 1.0, np.nan),
        }
    ).with_columns(pl.col("violation").fill_nan(None).cast(pl.Int8))
    return derive(table.cast({"item_no": pl.Int32()}))


def past(table: pl.DataFrame) -> Past:
    return Past(table, KeySpace.learn(frame(), CROSS), FOLDS)


def in_fold(table: pl.DataFrame, fold: int) -> np.ndarray:
    return np.array([zlib.crc32(name.encode()) % FOLDS == fold for name in table["declaration_id"]])


def test_an_unseen_group_gives_the_default(learner: Learner) -> None:
    one = past(frame())
    lookup, _ = learner.learn(one)
    unseen = pl.DataFrame({"importer_id": ["never seen"], "hs6": ["999999"]})
    rows = lookup.rows(one.space.keys(one.space.codes(unseen), lookup.columns))
    for name, default in lookup.defaults.items():
        assert np.array_equal(lookup.take(rows, name), [default], equal_nan=True)


def test_a_missing_value_is_a_group_of_its_own(learner: Learner) -> None:
    table = frame().with_columns(importer_id=pl.lit(None, pl.String), hs_code=pl.lit("870323"), hs6=pl.lit("870323"))
    one = past(table)
    lookup, _ = learner.learn(one)
    rows = lookup.rows(one.space.keys(one.codes, lookup.columns))
    assert (rows == 0).all()
    assert lookup.table.height == 1


def test_table_keys_are_unique_sorted_and_whole(learner: Learner) -> None:
    table = learner.learn(past(frame()))[0].table
    assert table["key"].dtype == pl.Int64
    assert table["key"].is_sorted()
    assert table["key"].n_unique() == table.height > 0


def test_out_of_fold_values_stand_for_every_labelled_row(learner: Learner) -> None:
    one = past(frame())
    lookup, values = learner.learn(one)
    assert set(values) == set(lookup.defaults)
    assert {len(column) for column in values.values()} == {int(one.labelled.sum())}


@pytest.mark.parametrize("fold", range(FOLDS))
def test_out_of_fold_values_do_not_depend_on_the_rows_own_fold(learner: Learner, fold: int) -> None:
    """Shuffle labels and prices within one fold: its rows must see nothing of it, and others must.

    The base rate, the same for all rows, is the one thing that every fold tells; shuffled labels keep it.
    """
    table = frame()
    own = in_fold(table, fold) & table["violation"].is_not_null().to_numpy()
    at = np.flatnonzero(own)
    order = np.arange(table.height)
    order[at] = np.random.default_rng(fold).permutation(at)
    told = ["violation", "customs_value_usd"]
    changed = derive(table.with_columns(table.select(told)[order]))
    before, after = learner.learn(past(table))[1], learner.learn(past(changed))[1]
    mask = own[past(table).labelled]
    for name in before:
        assert np.array_equal(before[name][mask], after[name][mask], equal_nan=True)


def test_a_row_sees_none_of_the_other_items_of_its_declaration(learner: Learner) -> None:
    table = frame()
    labelled = table.filter((pl.col("item_no") == 1) & pl.col("violation").is_not_null())
    for number in labelled["declaration_id"][:3]:
        rest = table.filter(pl.col("declaration_id") != number)
        only_one = pl.concat([rest, table.filter(pl.col("declaration_id") == number)[:1]])
        whole, part = past(table), past(only_one)
        at = int(np.flatnonzero(table["declaration_id"].to_numpy()[whole.labelled] == number)[0])
        for name, column in learner.learn(whole)[1].items():
            if name != "hit_rate":  # its prior is the base rate of all rows, which one label moves
                assert np.array_equal(column[at], learner.learn(part)[1][name][-1], equal_nan=True)


def test_order_of_rows_changes_nothing(learner: Learner) -> None:
    table = frame()
    order = np.random.default_rng(1).permutation(table.height)
    one, other = past(table), past(table[order])
    (lookup, values), (shuffled, shuffled_values) = learner.learn(one), learner.learn(other)
    assert lookup.table.equals(shuffled.table)
    assert lookup.defaults == pytest.approx(shuffled.defaults, nan_ok=True)
    place = np.full(table.height, -1)
    place[one.labelled] = np.arange(one.labelled.sum())
    for name in values:
        assert np.array_equal(values[name][place[order][other.labelled]], shuffled_values[name], equal_nan=True)


def test_recipes_read_the_learners_own_table(learner: Learner) -> None:
    lookup, _ = learner.learn(past(frame()))
    assert lookup.name == learner.name
    for recipe in learner.recipes():
        assert recipe.lookup == learner.name
        assert recipe.value in lookup.defaults


def test_recipes_are_readable_names_that_say_the_group(learner: Learner) -> None:
    found = [recipe.name for recipe in learner.recipes()]
    assert found
    assert len(set(found)) == len(found)
    for name in found:
        assert name == name.lower()
        assert name.startswith(("importer_hs6_", "hs6_"))
        assert name not in SCHEMA
        assert name not in CALENDAR


def test_names_of_learners_differ() -> None:
    names = [one.name for one in [HitRate(CROSS, 5.0), MeasureQuantiles(CROSS, PRICE), Frequency(CROSS)]]
    assert len(set(names)) == 3


# --- the figures themselves ----------------------------------------------------------------------------------------


def test_the_hit_rate_is_smoothed_towards_the_base_rate() -> None:
    table = frame()
    lookup, _ = HitRate(("importer_id",), 20.0).learn(Past(table, KeySpace.learn(table, ["importer_id"]), FOLDS))
    known = table.drop_nulls("violation")
    prior, own = known["violation"].mean(), known.filter(pl.col("importer_id") == "I1")["violation"]
    expected = (own.sum() + 20 * prior) / (len(own) + 20)
    assert lookup.table["hit_rate"][1] == pytest.approx(expected)  # after the group of missing importers
    assert lookup.defaults["hit_rate"] == pytest.approx(prior)


def test_quartiles_are_those_of_the_group_and_small_groups_have_none() -> None:
    table = frame()
    space = KeySpace.learn(table, ["hs6"])
    lookup, _ = MeasureQuantiles(("hs6",), PRICE).learn(Past(table, space, FOLDS))
    for at, code in enumerate(["010129", "640399", "870323"]):
        prices = table.filter((pl.col("hs6") == code) & (pl.col(PRICE) > 0))[PRICE].to_numpy()
        assert lookup.table.row(at)[1:] == pytest.approx(np.quantile(prices, [0.25, 0.5, 0.75]))
    few = table.filter(pl.col(PRICE) > 0)[: LEAST_SUPPORT - 1].with_columns(hs6=pl.lit("870323"))
    assert MeasureQuantiles(("hs6",), PRICE).learn(Past(few, space, FOLDS))[0].table.is_empty()


def test_frequency_counts_all_rows_with_and_without_a_label() -> None:
    table = frame()
    lookup, values = Frequency(("hs6",)).learn(Past(table, KeySpace.learn(table, ["hs6"]), FOLDS))
    assert lookup.table["declarations"].sum() == table.height
    # Three folds of four are seen and scaled to four: on the whole the counts agree.
    assert np.mean(values["declarations"]) == pytest.approx(lookup.table["declarations"].mean(), rel=0.1)
