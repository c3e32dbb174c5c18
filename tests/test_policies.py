"""Policies of exploration: that each does what it is for, and how the command line names them."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import ParameterError
from workbench.scorer.schema import Role, empty, names
from workbench.simulation.policies import drift_share, registry
from workbench.simulation.policies.adaptive import SHARES, AdaptiveExp3, AdaptiveUcb
from workbench.simulation.policies.arm import Ranking, Round
from workbench.simulation.policies.bandits import DiscountedUcb, Exp3S
from workbench.simulation.policies.blend import ranks
from workbench.simulation.policies.drift_share import drift_auc
from workbench.simulation.policies.leaves import LeafEmbedding
from workbench.simulation.policies.registry import arms, described, policies, register
from workbench.simulation.policies.rewards import PATIENCE_WEEKS, Open, RewardLedger
from workbench.simulation.policies.seats import allocations, drawn
from workbench.simulation.policies.spec import canonical_text, help_text, parse_policy
from workbench.simulation.policy import Choice, Policy, Situation, Values

GUIDE = Path(__file__).parents[1] / "docs" / "simulation.md"
KEY = b"k" * 32
MONDAY = datetime(2025, 1, 6)


@dataclass
class Told:
    """A learner that says what a test wants it to say."""

    score: Values
    leaves: np.ndarray = field(default_factory=lambda: np.empty((0, 0), dtype=np.int32))
    criteria: Values = field(default_factory=lambda: np.empty(0))
    expected_recovery: Values = field(default_factory=lambda: np.empty(0))
    counts: dict[tuple[str, ...], tuple[Values, Values]] = field(default_factory=dict)

    def group_counts(self, columns: tuple[str, ...]) -> tuple[Values, Values]:
        nothing = np.zeros(len(self.score))
        return self.counts.get(columns, (nothing, nothing))


def labels_of(violations: int, clean: int) -> pl.DataFrame:
    return pl.DataFrame({"violation": [1] * violations + [0] * clean}, schema={"violation": pl.Int8})


def goods_of(count: int, **columns: object) -> pl.DataFrame:
    made = pl.DataFrame(
        {"declaration_id": [f"D{n:05d}" for n in range(count)], "item_no": pl.Series([1] * count, dtype=pl.Int32)}
        | columns
    )
    return pl.concat([empty(names(Role.IDENTITY, Role.LODGEMENT)), made], how="diagonal_relaxed")


def week_of(learner: Told, *, goods: pl.DataFrame | None = None, key: bytes = KEY, week: int = 0) -> Situation:
    here = goods_of(len(learner.score)) if goods is None else goods
    return Situation(week, MONDAY, here, here[:0], labels_of(10, 90), learner, key)


def chosen(text: str, situation: Situation, seats: int) -> Choice:
    return parse_policy(text).choose(situation, seats)


def scores(count: int, seed: int = 1) -> Values:
    return np.random.default_rng(seed).uniform(0.001, 0.999, count)


# --- what each arm wants ---------------------------------------------------------------------------------------------


def test_the_model_takes_the_highest_scores_for_sure():
    score = scores(200)
    choice = chosen("model", week_of(Told(score)), 20)
    assert choice.places.tolist() == np.argsort(-score)[:20].tolist()
    assert choice.probability[choice.places].tolist() == [1.0] * 20


def test_recovery_takes_the_most_duty_and_the_rest_by_lot():
    duty = np.array([np.nan, 5.0, 900.0, np.nan, 20.0])
    choice = chosen("recovery", week_of(Told(np.full(5, 0.5), expected_recovery=duty)), 4)
    assert choice.places[:3].tolist() == [2, 4, 1]
    assert choice.arms == ("recovery", "recovery", "recovery", "lot")
    assert choice.probability.tolist() == [0.5, 1.0, 1.0, 0.5, 1.0]


def test_criteria_go_by_severity_then_lot_and_take_nothing_that_none_names():
    severity = np.array([0.0, 4.0, 1.0, 1.0, 1.0, 0.0])
    learner = Told(scores(6), criteria=severity)
    choice = chosen("criteria", week_of(learner), 3)
    assert choice.places[0] == 1
    assert choice.probability == pytest.approx([0, 1, 2 / 3, 2 / 3, 2 / 3, 0])
    filled = chosen("criteria", week_of(learner), 5)
    assert Counter(filled.arms) == {"criteria": 4, "lot": 1}
    assert filled.probability == pytest.approx([0.5, 1, 1, 1, 1, 0.5])


def test_seats_that_criteria_have_no_use_for_go_to_the_main_arm():
    score = np.linspace(0.1, 0.9, 20)
    learner = Told(score, criteria=np.where(np.arange(20) == 3, 4.0, 0.0))
    choice = chosen("model+criteria:0.5", week_of(learner), 10)
    assert Counter(choice.arms) == {"criteria": 1, "model": 9}
    assert set(choice.places.tolist()) == {3, *range(11, 20)}


def test_importer_risk_gives_the_unseen_the_average_and_the_clean_less():
    counts = {("importer_id",): (np.array([5.0, 0.0, 0.0]), np.array([10.0, 0.0, 40.0]))}
    choice = chosen("importer", week_of(Told(scores(3), counts=counts)), 3)
    assert choice.places.tolist() == [0, 1, 2]


def test_entropy_wants_one_half_and_margin_the_cut():
    score = np.array([0.02, 0.48, 0.7, 0.75, 0.8, 0.99])
    assert chosen("entropy", week_of(Told(score)), 1).places.tolist() == [1]
    # With three seats the model's last seat goes to 0.75.
    assert chosen("margin", week_of(Told(score)), 3).places.tolist()[0] == 3
    assert set(chosen("margin", week_of(Told(score)), 3).places.tolist()) == {2, 3, 4}


def test_one_half_more_or_less_is_the_same_uncertainty():
    score = np.array([0.1, 0.4, 0.6, 0.9])
    assert chosen("entropy", week_of(Told(score)), 1).probability.tolist() == [0.0, 0.5, 0.5, 0.0]


def clusters(count: int, kinds: int, trees: int = 40) -> tuple[Values, np.ndarray, np.ndarray]:
    """Make goods of some kinds, each with leaves of its own; the riskier a kind is, the more goods it has."""
    rng = np.random.default_rng(3)
    weight = np.arange(1, kinds + 1) ** 2.0
    kind = rng.choice(kinds, count, p=weight / weight.sum())
    own = rng.integers(0, 60, (kinds, trees))
    leaves = np.where(rng.random((count, trees)) < 0.9, own[kind], rng.integers(0, 60, (count, trees)))
    return 0.2 + 0.25 * kind / kinds + 0.01 * rng.random(count), leaves.astype(np.int32), kind


def test_diversity_spreads_over_kinds_of_goods_where_the_top_scores_do_not():
    score, leaves, kind = clusters(600, 12)
    situation = week_of(Told(score, leaves=leaves))
    reached = {text: len(set(kind[chosen(text, situation, 24).places])) for text in ("model", "entropy", "diversity")}
    assert reached["model"] == reached["entropy"] == 1
    assert reached["diversity"] >= 10


def test_diversity_passes_over_what_is_sure():
    score, leaves, _ = clusters(300, 6)
    score[:150] = 0.001
    choice = chosen("diversity", week_of(Told(score, leaves=leaves)), 30)
    assert (choice.places < 150).sum() == 0


def test_distances_of_leaves_are_those_of_their_indicators():
    rng = np.random.default_rng(0)
    leaves, scale = rng.integers(0, 4, (30, 300)).astype(np.int32), rng.normal(size=30)
    indicators = np.concatenate([leaves == leaf for leaf in range(4)], axis=1) * scale[:, None]
    found = LeafEmbedding.of(leaves, scale).squared_distances(7)
    assert found == pytest.approx(((indicators - indicators[7]) ** 2).sum(axis=1), abs=1e-9)


@pytest.mark.parametrize(("goods", "seats", "seconds"), [(700, 70, 1.0), (20_000, 200, 5.0)])
def test_diversity_is_quick_enough_for_a_week(goods, seats, seconds):
    rng = np.random.default_rng(0)
    learner = Told(rng.beta(0.5, 3, goods), leaves=rng.integers(0, 60, (goods, 100)).astype(np.int32))
    situation, policy = week_of(learner), parse_policy("diversity")
    began = time.process_time()
    choice = policy.choose(situation, seats)
    assert time.process_time() - began < seconds
    assert len(choice.places) == seats


def test_thompson_tries_unknown_groups_that_a_mean_would_pass_over():
    """Known importers have 12 % in 400 controls; unknown ones have the prior of 10 %: lower, but wide."""
    known = np.arange(100) < 50
    goods = goods_of(100, importer_id=[f"I{n}" for n in range(100)], hs_code=["010101"] * 100)
    counts = {("importer_id",): (np.where(known, 48.0, 0.0), np.where(known, 400.0, 0.0))}
    learner = Told(np.full(100, 0.1), counts=counts)
    assert known[chosen("importer", week_of(learner, goods=goods), 20).places].all()
    tried = [
        (~known)[chosen("thompson", week_of(learner, goods=goods, key=bytes([n]) * 32), 20).places].mean()
        for n in range(5)
    ]
    assert np.mean(tried) > 0.5


def test_thompson_uses_what_it_is_sure_of():
    """A product that is violating in nine of ten controls goes before all others, whatever is drawn for them."""
    bad = np.arange(60) < 6
    goods = goods_of(60, importer_id=["I1"] * 60, hs_code=["010101" if one else "020202" for one in bad])
    counts = {
        ("importer_id",): (np.full(60, 40.0), np.full(60, 400.0)),
        ("hs6",): (np.where(bad, 900.0, 10.0), np.full(60, 1000.0)),
        ("hs6", "origin_country_code"): (np.where(bad, 900.0, 10.0), np.full(60, 1000.0)),
    }
    choice = chosen("thompson", week_of(Told(np.full(60, 0.1), counts=counts), goods=goods), 6)
    assert set(choice.places.tolist()) == set(range(6))
    assert choice.probability[:6].tolist() == [1.0] * 6


def test_a_groups_goods_share_their_draw_so_that_chance_among_them_is_even():
    goods = goods_of(40, importer_id=["I1"] * 40, hs_code=["010101"] * 40)
    choice = chosen("thompson", week_of(Told(np.full(40, 0.1)), goods=goods), 10)
    assert choice.probability == pytest.approx(np.full(40, 0.25))


def test_a_blend_ranks_by_weighted_ranks():
    score = np.array([0.9, 0.8, 0.1])
    counts = {("importer_id",): (np.array([0.0, 9.0, 5.0]), np.array([9.0, 9.0, 9.0]))}
    learner = Told(score, counts=counts)
    # Ranks by model 1, 1/2, 0 and by importer 0, 1, 1/2.
    assert chosen("blend(model=0.6,importer=0.4)", week_of(learner), 3).places.tolist() == [1, 0, 2]
    assert chosen("blend(model=0.9,importer=0.1)", week_of(learner), 3).places.tolist() == [0, 1, 2]


@given(st.lists(st.integers(0, 5), min_size=2, max_size=20))
def test_ranks_lie_in_the_unit_interval_and_average_one_half(values):
    found = ranks(np.array(values, dtype=np.float64))
    assert found.mean() == pytest.approx(0.5)
    assert ((found >= 0) & (found <= 1)).all()


# --- seats and probabilities -----------------------------------------------------------------------------------------


@given(
    weights=st.lists(st.integers(1, 50), min_size=1, max_size=5),
    seats=st.integers(0, 300),
    number=st.floats(0, 1, exclude_max=True),
)
def test_seats_are_shared_out_whole_and_fair(weights, seats, number):
    shares = tuple(weight / sum(weights) for weight in weights)
    ways = allocations(shares, seats)
    assert sum(way.probability for way in ways) == pytest.approx(1.0)
    assert {sum(way.seats) for way in ways} == {seats}
    for arm, share in enumerate(shares):
        each = [way.seats[arm] for way in ways]
        assert min(each) >= np.floor(share * seats - 1e-6)
        assert max(each) <= np.ceil(share * seats + 1e-6)
        mean = sum(way.probability * way.seats[arm] for way in ways)
        assert mean == pytest.approx(share * seats, abs=1e-6)
    assert 0 <= drawn(ways, number) < len(ways)


def test_a_lots_probability_counts_the_weeks_in_which_it_has_no_seat():
    """Of five seats a tenth is half a seat: in every other week one of the 96 that the model leaves."""
    score = scores(100)
    choice = chosen("model+random:0.1", week_of(Told(score)), 5)
    expected = np.where(np.isin(np.arange(100), np.argsort(-score)[:4]), 1.0, 0.5 / 96)
    expected[np.argsort(-score)[4]] = 0.5 + 0.5 / 96
    assert choice.probability == pytest.approx(expected)


def test_two_rankings_with_ties_are_as_probable_as_counted_by_hand():
    """Criteria tie 0, 1, 2 for one seat; the model takes the best of what is left: 0 unless it went to criteria."""
    learner = Told(np.array([0.9, 0.8, 0.1, 0.05]), criteria=np.array([1.0, 1.0, 1.0, 0.0]))
    choice = chosen("model+criteria:0.5", week_of(learner), 2)
    assert choice.probability == pytest.approx([1.0, 1 / 3 + 2 / 3 * 1 / 2, 1 / 3, 0.0], abs=0.1)


# --- shares that are learnt ------------------------------------------------------------------------------------------


def played(kind: type[DiscountedUcb] | type[Exp3S], phases: list[list[float]], rounds: int, seed: int) -> list[float]:
    """Play options that pay those means, rewards four rounds late; return how often the best was played at last."""
    rng, bandit = np.random.default_rng(seed), kind(len(phases[0]))
    late: list[tuple[int, float, float]] = []
    found = []
    for means in phases:
        picks = []
        for _ in range(rounds):
            chances = bandit.chances([sum(one[0] == option for one in late) for option in range(len(means))])
            option = int(rng.choice(len(means), p=chances))
            picks.append(option)
            late.append((option, float(np.clip(rng.normal(means[option], 0.1), 0, 1)), float(chances[option])))
            if len(late) > 4:
                bandit.learn(*late.pop(0))
        found.append(float(np.mean(np.array(picks[-rounds // 4 :]) == np.argmax(means))))
    return found


@pytest.mark.parametrize(("kind", "often"), [(DiscountedUcb, 0.8), (Exp3S, 0.6)])
def test_bandits_find_the_best_option_and_move_on_when_it_changes(kind, often):
    found = np.mean([played(kind, [[0.7, 0.4, 0.3], [0.3, 0.4, 0.7]], 400, seed) for seed in range(8)], axis=0)
    assert (found > often).all()


@pytest.mark.parametrize("kind", [DiscountedUcb, Exp3S])
def test_a_bandit_keeps_trying_every_option(kind):
    bandit, tried = kind(3), Counter[int]()
    rng = np.random.default_rng(0)
    for _ in range(400):
        chances = bandit.chances([0, 0, 0])
        option = int(rng.choice(3, p=chances))
        tried[option] += 1
        bandit.learn(option, [0.6, 0.5, 0.4][option], float(chances[option]))
    assert min(tried[option] for option in range(3)) >= 5


def test_what_has_not_paid_yet_counts_as_tried():
    bandit = DiscountedUcb(3)
    waiting = [0, 0, 0]
    for _ in range(6):
        waiting[int(np.argmax(bandit.chances(waiting)))] += 1
    assert waiting == [2, 2, 2]


@pytest.mark.parametrize("kind", [AdaptiveUcb, AdaptiveExp3])
def test_an_adaptive_policy_moves_to_the_share_whose_weeks_find_most(kind):
    """A world in which the controls of weeks with 30 % by lot find twice as much: its share becomes the usual one."""
    policy, late, shares = kind(), [], []
    for week in range(400):
        situation = week_of(Told(scores(60, week)), week=week)
        policy.choose(situation, 20)
        shares.append(policy.told()["exploration_share"])
        found = 14 if shares[-1] == SHARES[2] else 7
        late.append(labels_of(found, 20 - found).with_columns(week=pl.lit(week, pl.Int64)))
        if len(late) > 3:
            policy.learn(late.pop(0))
    assert np.mean(np.array(shares[-150:]) == SHARES[2]) > 0.6


def test_the_probability_counts_every_share_that_exp3_might_have_drawn():
    policy = AdaptiveExp3()
    score = scores(200)
    choice = policy.choose(week_of(Told(score)), 100)
    sure, shares = np.argsort(-score)[:70], np.array(SHARES)
    assert choice.probability[sure] == pytest.approx(1.0)
    last = np.argsort(-score)[-1]
    assert choice.probability[last] == pytest.approx(np.mean(100 * shares / (100 + 100 * shares)))


def test_a_week_is_rewarded_when_its_results_are_in_and_not_before():
    ledger = RewardLedger()
    ledger.add(0, Open(option=1, chance=0.5, controls=10))
    results = labels_of(0, 8).with_columns(week=pl.lit(0))
    assert ledger.take_in(results) == []
    (judged, reward), *none = ledger.take_in(labels_of(1, 0).with_columns(week=pl.lit(0)))
    assert (judged.option, judged.known, judged.found, reward, none) == (1, 9, 1, 0.5, [])
    ledger.add(1, Open(option=1, chance=0.5, controls=2))
    assert ledger.take_in(labels_of(2, 0).with_columns(week=pl.lit(1)))[0][1] > 0.9


def test_a_week_whose_results_never_come_is_judged_by_what_there_is_or_forgotten():
    ledger = RewardLedger()
    ledger.add(0, Open(option=0, chance=1.0, controls=10, known=2, found=1))
    ledger.add(1, Open(option=0, chance=1.0, controls=10))
    ledger.add(1 + PATIENCE_WEEKS, Open(option=0, chance=1.0, controls=10))
    judged = ledger.take_in(labels_of(0, 0).with_columns(week=pl.lit(0)))
    assert [one.known for one, _ in judged] == [2]
    assert list(ledger.open) == [1 + PATIENCE_WEEKS]


def trade(count: int, seed: int, shift: float, week: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return goods_of(
        count,
        lodged_at=[MONDAY + timedelta(weeks=week)] * count,
        hs_code=rng.choice(["010101", "020202", "030303"], count, p=[0.5 - shift / 2, 0.3, 0.2 + shift / 2]),
        origin_country_code=rng.choice(["CN", "VN"], count),
        customs_value_usd=rng.lognormal(5 + shift, 1, count),
        net_mass_kg=rng.lognormal(3, 1, count),
        duty_rate=rng.choice([0.0, 0.08], count),
    )


def weeks_of_trade(shift: float, *, last: int = 200, seed: int = 0) -> Situation:
    """Return week 13 of fourteen weeks of 200 goods, of which the last four are shifted; the very last has `last`."""
    past = [trade(200, number, shift if number >= 10 else 0.0, week=number) for number in range(13)]
    goods = trade(last, 99 + seed, shift, week=13)
    start = MONDAY + timedelta(weeks=13)
    return Situation(13, start, goods, pl.concat(past), labels_of(1, 9), Told(scores(last)), KEY)


def test_the_drift_policy_explores_more_after_a_shift():
    def share(shift: float, seed: int) -> float:
        policy = parse_policy("drift")
        policy.choose(weeks_of_trade(shift, seed=seed), 20)
        return policy.told()["exploration_share"]

    calm, moved = [share(0.0, seed) for seed in range(2)], [share(0.8, seed) for seed in range(2)]
    assert max(calm) < 0.1
    assert min(moved) > 0.2


def test_recent_goods_are_those_of_four_weeks_however_short_the_last_one_is(monkeypatch):
    sides = []
    monkeypatch.setattr(drift_share, "domain_auc", lambda *tables, seed: sides.append(tables) or 0.5)
    drift_auc(weeks_of_trade(0.0, last=20))
    assert [table.height for table in sides[0]] == [10 * 200, 3 * 200 + 20]


def test_too_few_goods_leave_the_drift_share_as_it_was():
    policy = parse_policy("drift")
    policy.restore({"auc": 0.75})
    policy.choose(week_of(Told(scores(10))), 5)
    assert policy.told()["drift_auc"] == 0.75


# --- the text of a policy --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("model", "model"),
        (" drift ", "drift"),
        ("random:0.10 + model", "model+random:0.1"),
        ("model+random:.1+criteria:0.20", "model+criteria:0.2+random:0.1"),
        ("blend(importer=0.3, model=0.7)+random:0.1", "blend(model=0.7,importer=0.3)+random:0.1"),
        ("thompson+model:0.5", "thompson+model:0.5"),
    ],
)
def test_a_policy_has_one_canonical_text(text, canonical):
    assert canonical_text(text) == canonical
    assert canonical_text(canonical) == canonical


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("modle", ["at 1", "'modle'", "did you mean 'model'"]),
        ("model+randon:0.1", ["at 7", "did you mean 'random'"]),
        ("adaptive-ucd", ["did you mean 'adaptive-ucb'"]),
        ("", ["at 1", "an arm is missing"]),
        ("model+", ["at 7", "an arm is missing"]),
        ("model:0.9+random:0.1", ["every arm has a share"]),
        ("model+random", ["at 7", "'random' has no share"]),
        ("model+random:1.0", ["at 14", "'1.0'", "between 0 and 1"]),
        ("model+random:0", ["at 14", "between 0 and 1"]),
        ("model+random:-0.1", ["at 14"]),
        ("model+random:nan", ["at 14", "'nan'"]),
        ("model+random:", ["at 14", "the share ''"]),
        ("model+random:0.1:0.2", ["at 14", "'0.1:0.2'"]),
        ("model+random:0.1+random:0.2", ["at 18", "there twice"]),
        ("model+random:0.6+entropy:0.4", ["add up to 1", "leaves no seats"]),
        ("drift+random:0.1", ["at 1", "chooses all the seats itself"]),
        ("blend", ["needs its rankings"]),
        ("blend(model=0.7,importer=0.3", ["parenthesis is not closed"]),
        ("blend(model=0.7,importer=0.2)", ["at 7", "add up to 0.9"]),
        ("blend(model=0.5,random=0.5)", ["at 17", "no ranking 'random'"]),
        ("blend(model=0.5,importr=0.5)", ["did you mean 'importer'"]),
        ("blend(model,importer=0.5)", ["'model' has no weight"]),
        ("blend(model=0.5,model=0.5)", ["there twice"]),
        ("blend(model=1)", ["at 13", "between 0 and 1"]),
        ("blend()", ["at 7", "no weight"]),
    ],
)
def test_a_fault_is_named_with_its_place(text, said):
    with pytest.raises(ParameterError) as refused:
        parse_policy(text)
    for words in said:
        assert words in str(refused.value)


def test_all_faults_are_named_at_once():
    with pytest.raises(ParameterError) as refused:
        parse_policy("modle+randon:0.1+criteria:7")
    assert len(re.findall(r"^  at \d+: ", str(refused.value), re.MULTILINE)) == 3


@given(st.text("modelrandcti+:.0159()=,- ", max_size=40))
def test_any_text_is_a_policy_or_is_refused(text):
    try:
        canonical = canonical_text(text)
    except ParameterError:
        canonical = "model"
    assert canonical_text(canonical) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "m" * 100_000,
        "+" * 100_000,
        "+" * 499,
        "blend(" * 2_000 + ")" * 2_000,
        "model" + "+random:0.1" * 40,
        "model+random:0." + "1" * 100_000,
        "model:" + "x" * 400,
    ],
)
def test_what_strangers_write_is_not_repeated_at_length(text):
    with pytest.raises(ParameterError) as error:
        parse_policy(text)
    assert len(str(error.value)) < 2_000


@pytest.mark.parametrize("share", ["\u0660.\u0661", "0.00001", "0.12345", "1e-1", "0_1", "1.0", "nan"])
def test_a_share_is_written_in_plain_digits_that_its_canonical_text_keeps(share):
    with pytest.raises(ParameterError, match="is no number between 0 and 1 with up to four decimals"):
        parse_policy(f"model+random:{share}")


def test_a_policy_explains_how_it_chooses():
    assert parse_policy("drift").explain().startswith("Model and lot; the lot's share grows")
    assert parse_policy("random").explain().startswith("By lot:")
    assert parse_policy("model+random:0.1").explain().startswith("90 %: By the model's score")
    assert "10 %: By lot" in parse_policy("model+random:0.1").explain()
    assert "``" not in parse_policy("blend(model=0.7,importer=0.3)").explain()


def test_help_names_every_arm_and_policy():
    assert set(described()) == {*arms(), *policies()}
    grammar, blends, *lines = help_text().splitlines()
    assert "the arm without a share takes the rest" in grammar
    assert "blend(NAME=WEIGHT,...)" in blends
    assert set(re.findall(r"[a-z0-9-]+", blends.split("alone: ")[1])) == set(policies())
    for line in lines:
        assert re.fullmatch(r"  [a-z0-9-]+: .{20,}[.]", line), line


# --- policies from outside -------------------------------------------------------------------------------------------


@pytest.fixture
def registered(monkeypatch):
    """Let a test register what it likes; afterwards all is as before."""
    arms(), policies()
    monkeypatch.setattr(registry, "_ARMS", dict(registry._ARMS))
    monkeypatch.setattr(registry, "_POLICIES", dict(registry._POLICIES))


def heaviest() -> type[Ranking]:
    class Heaviest(Ranking):
        """By declared mass, the heaviest first."""

        name: ClassVar[str] = "heaviest"

        def wish(self, this: Round) -> Values:
            return this.situation.goods["net_mass_kg"].to_numpy()

    return Heaviest


@pytest.mark.usefixtures("registered")
def test_an_arm_from_outside_mixes_with_the_others():
    register(heaviest())
    goods = goods_of(10, net_mass_kg=[float(n) for n in range(10)])
    choice = chosen("model+heaviest:0.5", week_of(Told(np.linspace(0.9, 0.1, 10)), goods=goods), 4)
    assert choice.places.tolist() == [9, 8, 0, 1]
    assert described()["heaviest"] == "By declared mass, the heaviest first."


@pytest.mark.usefixtures("registered")
def test_installed_packages_register_theirs_in_every_process(monkeypatch):
    point = EntryPoint("heaviest", "a_package.policies:Heaviest", registry.GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda self: heaviest())
    monkeypatch.setattr(registry, "entry_points", lambda *, group: [point] if group == registry.GROUP else [])
    registry._load.cache_clear()
    try:
        assert "heaviest" in arms()
    finally:
        registry._load.cache_clear()


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("name", ["", "Big", "a b", "model:x", "1st"])
def test_a_name_that_the_grammar_cannot_read_is_refused(name):
    with pytest.raises(ParameterError, match="cannot be registered"):
        register(type("Odd", (Policy,), {"name": name}))


@pytest.mark.usefixtures("registered")
def test_a_name_that_is_taken_is_refused():
    with pytest.raises(ParameterError, match="has that name"):
        register(type("Mine", (Policy,), {"name": "model"}))


def written_in_the_guide() -> list[str]:
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    return [block for block in blocks if "@register" in block]


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("name", ["fair-share", "cooling"])
def test_the_guides_own_policies_run(name):
    """The examples of the guide, as they stand there."""
    block = next(block for block in written_in_the_guide() if f'"{name}"' in block)
    assert len(block.splitlines()) <= 40
    exec(compile(block, str(GUIDE), "exec"), {"__name__": "guide"})
    policy, goods = parse_policy(name), goods_of(30, office_id=["O1"] * 20 + ["O2"] * 10)
    choice = policy.choose(week_of(Told(np.linspace(0.9, 0.1, 30)), goods=goods), 6)
    assert len(set(choice.places.tolist())) == 6
    if name == "fair-share":
        assert sorted(choice.places.tolist()) == [0, 1, 2, 20, 21, 22]
        assert canonical_text("random:0.1+fair-share") == "fair-share+random:0.1"
    else:
        policy.learn(labels_of(100, 900))
        assert policy.state == {"results": 1000}


def test_the_guide_lists_every_arm_and_policy():
    rows = set(re.findall(r"^\| `([a-z0-9-]+)` \|", GUIDE.read_text("utf-8"), re.MULTILINE))
    assert {*arms(), *policies()} <= rows
