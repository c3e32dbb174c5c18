"""What holds for every back-test: parts add up to wholes, and each number is what a plain count gives."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.criteria.backtest import Backtest, backtest
from workbench.criteria.backtest.bits import in_one_only, overlaps, packed, sizes
from workbench.criteria.history import History
from workbench.scorer.criteria import CriteriaSet, Criterion, Hits
from workbench.scorer.lanes.policy import LaneLimit
from workbench.scorer.schema import SCHEMA, Lane, Role, lodgement_types, names

LANES = [str(lane) for lane in Lane]
LIMITS = [LaneLimit(Lane.RED, share=0.2), LaneLimit(Lane.YELLOW, count=2)]
SUMMED = ("hits", "declarations", "expected_controls", "labelled_hits", "known_violations", "known_recovered_duty_usd")


@st.composite
def cases(draw) -> tuple[CriteriaSet, History, Hits]:
    """Made-up rows and hits; conditions are never read, since the hits are given."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, count = draw(st.integers(1, 150)), draw(st.integers(1, 5))
    lanes = draw(st.lists(st.sampled_from(LANES), min_size=count, max_size=count))
    shadow = frozenset(f"c{at}" for at in draw(st.sets(st.integers(0, count - 1))))
    criteria = CriteriaSet(
        tuple(
            Criterion(
                f"c{at}", "", "customs_value_usd > 1", lane, hit_percentage=float(random.integers(0, 101)), points=at
            )
            for at, lane in enumerate(lanes)
        ),
        points={"orange": 4.0},
        shadow=shadow,
    )
    chances = [0.6, 0.3, 0.1] if draw(st.booleans()) else [0.95, 0.05, 0.0]
    matrix = pl.DataFrame(
        {f"c{at}": random.choice(np.array([False, True, None]), rows, p=chances).tolist() for at in range(count)},
        schema=dict.fromkeys((f"c{at}" for at in range(count)), pl.Boolean),
    )
    return criteria, _history(random, rows), Hits(matrix)


def _history(random: np.random.Generator, rows: int) -> History:
    declaration = np.sort(random.integers(0, rows, rows))
    states = random.choice(np.array([None, 0, 1]), rows, p=[0.4, 0.4, 0.2])
    violation = pl.Series(states.tolist(), dtype=pl.Int8)
    day = declaration * 90 // rows
    made = pl.DataFrame(
        {
            "declaration_id": [f"D{number}" for number in declaration],
            "item_no": pl.Series(np.arange(rows), dtype=pl.Int32),
            "lodged_at": [datetime(2025, 1, 1)] * rows,
            "office_id": pl.Series(["N" if number % 3 else None for number in declaration], dtype=pl.String),
            "customs_value_usd": [1.0] * rows,
            "score": pl.Series([None if number % 4 else number / 7 % 1 for number in range(rows)], dtype=pl.Float64),
            "lane": pl.Series(random.choice(np.array([*LANES, None]), rows).tolist(), dtype=SCHEMA["lane"].dtype),
            "violation": violation,
        }
    ).with_columns(
        pl.col("lodged_at").cast(pl.Datetime("us")) + pl.duration(days=pl.Series(day)),
        violation_kind=pl.when(pl.col("violation") == 1).then(pl.lit("value")),
        recovered_duty_usd=pl.when(pl.col("violation") == 1).then(pl.Series(random.integers(0, 4, rows) * 12.5)),
    )
    types = lodgement_types()
    absent = {name: SCHEMA[name].dtype for name in names(Role.DECISION, Role.OUTCOME) if name not in made.columns}
    absent |= {name: dtype for name, dtype in types.items() if name not in made.columns}
    rows_table = made.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in absent.items())
    return History(rows_table, types, datetime(2025, 1, 1), datetime(2025, 4, 1), datetime(2025, 1, 1))


def run(case: tuple[CriteriaSet, History, Hits]) -> Backtest:
    criteria, history, hits = case
    return backtest(criteria, history, limits=LIMITS, hits=hits)


def active(case: tuple[CriteriaSet, History, Hits]) -> list[str]:
    return [one.id for one in case[0].criteria if one.id not in case[0].shadow]


@settings(max_examples=60, deadline=None)
@given(cases())
def test_each_criterion_is_what_a_plain_count_gives(case):
    found, (_, history, hits) = run(case), case
    for row in found.criteria.iter_rows(named=True):
        mine = hits.matrix[row["criterion"]].fill_null(False)
        others = hits.matrix.drop(row["criterion"]).fill_null(False)
        hit = history.rows.filter(mine)
        alone = mine & ~others.select(other=pl.any_horizontal(pl.lit(False), pl.all())).to_series()
        assert row["hits"] == hit.height
        assert row["not_evaluable"] == hits.matrix[row["criterion"]].null_count()
        assert row["declarations"] == hit["declaration_id"].n_unique()
        assert row["labelled_hits"] == hit["violation"].count()
        assert row["known_violations"] == hit["violation"].sum()
        assert row["known_recovered_duty_usd"] == hit["recovered_duty_usd"].sum() or not found.violations
        assert row["unique_hits"] == alone.sum()
        assert row["unique_known_violations"] == history.rows.filter(alone)["violation"].sum()


@settings(max_examples=60, deadline=None)
@given(cases())
def test_hits_alone_and_shared_are_all_hits_and_overlap_is_symmetric(case):
    found = run(case)
    own = dict(found.criteria.select("criterion", "hits").iter_rows())
    pairs = {
        (one, other): shared for one, other, shared in found.overlap.select(pl.col(pl.String, pl.Int64)).iter_rows()
    }
    assert {one: pairs[one, one] for one in own} == own
    assert all(pairs[other, one] == shared for (one, other), shared in pairs.items())
    assert found.overlap["jaccard"].drop_nulls().is_between(0, 1).all()
    most = {one: max([n for (a, b), n in pairs.items() if a == one != b], default=0) for one in own}
    for row in found.criteria.iter_rows(named=True):
        assert most[row["criterion"]] <= row["hits"] - row["unique_hits"]


@settings(max_examples=60, deadline=None)
@given(cases())
def test_months_lanes_and_kinds_sum_to_the_totals(case):
    found = run(case)
    totals = found.criteria.select("criterion", "hits", "labelled_hits", "known_violations")
    for table in (found.months, found.lane_months):
        sums = table.group_by("criterion").agg(pl.col("hits", "labelled_hits", "known_violations").sum())
        joined = totals.join(sums, on="criterion", how="left").fill_null(0)
        for name in ("hits", "labelled_hits", "known_violations"):
            assert joined[name].to_list() == joined[f"{name}_right"].to_list()
    assert found.months["items"].sum() == found.items * totals.height
    assert found.kinds["known_violations"].sum() == totals["known_violations"].sum()


@settings(max_examples=60, deadline=None)
@given(cases())
def test_the_gains_sum_to_all_that_any_criterion_hits(case):
    found, (_, history, hits) = run(case), case
    hit = history.rows.filter(hits.matrix.fill_null(False).select(any=pl.any_horizontal(pl.all())).to_series())
    sums = found.gains.select(pl.col("^added_.*$").exclude("added_hit_rate_of_controlled").sum()).row(0, named=True)
    assert sums["added_hits"] == hit.height
    assert sums["added_declarations"] == hit["declaration_id"].n_unique()
    assert sums["added_labelled_hits"] == hit["violation"].count()
    assert sums["added_known_violations"] == hit["violation"].sum()
    assert sums["added_known_recovered_duty_usd"] == hit["recovered_duty_usd"].sum()
    assert sorted(found.gains["criterion"]) == sorted(found.criteria["criterion"])
    assert found.gains["total_known_violations"][-1] == hit["violation"].sum()


@settings(max_examples=60, deadline=None)
@given(cases())
def test_no_other_criterion_would_have_been_a_better_first_step(case):
    found = run(case)
    first = found.gains.row(0, named=True)
    alone = found.criteria.filter(criterion=first["criterion"]).row(0, named=True)
    assert first["added_hits"] == alone["hits"]
    if found.criteria["labelled_hits"].sum():
        assert first["low_95"] == found.criteria["low_95"].max()


@settings(max_examples=60, deadline=None)
@given(cases())
def test_the_sets_lanes_add_up_to_the_union_of_the_active(case):
    found, (_, history, hits) = run(case), case
    whole, lanes = found.summary.filter(scope="set"), found.summary.filter(pl.col("scope") != "set")
    for name in SUMMED:
        parts = lanes[name].sum()
        assert abs((whole[name][0] or 0) - parts) < 1e-9 * max(parts, 1)
    mine = hits.matrix.select(active(case)).fill_null(False)
    hit = history.rows.filter(mine.select(any=pl.any_horizontal(pl.lit(False), pl.all())).to_series())
    assert whole["hits"][0] == hit.height
    assert whole["declarations"][0] == hit["declaration_id"].n_unique()
    assert whole["expected_controls"][0] <= whole["declarations"][0] + 1e-9


@settings(max_examples=60, deadline=None)
@given(cases())
def test_offices_sum_to_the_declarations_and_their_controls(case):
    found = run(case)
    loads = found.offices.group_by("criterion").agg(pl.col("declarations", "expected_controls").sum())
    joined = found.criteria.join(loads, on="criterion", how="left").fill_null(0)
    assert joined["declarations"].to_list() == joined["declarations_right"].to_list()
    assert np.allclose(joined["expected_controls"], joined["expected_controls_right"])
    assert found.offices["share_of_days_over"].drop_nulls().is_between(0, 1).all()
    whole = found.summary.filter(scope="set")["expected_controls"][0]
    assert np.isclose(found.capacity["expected_controls"].sum(), whole)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_methods_get_the_same_controls_and_find_no_more_than_there_is(case):
    found = run(case)
    per_scope = found.versus.group_by("scope").agg(pl.col("controls").n_unique())
    assert per_scope["controls"].to_list() == [1] * per_scope.height
    assert (found.versus["known_violations"].drop_nulls() <= found.versus["controls"].max()).all()
    model = found.versus.filter(method="model")
    assert (model["known_violations"] <= found.violations + 1e-9).all()


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 5), st.integers(0, 300), st.integers(0, 2**32 - 1))
def test_packed_sets_count_as_plain_ones_do(count, rows, seed):
    flags = np.random.default_rng(seed).random((count, rows)) < 0.3
    sets = np.stack([packed(one) for one in flags])
    numbers = flags.astype(int)
    assert sizes(sets).tolist() == flags.sum(axis=1).tolist()
    assert overlaps(sets).tolist() == (numbers @ numbers.T).tolist()
    assert int(sizes(in_one_only(sets))) == int((numbers.sum(axis=0) == 1).sum())
