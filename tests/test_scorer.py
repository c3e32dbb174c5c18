"""The one scorer: raw rows in, a decision for every row out."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from workbench.errors import CriterionError, MappingError
from workbench.scorer.criteria import CompiledCriteria, CriteriaSet
from workbench.scorer.lanes.policy import LaneLimit
from workbench.scorer.schema import DECISION_TYPES, SCHEMA, Lane, Role, names
from workbench.scorer.scorer import DECISIONS, Assessment, Scorer
from workbench.stages.folder import RunFolder
from workbench.stages.selecting import select_lanes
from workbench.synthetic.world import Tables

KEY = ["declaration_id", "item_no"]
ALL = {"when": "customs_value_usd >= 0", "title": "All"}


def with_criteria(scorer: Scorer, *criteria: dict[str, Any], **policy: Any) -> Scorer:
    """Replace the criteria; nobody is drawn and lanes have no limits unless `policy` says so."""
    plain = replace(scorer.policy, **({"random_share": 0.0, "limits": ()} | policy))
    return replace(scorer, criteria=CriteriaSet.from_dict({"criterion": list(criteria)}), policy=plain)


def by_key(decisions: pl.DataFrame) -> pl.DataFrame:
    return decisions.sort(KEY, nulls_last=True)


# --- the decisions table -----------------------------------------------------------------------------------------


def test_every_row_leaves_with_lane_cause_score_and_inclusion_probability_in_the_order_read(
    small_scorer: Scorer, small_raw: pl.DataFrame
) -> None:
    decided = small_scorer.score(small_raw)
    assert tuple(decided.columns) == DECISIONS
    assert decided.select(KEY).equals(small_raw.select(KEY))
    assert decided["score"].is_between(0, 1, closed="none").all()
    assert decided["inclusion_probability"].is_between(0, 1).all()
    assert decided.select("lane", "cause", "score").null_count().row(0) == (0, 0, 0)
    assert decided.schema["lane"] == SCHEMA["lane"].dtype
    assert set(decided["cause"].str.split(":").list.first()) == {"none", "model", "criterion", "random"}


def test_a_row_alone_scores_exactly_as_in_a_batch(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    together = small_scorer.score(small_raw, reasons=False)
    for at in range(0, small_raw.height, 97):
        alone = small_scorer.score(small_raw[[at]], reasons=False)
        assert alone["score"][0] == together["score"][at]
        assert alone["expected_recovery"][0] == together["expected_recovery"][at]


def test_order_of_rows_changes_no_decision(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    shuffled = small_scorer.score(small_raw.sample(fraction=1.0, shuffle=True, seed=2))
    assert by_key(shuffled).equals(by_key(small_scorer.score(small_raw)))


def test_the_same_key_draws_the_same_sample_and_another_key_another(
    small_scorer: Scorer, small_raw: pl.DataFrame
) -> None:
    def drawn(scorer: Scorer) -> set[str]:
        decided = scorer.score(small_raw, reasons=False)
        return set(decided.filter(pl.col("cause") == "random")["declaration_id"])

    other = replace(small_scorer, policy=replace(small_scorer.policy, key=bytes(32)))
    assert drawn(small_scorer) == drawn(small_scorer) != drawn(other)
    assert drawn(small_scorer)
    assert drawn(other)


def test_shuffling_columns_known_after_the_control_changes_no_score_and_no_decision(
    small_scorer: Scorer, small_raw: pl.DataFrame, small_world: Tables
) -> None:
    later = names(Role.DECISION, Role.OUTCOME)
    known = small_raw.join(small_world.outcomes, on=KEY, how="left", maintain_order="left")
    shuffled = known.with_columns(pl.col(name).shuffle(seed=4) for name in later)
    assert not shuffled.equals(known)
    assert small_scorer.score(known).equals(small_scorer.score(small_raw))
    assert small_scorer.score(shuffled).equals(small_scorer.score(small_raw))


def test_an_unseen_importer_is_scored_by_the_prior(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    """Two importers that nobody ever saw are alike, and neither is missing."""
    rows = small_raw.head(50)
    one, other = (
        small_scorer.score(rows.with_columns(importer_id=pl.lit(name)), reasons=False) for name in ("X1", "X2")
    )
    assert one["score"].equals(other["score"])
    assert one["score"].null_count() == 0
    features = small_scorer.model.features
    prior = features.lookups["importer__controls"].defaults["hit_rate"]
    canonical = small_scorer.mapping.apply(rows.with_columns(importer_id=pl.lit("X1"))).frame
    profile = features.profiles(features.read(canonical), ["importer_hit_rate"])
    assert set(profile["importer_hit_rate"]) == {prior}
    assert prior > 0


def test_a_table_without_rows_gives_decisions_without_rows(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    decided = small_scorer.score(small_raw.head(0))
    assert decided.height == 0
    assert tuple(decided.columns) == DECISIONS


def test_without_criteria_the_model_and_the_lot_decide(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    decided = replace(small_scorer, criteria=CriteriaSet()).score(small_raw)
    assert set(decided["cause"]) == {"none", "model", "random"}
    assert set(decided["would_be_cause"]) == {"none", "model"}
    assert decided.filter(pl.col("cause") == "random")["reasons"].str.starts_with("Drawn by lot, as 2 %").all()


def test_a_missing_raw_column_is_named(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    with pytest.raises(MappingError, match="no column 'hs_code'"):
        small_scorer.score(small_raw.drop("hs_code"))


# --- declarations and their items --------------------------------------------------------------------------------


def test_items_of_a_declaration_share_lane_cause_and_probability(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    decided = small_scorer.score(small_raw, reasons=False)
    shared = decided.group_by("declaration_id").agg(
        pl.len(), pl.struct("lane", "cause", "inclusion_probability").n_unique().alias("ways")
    )
    assert shared["ways"].max() == 1
    assert shared["len"].max() > 3


def test_one_hit_item_selects_the_whole_declaration(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    number = small_raw.group_by("declaration_id").len().sort("len", "declaration_id")["declaration_id"][-1]
    rows = small_raw.with_columns(
        net_mass_kg=pl.when((pl.col("declaration_id") == number) & (pl.col("item_no") == 2))
        .then(pl.lit(7_777_777.0))
        .otherwise("net_mass_kg")
    )
    heavy = {"id": "heavy", "title": "", "when": "net_mass_kg = 7777777", "lane": "orange"}
    decided = with_criteria(small_scorer, heavy).score(rows, reasons=False)
    assert set(decided.filter(pl.col("lane") == "orange")["declaration_id"]) == {number}


@pytest.mark.parametrize(("milder", "expected"), [(True, "yellow"), (False, "red")])
def test_a_quarantined_sibling_raises_the_other_items_to_at_least_the_fallback_lane(
    small_scorer: Scorer, small_raw: pl.DataFrame, milder: bool, expected: str
) -> None:
    number = small_raw.filter(pl.col("item_no") == 3)["declaration_id"][0]
    broken = (pl.col("declaration_id") == number) & (pl.col("item_no") == 2)
    rows = small_raw.with_columns(net_mass_kg=pl.when(broken).then(-1.0).otherwise("net_mass_kg"))
    red = {**ALL, "id": "all", "lane": "blue" if milder else "red"}
    decided = with_criteria(small_scorer, red).score(rows).filter(pl.col("declaration_id") == number)
    siblings = decided.filter(pl.col("item_no") != 2)
    assert set(siblings["lane"]) == {expected}
    assert set(siblings["cause"]) == {"quarantine:negative_mass" if milder else "criterion:all"}
    assert set(siblings["inclusion_probability"]) == {1.0}
    assert siblings["score"].null_count() == 0
    unread = decided.filter(pl.col("item_no") == 2).row(0, named=True)
    assert (unread["lane"], unread["cause"], unread["score"]) == ("yellow", "quarantine:negative_mass", None)
    assert unread["inclusion_probability"] == 1.0
    assert unread["reasons"] == "Could not be read (negative_mass)."


def broken_at(raw: pl.DataFrame, declarations: pl.Series, item: int) -> pl.DataFrame:
    broken = pl.col("declaration_id").is_in(declarations.to_list()) & (pl.col("item_no") == item)
    return raw.with_columns(net_mass_kg=pl.when(broken).then(-1.0).otherwise("net_mass_kg"))


@pytest.mark.parametrize(("random_lane", "is_full"), [(Lane.RED, False), (Lane.BLUE, True)])
def test_siblings_of_an_unreadable_item_keep_their_would_be_lane_and_the_item_has_none(
    small_scorer: Scorer, small_raw: pl.DataFrame, random_lane: Lane, is_full: bool
) -> None:
    numbers = small_raw.filter(pl.col("item_no") == 3)["declaration_id"]
    scorer = with_criteria(small_scorer, random_share=0.3, random_lane=random_lane)
    decided = scorer.score(broken_at(small_raw, numbers, 2)).filter(pl.col("declaration_id").is_in(numbers.to_list()))
    unread = decided.filter(pl.col("item_no") == 2)
    names = ["would_be_lane", "would_be_cause", "random_stratum", *(n for n in DECISIONS if n.endswith("_probability"))]
    assert unread.select(names).drop("inclusion_probability").null_count().row(0) == (unread.height,) * 7
    siblings = decided.filter(pl.col("item_no") != 2)
    assert siblings.select("would_be_lane", "would_be_cause").unique().rows() == [("green", "none")]
    assert set(siblings["inclusion_probability"]) == {1.0}
    by_lot = siblings.filter(pl.col("cause") == "random")
    raised = siblings.filter(pl.col("cause") == "quarantine:negative_mass")
    assert set(raised["lane"]) == {"yellow"}
    if is_full:
        # The fallback lane is the more severe: every sibling gets at least a full control.
        assert by_lot.is_empty()
        assert set(siblings["full_control_probability"]) == {1.0}
    else:
        assert by_lot.height > 0
        assert set(by_lot["lane"]) == {"red"}
        assert siblings["full_control_probability"].equals(siblings["random_probability"])
    assert siblings["random_probability"].is_between(0, 1, closed="none").any()


def test_decisions_have_the_types_that_the_schema_states(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    for rows in (small_raw, small_raw.head(0), small_raw.head(3).with_columns(net_mass_kg=pl.lit(-1.0))):
        assert dict(small_scorer.score(rows).schema) == DECISION_TYPES


def test_lodgement_after_the_moment_given_goes_to_quarantine(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    last = small_raw["lodged_at"].max()
    future = small_raw.with_columns(lodged_at=pl.col("lodged_at").dt.offset_by("10y")).head(2)
    decided = small_scorer.score(
        pl.concat([small_raw.head(3), future.with_columns(declaration_id=pl.lit("F") + pl.col("declaration_id"))]),
        as_of=last,
    )
    assert decided["cause"].str.starts_with("quarantine:future_date").to_list() == [False] * 3 + [True] * 2


def test_items_that_disagree_on_office_or_day_are_decided_alike_in_any_order(
    small_scorer: Scorer, small_raw: pl.DataFrame
) -> None:
    scattered = small_raw.with_columns(
        office_id=pl.col("office_id").shuffle(seed=1), lodged_at=pl.col("lodged_at").shuffle(seed=2)
    )
    shuffled = scattered.sample(fraction=1.0, shuffle=True, seed=3)
    assert by_key(small_scorer.score(shuffled)).equals(by_key(small_scorer.score(scattered)))


# --- criteria ----------------------------------------------------------------------------------------------------


def test_a_criterion_that_raises_stops_the_run_and_is_named(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    scorer = replace(small_scorer)
    expressions = {"fine": pl.col("hs_code") == "1", "broken": pl.col("hs_code").cast(pl.Int8) > 0}
    scorer.__dict__["compiled"] = CompiledCriteria(expressions, {"hs_code": pl.String()})
    with pytest.raises(CriterionError, match="'broken' failed on a row; no row was decided"):
        scorer.score(small_raw)


def test_a_criterion_may_read_nothing_known_after_lodgement(small_scorer: Scorer) -> None:
    for name in names(Role.DECISION, Role.OUTCOME, Role.IDENTITY):
        late = {"id": "late", "title": "", "when": f"{name} IS NOT NULL", "lane": "red"}
        with pytest.raises(CriterionError, match=f"'late'.*column '{name}'"):
            with_criteria(small_scorer, late).compiled  # noqa: B018


def test_the_most_severe_of_several_criteria_wins_then_the_higher_priority(
    small_scorer: Scorer, small_raw: pl.DataFrame
) -> None:
    criteria = [
        {**ALL, "id": "yellow", "lane": "yellow", "priority": 9},
        {**ALL, "id": "red-low", "lane": "red", "priority": 1},
        {**ALL, "id": "red-high", "lane": "red", "priority": 2, "reason": "Because."},
    ]
    decided = with_criteria(small_scorer, *criteria).score(small_raw.head(20))
    assert set(decided["cause"]) == {"criterion:red-high"}
    assert set(decided["reasons"]) == {"Because."}


@pytest.mark.parametrize("percentage", [0, 30, 100])
def test_a_hit_percentage_takes_that_share_of_the_hits_and_says_so(
    small_scorer: Scorer, small_raw: pl.DataFrame, percentage: int
) -> None:
    some = {**ALL, "id": "some", "lane": "orange", "hit_percentage": percentage}
    declarations = small_raw.unique("declaration_id")
    decided = with_criteria(small_scorer, some).score(declarations, reasons=False)
    error = np.sqrt(0.3 * 0.7 / declarations.height)
    assert (decided["lane"] == "orange").mean() == pytest.approx(percentage / 100, abs=4 * error)
    assert decided["inclusion_probability"].to_list() == pytest.approx([percentage / 100] * declarations.height)
    if percentage in (0, 100):
        assert decided["lane"].n_unique() == 1


def test_criteria_are_drawn_independently_of_each_other(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    halves = [{**ALL, "id": name, "lane": "orange", "hit_percentage": 50} for name in ("one", "other")]
    decided = with_criteria(small_scorer, *halves).score(small_raw.unique("declaration_id"), reasons=False)
    assert decided["inclusion_probability"].to_list() == pytest.approx([0.75] * decided.height)
    assert (decided["lane"] == "orange").mean() == pytest.approx(0.75, abs=0.05)


def test_a_criterion_without_a_lane_selects_nothing_by_itself(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    weighed = {**ALL, "id": "weighed", "points": 10}
    other = {"id": "other", "title": "", "when": "customs_value_usd < 0", "points": 1}
    scorer = with_criteria(small_scorer, weighed, other)
    scorer = replace(scorer, criteria=replace(scorer.criteria, points={"red": 11}))
    decided = scorer.score(small_raw, reasons=False)
    assert decided.select("lane", "cause", "inclusion_probability").unique().rows() == [("green", "none", 0.0)]


def test_a_hit_that_finds_every_lane_full_keeps_its_criterion_as_cause(
    small_scorer: Scorer, small_raw: pl.DataFrame
) -> None:
    full = tuple(LaneLimit(lane, count=0) for lane in Lane if lane is not Lane.GREEN)
    decided = with_criteria(small_scorer, {**ALL, "id": "all", "lane": "red"}, limits=full).score(small_raw.head(50))
    assert set(decided["lane"]) == {"green"}
    assert set(decided["cause"]) == {"criterion:all"}


def test_a_lane_by_points_says_their_sum_and_what_it_is_made_of(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    weighed = [{**ALL, "id": name, "points": points} for name, points in (("one", 10), ("other", 2.5), ("none", 0.5))]
    weighed[2]["when"] = "customs_value_usd < 0"
    scorer = with_criteria(small_scorer, *weighed)
    scorer = replace(scorer, criteria=replace(scorer.criteria, points={"yellow": 12.5}))
    decided = scorer.score(small_raw.head(50))
    assert decided.select("lane", "cause", "inclusion_probability").unique().rows() == [("yellow", "points", 1.0)]
    assert set(decided["reasons"]) == {"The criteria that hit it add up to 12.5 points: one 10, other 2.5."}


def test_the_reason_of_a_criterion_holds_the_values_of_its_parameters(
    small_scorer: Scorer, small_raw: pl.DataFrame
) -> None:
    cheap = {"id": "c", "title": "", "when": "customs_value_usd >= :least", "parameters": {"least": 0}, "lane": "red"}
    decided = with_criteria(small_scorer, cheap | {"reason": "At least {least} USD."}).score(small_raw.head(5))
    assert set(decided["reasons"]) == {"At least 0 USD."}


def test_a_lot_that_tops_up_a_lane_says_so(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    limits = {"limits": (LaneLimit(Lane.BLUE, share=0.5),), "model_lanes": (), "lot_lanes": (Lane.BLUE,)}
    decided = with_criteria(small_scorer, **limits).score(small_raw)
    by_lot = decided.filter(pl.col("cause") == "lot")
    assert set(by_lot["lane"]) == {"blue"}
    assert set(by_lot["reasons"]) == {
        "Drawn by lot among goods that nothing else had selected, to fill the lane's capacity."
    }
    assert decided.filter(pl.col("cause") == "none")["reasons"].null_count() == (decided["cause"] == "none").sum()


def test_every_hit_is_recorded_also_of_what_another_criterion_decided_and_of_shadow(
    small_scorer: Scorer, small_raw: pl.DataFrame
) -> None:
    criteria = [{**ALL, "id": "red", "lane": "red"}, {**ALL, "id": "mild", "lane": "blue", "hit_percentage": 50}]
    scorer = with_criteria(small_scorer, *criteria, {**ALL, "id": "tried", "lane": "red"})
    scorer = replace(scorer, criteria=replace(scorer.criteria, shadow=frozenset({"tried"})))
    decided = scorer.decide(scorer.assess(scorer.mapping.apply(small_raw)))
    hits = decided.resolution.hits
    assert set(decided.decisions["cause"]) == {"criterion:red"}
    for name in ("red", "mild", "tried"):
        of_one = hits.filter(pl.col("criterion") == name)
        assert of_one.select(KEY).equals(decided.decisions.select(KEY))
        assert set(of_one["mode"]) == {"shadow" if name == "tried" else "active"}
    assert hits.filter(pl.col("criterion") == "mild")["drawn"].mean() == pytest.approx(0.5, abs=0.08)


def test_forced_selection_goes_on_from_the_counters_given(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    never = {**ALL, "id": "never", "lane": "red", "hit_percentage": 0, "forced_after": 10**6}
    scorer = with_criteria(small_scorer, never)
    assessment = scorer.assess(scorer.mapping.apply(small_raw))
    declarations = small_raw["declaration_id"].n_unique()
    assert scorer.decide(assessment).resolution.counters == {"never": declarations}
    forced = scorer.decide(assessment, {"never": 10**6}).decisions.filter(pl.col("lane") == "red")
    first = small_raw.sort("lodged_at", "declaration_id")["declaration_id"][0]
    assert set(forced["declaration_id"]) == {first}


def test_a_run_keeps_every_hit_and_counts_them_by_criterion(trained_run: RunFolder, tmp_path: Path) -> None:
    shutil.copytree(trained_run.path, tmp_path / "run")
    run = RunFolder.open(tmp_path / "run")
    selected = select_lanes(run, as_of=datetime(2030, 1, 1))
    hits = run.read("hits")
    assert hits.equals(selected.hits)
    counted = {row["id"]: row for row in run.read_json("selection")["criteria"]}
    assert sum(row["hits"] for row in counted.values()) == hits.height > 0
    cheap = hits.filter(pl.col("criterion") == "cheap-for-origin")
    assert counted["cheap-for-origin"]["drawn"] == cheap.filter("drawn")["declaration_id"].n_unique()
    assert counted["cheap-for-origin"]["not_evaluable"] > 0
    assert {row["mode"] for row in counted.values()} == {"active"}
    by_criterion = selected.decisions["cause"].str.starts_with("criterion:").sum()
    assert sum(row["decided"] for row in counted.values()) == by_criterion > 0


# --- two halves --------------------------------------------------------------------------------------------------


def test_assessments_of_chunks_join_to_the_assessment_of_the_whole(
    small_scorer: Scorer, small_raw: pl.DataFrame
) -> None:
    rows = small_raw.with_columns(
        net_mass_kg=pl.when(pl.int_range(pl.len()) % 11 == 0).then(-1.0).otherwise("net_mass_kg")
    )
    whole = small_scorer.assess(small_scorer.mapping.apply(rows))
    chunks = [small_scorer.assess(small_scorer.mapping.apply(rows[at : at + 300])) for at in range(0, rows.height, 300)]
    joined = Assessment.joined(chunks)
    assert joined.rows.equals(whole.rows)
    assert joined.quarantined.equals(whole.quarantined)
    assert joined.not_evaluable == whole.not_evaluable
    assert small_scorer.decide(joined).resolution.hits.equals(small_scorer.decide(whole).resolution.hits)


def test_the_moment_given_is_not_the_machines_clock(small_scorer: Scorer, small_raw: pl.DataFrame) -> None:
    far = small_raw.head(1).with_columns(lodged_at=pl.lit(datetime(2999, 1, 1)))
    assert not small_scorer.score(far)["cause"][0].startswith("quarantine")


def test_amounts_that_no_float32_holds_stop_nothing_and_turn_nothing_green(
    small_scorer: Scorer, small_raw: pl.DataFrame
) -> None:
    tiny = small_raw.head(300).with_columns(net_mass_kg=pl.lit(5e-324))
    decided = small_scorer.score(tiny)
    assert decided["score"].is_finite().all()
    assert decided.filter(pl.col("cause") == "model")["reasons"].str.len_chars().min() > 0
    huge = small_scorer.score(small_raw.head(300).with_columns(customs_value_usd=pl.lit(1e300)))
    assert set(huge["cause"]) == {"quarantine:not_finite"}
    assert "green" not in set(huge["lane"])
