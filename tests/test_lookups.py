"""Vocabularies, keys and lookup tables: what was learnt of a group is found again, an unseen group gets the default."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from workbench.errors import BundleError, ConfigError, SchemaError
from workbench.scorer.risk.lookups import FIRST_CODE, MISSING, UNSEEN, KeySpace, Lookup, Vocabulary, stem

FRAME = pl.DataFrame({"hs6": ["870323", "010129", None, "870323"], "importer_id": ["B", "A", "A", None]})


def lookup(keys: list[int], rates: list[float], default: float = 0.05) -> Lookup:
    table = pl.DataFrame({"key": keys, "hit_rate": rates}, schema={"key": pl.Int64, "hit_rate": pl.Float64})
    return Lookup("one", ("hs6",), table, {"hit_rate": default})


# --- vocabularies --------------------------------------------------------------------------------------------------


def test_codes_depend_on_the_set_of_values_and_not_on_their_order() -> None:
    shuffled = Vocabulary.learn(FRAME["hs6"].reverse())
    assert shuffled.codes(FRAME["hs6"]).tolist() == Vocabulary.learn(FRAME["hs6"]).codes(FRAME["hs6"]).tolist()


def test_unseen_and_missing_values_have_codes_of_their_own() -> None:
    vocabulary = Vocabulary.learn(pl.Series(["a"]))
    assert vocabulary.codes(pl.Series(["a", "b", None])).tolist() == [FIRST_CODE, UNSEEN, MISSING]
    assert vocabulary.size == 3


@pytest.mark.parametrize(
    ("seen", "asked", "codes"),
    [
        ([0.5, -1.0], [0.5, -1.0, 0.25, None, 9.0], [3, 2, UNSEEN, MISSING, UNSEEN]),
        ([], [1.0, None], [UNSEEN, MISSING]),
    ],
)
def test_numbers_have_codes_too(seen: list[float], asked: list[float | None], codes: list[int]) -> None:
    vocabulary = Vocabulary.learn(pl.Series(seen, dtype=pl.Float64))
    assert vocabulary.codes(pl.Series(asked, dtype=pl.Float64)).tolist() == codes


def test_a_column_of_another_type_is_refused_by_name() -> None:
    with pytest.raises(SchemaError, match=r"'tax' has type Int64.*String.*canonical type"):
        Vocabulary.learn(pl.Series(["a"])).codes(pl.Series("tax", [1]))


# --- keys ------------------------------------------------------------------------------------------------------------


def test_different_groups_never_share_a_key() -> None:
    space = KeySpace.learn(FRAME, ["hs6", "importer_id"])
    every = pl.DataFrame({"hs6": ["870323", "010129", None, "x"]}).join(
        pl.DataFrame({"importer_id": ["A", "B", None, "x"]}), how="cross"
    )
    keys = space.keys(space.codes(every), ["hs6", "importer_id"])
    assert len(set(keys.tolist())) == every.height
    assert keys.max() < space.cardinality(["hs6", "importer_id"])


def test_a_missing_key_column_is_named_with_the_section() -> None:
    with pytest.raises(SchemaError, match=r"\[features\] needs the column\(s\) 'importer'.*did you mean 'importer_id'"):
        KeySpace.learn(FRAME, ["importer"])


def test_a_cross_too_large_for_an_integer_is_refused() -> None:
    big = Vocabulary(pl.Series([str(number) for number in range(3_000)]))
    space = KeySpace(dict.fromkeys("abcdef", big))
    with pytest.raises(ConfigError, match=r"a x b x c x d x e x f .*Use fewer columns"):
        space.cardinality("abcdef")


def test_the_key_space_survives_its_tables() -> None:
    space = KeySpace.learn(FRAME, ["hs6", "importer_id"])
    again = KeySpace.from_tables(space.to_tables())
    assert all((again.codes(FRAME)[name] == code).all() for name, code in space.codes(FRAME).items())


# --- tables ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("far", [50, 5_000_000], ids=["dense index", "hash index"])
def test_an_unseen_group_gets_the_default(far: int) -> None:
    table = lookup([3, far], [0.5, 0.25])
    asked = np.array([far, 4, 3, far + 10**9, 0])
    assert table.take(table.rows(asked), "hit_rate").tolist() == [0.25, 0.05, 0.5, 0.05, 0.05]


def test_an_empty_table_answers_with_the_default() -> None:
    table = lookup([], [])
    assert table.take(table.rows(np.array([0, 7])), "hit_rate").tolist() == [0.05, 0.05]


def test_a_table_with_other_columns_than_its_defaults_is_refused() -> None:
    with pytest.raises(BundleError, match="Lookup 'one' has columns"):
        Lookup("one", ("hs6",), pl.DataFrame({"key": [1]}), {"hit_rate": 0.1})


def test_an_unknown_default_is_null_in_json() -> None:
    assert lookup([], [], float("nan")).to_dict()["defaults"] == {"hit_rate": None}


def test_the_stem_of_a_cross_drops_what_every_column_has() -> None:
    assert stem(["importer_id", "departure_country_code", "duty_rate"]) == "importer_departure_duty_rate"
