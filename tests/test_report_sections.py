"""Sections of a programme's report: each branch of what they say, from the numbers that lead to it."""

from __future__ import annotations

import polars as pl
import pytest

from workbench.evaluation import difference, metrics_at, wilson_interval
from workbench.reports.page import Figure
from workbench.reports.sections import basis, cells, chance, decided, past, ranking, trust, verdict
from workbench.stages.evaluating import difference_to_best
from workbench.stages.reporting import _subtitle, build

PARTS = {
    "learn": {"first": "2025-01-01 00:00:36", "last": "2025-10-07 23:42:42"},
    "judge": {"first": "2025-10-08 00:35:21", "last": "2025-12-02 23:45:17"},
    "decide": {"first": "2025-12-03 00:15:54", "last": "2025-12-31 23:52:20"},
}
ARM = {
    "status": "estimated",
    "speaks_for": "all goods",
    "goods": 268_000,
    "left_out": {},
    "arm": {"declarations": 169_000, "drawn": 1700, "known": 1690, "items": 2645, "violations": 7},
    "missing": 10,
    "violations": {"value": 697.0, "low_95": 348.0, "high_95": 1474.0},
    "violation_rate": {"value": 0.0026, "low_95": 0.0013, "high_95": 0.0055},
    "compliance_rate": {"value": 0.9974, "low_95": 0.9945, "high_95": 0.9987},
    "found": 303,
    "undetected": {"value": 394.0, "low_95": 45.0, "high_95": 1171.0},
    "revenue": {
        "status": "estimated",
        "recoverable_usd": {"value": 5e6, "low_95": 2e6, "high_95": 9e7},
        "found_usd": 1.5e6,
        "gap_usd": {"value": 3.5e6, "low_95": 0.5e6, "high_95": 8.85e7},
        "declared_duty_usd": 7e8,
        "gap_share": {"value": 0.005, "low_95": 0.001, "high_95": 0.126},
    },
}
REFUSED = {"status": "refused", "code": "random_arm_too_small", "found": 0, "needed": 30, "advice": "Draw more."}


def at(metric, value, low, high, upper=1.0):
    return {
        "metric": metric,
        "share": 0.05,
        "value": value,
        "low_95": low,
        "high_95": high,
        "upper_bound": upper,
        "selected": 400,
        "normalised": value,
    }


def method(name, average_precision, at_5pct):
    others = dict.fromkeys(("precision_at_1pct", "precision_at_10pct", "recall_at_10pct", "auc"))
    return {"method": name, "average_precision": average_precision, "precision_at_5pct": at_5pct, **others}


def metrics(**changes):
    """Return the numbers of a run in which nothing is wrong."""
    top = [at("precision", 0.10, 0.05, 0.15), at("recall", 0.5, 0.4, 0.6), at("lift", 5.0, 3.0, 7.0)]
    return {
        "average_precision": 0.9512,
        "ranking": {
            "rows": 9000,
            "labelled": 8000,
            "violations": 160,
            "base_rate": 0.02,
            "average_precision": {"value": 0.9512, "low_95": 0.94, "high_95": 0.96},
        },
        "metrics_at": [*top, at("revenue", None, None, None)],
        "violations_in_top": [{"share": 0.1, "violation_share": 0.6}],
        "gain": [{"share": 0.0, "violation_share": 0.0}, {"share": 1.0, "violation_share": 1.0}],
        "baselines": [
            method("model", 0.9512, 0.1),
            method("logistic regression", 0.9431, None),
        ],
        "difference_to_best": {"method": "logistic regression", "value": 0.008, "low_95": 0.002, "high_95": 0.012},
        "repeats": {
            "seen before": {"labelled": 0, "violations": 0, "auc": None, "average_precision": None},
            "first time": {"labelled": 8000, "violations": 160, "auc": 0.9, "average_precision": 0.5},
        },
        "history": {"methods": [], "lanes": [], "causes": [], "months": [], "random_arm": None, "lifts": []},
    } | changes


def few():
    return metrics(ranking={**metrics()["ranking"], "violations": 12})


def not_above_controls():
    weak = at("precision", 0.03, 0.01, 0.05)
    return metrics(metrics_at=[weak, *metrics()["metrics_at"][1:]])


def not_above_other():
    return metrics(
        difference_to_best={"method": "logistic regression", "value": 0.008, "low_95": -0.001, "high_95": 0.02}
    )


def mostly_repeats():
    first = {"labelled": 180, "violations": 40, "auc": 0.63, "average_precision": 0.3}
    return metrics(repeats={"seen before": {"labelled": 820, "violations": 120, "auc": 0.99}, "first time": first})


def plain(text):
    return text.replace("\u00a0", " ")


# --- verdict ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        (metrics(), []),
        (few(), ["Only 12 violations were recorded in the judged period: too few to judge the model."]),
        (not_above_controls(), ["The model is not shown to find more than today's controls."]),
        (
            not_above_other(),
            ["The model is not shown to rank better than the best other method, logistic regression."],
        ),
        (
            mostly_repeats(),
            [
                "82 % of these goods repeat consignments of the learning period; on first-time goods the ranking is "
                "weak (AUC 0.63)."
            ],
        ),
    ],
)
def test_caveats_follow_from_the_numbers_and_stand_in_the_answer(numbers, said):
    assert [plain(caveat) for caveat in verdict.caveats(numbers)] == said
    assert all(caveat in plain(ranking.answer(numbers)) for caveat in said)


@pytest.mark.parametrize(
    ("numbers", "step"),
    [
        (
            metrics(),
            "Let the model fill lanes: it ranks better than every other method tried (average precision 0.951 against "
            "0.943 for logistic regression).",
        ),
        (few(), "Too few violations to judge the model: take a longer period."),
        (
            not_above_controls(),
            "Do not let the model fill lanes yet: at 5 % controlled it is not surely better than today's controls "
            "(hit rate 3 %, 1 % to 5 %, against 2 %). Record the results of more controls.",
        ),
        (
            not_above_other(),
            "The model is not shown to be better than logistic regression (average precision 0.951 against 0.943): "
            "prefer the simpler of the two, or judge on a longer period.",
        ),
    ],
)
def test_the_first_step_says_whether_the_model_may_fill_lanes(numbers, step):
    assert plain(verdict.first_step(numbers)) == step


def test_figures_that_agree_in_three_decimals_are_written_with_more():
    numbers = metrics(average_precision=0.94312)
    assert "0.9431 against 0.9430" in verdict.first_step(
        numbers | {"baselines": [{"method": "logistic regression", "average_precision": 0.94301}]}
    )


def test_a_period_too_short_for_a_top_of_the_ranking_still_gives_a_page():
    empty = [at(name, None, None, None) for name in ("precision", "recall", "lift", "revenue")]
    numbers = few() | {"metrics_at": empty}
    assert ranking.answer(numbers).startswith("Today's controls found a violation in 2\u00a0% of those goods. Only 12")
    assert next(iter(ranking.key_figures(numbers, {"parts": PARTS}))).tone == "neutral"
    assert ranking.ranking(numbers).blocks[0].title == "Hit rate by share controlled"
    assert "no hit rate of the model is known" in verdict.first_step(metrics(metrics_at=empty))


# --- first screen ----------------------------------------------------------------------------------------------------


def with_arm(arm, **history):
    return metrics(history={**metrics()["history"], "random_arm": arm, **history})


def test_the_answer_tells_controls_by_lot_from_todays_controls():
    assert "in 2 % of those goods; controls by lot (over all the time read) stand for 0.26 % of all goods." in plain(
        ranking.answer(with_arm(ARM))
    )


@pytest.mark.parametrize(
    ("low", "high", "tone"), [(0.05, 0.15, "good"), (0.01, 0.15, "attention"), (0.001, 0.01, "bad")]
)
def test_a_hit_rate_is_toned_by_where_its_interval_lies(low, high, tone):
    top = [at("precision", (low + high) / 2, low, high), *metrics()["metrics_at"][1:]]
    assert next(iter(ranking.key_figures(metrics(metrics_at=top), {"parts": PARTS}))).tone == tone


def test_undetected_violations_say_of_what_and_when():
    figure = list(ranking.key_figures(with_arm(ARM), {"parts": PARTS}))[-1]
    assert plain(figure.note) == (
        "of 268,000 items, 1 Jan to 2 Dec 2025; 7 violations in 2,645 controlled by lot, 303 found by all controls"
    )


def test_a_period_over_new_year_names_both_years():
    assert plain(cells.period("2024-12-30", "2025-01-02")) == "30 Dec 2024 to 2 Jan 2025"


def test_generated_data_are_said_to_be_so():
    assert _subtitle(PARTS["judge"], generated=True).startswith("Generated data: no statement about real trade. ")
    assert _subtitle(PARTS["judge"], generated=False).startswith("Judged on 8")


# --- trust -----------------------------------------------------------------------------------------------------------


def group(predicted, low, high):
    return {"mean_score": predicted, "observed_rate": (low + high) / 2, "low_95": low, "high_95": high, "labelled": 10}


@pytest.mark.parametrize(
    ("top", "said"),
    [
        (group(0.5, 0.4, 0.6), ("in 1 of 2 groups", "it lies inside (50 % predicted, 50 % observed)")),
        (group(0.9, 0.4, 0.6), ("in 2 of 2 groups", "it is too high")),
        (group(0.1, 0.4, 0.6), ("in 2 of 2 groups", "it is too low")),
    ],
)
def test_calibration_counts_the_groups_that_miss_and_says_which_way_the_top_errs(top, said):
    numbers = metrics(calibration=[group(0.3, 0.1, 0.2), top], expected_calibration_error=0.01)
    text = plain(trust.calibration(numbers).text[0])
    assert all(words in text for words in said)


def test_the_comparison_says_by_how_much():
    text = trust.comparison(not_above_other()).text[0]
    assert plain(trust.comparison(metrics()).blocks[0].summary) == "model 10 %."
    assert "by +0.0080 (95 % interval \u22120.0010 to +0.0200), so it is not shown to rank better." in text
    assert "so it ranks better" in trust.comparison(metrics()).text[0]
    unknown = {"method": "base rate", "value": 0.1, "low_95": None, "high_95": None}
    assert trust.comparison(metrics(difference_to_best=unknown)).text == ("Of the other methods base rate ranks best.",)


def test_without_repeats_the_section_says_so():
    assert trust.repeats(metrics()).text[0].startswith("No consignment repeats an earlier one")
    assert (
        trust.repeats(
            metrics(repeats={name: metrics()["repeats"]["first time"] for name in ("seen before", "first time")})
        )
        .text[0]
        .startswith("A consignment counts as seen before")
    )


# --- past controls ---------------------------------------------------------------------------------------------------


def cause(name, controls, violations):
    interval = wilson_interval(violations, controls)
    rate = {"hit_rate": interval.value, "low_95": interval.low_95, "high_95": interval.high_95}
    return {"cause": name, "controls": controls, "violations": violations, **rate}


CAUSES = [
    cause("criterion:weak", 40_000, 20),
    cause("criterion:good", 5_000, 50),
    cause("random", 2645, 7),
    cause("criterion:rare", 29, 0),
]


def history(arm):
    found = with_arm(arm, causes=CAUSES)["history"]
    method = {**CAUSES[2], "method": "random", "recovered_duty_usd_per_control": None}
    return {**found, "methods": [method], "months": [{"month": "2025-01", "lane": "red", "declarations": 3}]}


def test_criteria_stand_beside_controls_by_lot_where_enough_controls_carry_them():
    figure = past.history(history(ARM)).blocks[-1]
    assert isinstance(figure, Figure)
    assert [row[0] for row in figure.table.rows] == ["weak", "good"]
    assert figure.chart.references[0].value == 0.0026
    assert plain(figure.summary) == "1 of 2 intervals lie wholly below the rate of controls by lot, 0.26 %."


def test_without_controls_by_lot_criteria_are_shown_alone():
    figure = past.history(history(REFUSED)).blocks[-1]
    assert figure.chart.references == ()
    assert past.below_lot(history(REFUSED)) == []


def test_a_source_without_criteria_gets_no_such_figure():
    found = {**history(ARM), "causes": [CAUSES[2]]}
    assert [block.title for block in past.history(found).blocks][-1] == "Hit rate by what had selected the goods"
    assert past.history(found).blocks[-1].table.rows[0][0] == "by lot"


# --- controls by lot -------------------------------------------------------------------------------------------------


def lift(name, controls, value, low, high):
    interval = {"lift": value, "low_95": low, "high_95": high}
    rate = {"hit_rate": 0.02, "hit_rate_low_95": 0.01, "hit_rate_high_95": 0.04}
    return {"method": name, "controls": controls, "violations": 3, **rate, **interval}


LIFTS = [
    lift("criterion", 9000, 2.0, 1.2, 3.1),
    lift("random", 2645, 1.0, 0.4, 2.5),
    lift("officer", 100, 8.0, 0.8, 30.0),
    lift("model", 40, 8.0, 0.8, None),
    lift("points", 29, 8.0, 0.8, 9.0),
]


def test_estimates_say_what_is_known_what_is_not_and_how_sure():
    section = chance.section(history(ARM))
    assert plain(section.text[0]) == (
        "1,700 declarations were drawn by lot, 1,690 of them with a recorded result: 7 violations in 2,645 items. "
        "Scaled up by office and regime, the same control of all goods would find a violation in 0.26 % of the items "
        "(0.13 % to 0.55 %)."
    )
    assert plain(section.text[2]).startswith("10 results of controls by lot are not recorded yet.")
    rows = {row[0]: [plain(cell) for cell in row[1:]] for row in section.blocks[0].rows}
    assert rows["Undetected violations"] == ["estimated from controls by lot", "394", "45 to 1,171"]
    assert rows["Violations found, by any control"] == ["known", "303", ""]
    assert rows["Revenue gap, of the duty declared"][1:] == ["0.5 %", "0.1 to 12.6"]


def test_lift_leaves_out_controls_by_lot_few_controls_and_what_has_no_upper_bound():
    section = chance.section(history(ARM) | {"lifts": LIFTS})
    assert [row[0] for row in section.blocks[1].table.rows] == ["criterion", "officer"]
    assert section.blocks[1].summary.endswith("surely better than chance: criterion.")


@pytest.mark.parametrize(
    ("arm", "said"),
    [
        (REFUSED, "cannot be estimated: too few controls were drawn by lot. Draw more."),
        (
            REFUSED | {"code": "results_missing", "found": 1200, "needed": 1360},
            "only 1,200 results of the controls drawn",
        ),
    ],
)
def test_a_refusal_is_told_with_what_to_do(arm, said):
    section = chance.section(history(arm))
    assert said in section.text[0]
    assert section.blocks == ()


def test_amounts_on_too_few_findings_are_not_estimated():
    few_findings = {"status": "refused", "code": "too_few_findings", "found": 3, "needed": 5, "advice": "Wait."}
    rows = chance.section(history(ARM | {"revenue": few_findings})).blocks[0].rows
    assert rows[-1] == ("Revenue gap", "3 findings by lot with an amount, 5 are needed", "not estimated", "")
    assert len(chance.section(history(ARM | {"revenue": None})).blocks[0].rows) == 4


def test_a_gap_of_nothing_is_explained():
    none = ARM["revenue"] | {"gap_usd": {"value": 0.0, "low_95": 0.0, "high_95": 8.85e7}}
    assert chance.section(history(ARM | {"revenue": none})).text[-1].startswith("Controls recovered more duty than")
    assert "recovered more" not in chance.section(history(ARM)).text[-1]


def test_goods_that_the_estimates_leave_out_are_counted():
    text = chance.section(history(ARM | {"left_out": {"selected by something else": 120_000}})).text
    assert text[2].startswith("120,000 items that something else had selected are left out")


# --- next steps, data, decisions -------------------------------------------------------------------------------------

READ = {"parts": PARTS, "quarantined": {}, "fingerprint": "f" * 64}
SELECTION = {"rows": 100, "declarations": 60, "criteria": [], "by_lane": [], "lanes": []}


def steps(numbers, random_share=0.01, read=READ, selection=SELECTION):
    return " ".join(plain(step) for step in basis.next_steps(numbers, read, selection, random_share))


@pytest.mark.parametrize(
    ("arm", "random_share", "said"),
    [
        (None, 0.0, "Control at least one declaration in a hundred by lot"),
        (REFUSED, 0.0, "Control at least one declaration in a hundred by lot"),
        (None, 0.01, "The past has no controls by lot; record the results of those drawn now."),
        (REFUSED, 0.01, "The past has no controls by lot; record the results of those drawn now."),
        ({**REFUSED, "found": 12}, 0.01, "only 12 controls by lot with a result, 30 are needed"),
        ({**REFUSED, "code": "results_missing", "found": 70, "needed": 80}, 0.01, "recorded: 70 are, 80 are needed."),
    ],
)
def test_the_step_on_controls_by_lot_depends_on_past_and_policy(arm, random_share, said):
    assert said in steps(with_arm(arm), random_share)


def test_with_controls_by_lot_the_step_names_criteria_that_find_less():
    assert "by lot (0.26 %): weak." in steps(with_arm(ARM, causes=CAUSES))
    assert "controls by lot" not in steps(with_arm(ARM))
    many = [cause(f"criterion:c{number}", 40_000, 20) for number in range(8)]
    assert "c0, c1, c2, c3, c4 and 3 more." in steps(with_arm(ARM, causes=many))


def test_new_consignments_are_named_only_where_some_repeat():
    assert "Expect less on new consignments: their AUC is 0.63." in steps(mostly_repeats())
    weak = metrics()["repeats"]["first time"] | {"auc": 0.6}
    assert "new consignments" not in steps(metrics(repeats=metrics()["repeats"] | {"first time": weak}))


def test_unreadable_rows_and_criteria_that_cannot_be_evaluated_are_named():
    selection = SELECTION | {"criteria": [{"id": "C7", "not_evaluable": 40}]}
    text = steps(metrics(), read=READ | {"quarantined": {"no_key": 3}}, selection=selection)
    assert "Have the 3 unreadable rows mended" in text
    assert "criterion C7: it could not be evaluated for 40 % of the items" in text


@pytest.mark.parametrize(
    ("quarantined", "said"), [({}, "Every row could be read."), ({"no_key": 3}, "3 rows could not be read;")]
)
def test_data_says_whether_every_row_could_be_read(quarantined, said):
    counts = {"declarations": 1, "labelled": 1, "violations": 0}
    read = READ | {"quarantined": quarantined, "parts": {name: part | counts for name, part in PARTS.items()}}
    assert basis.data(read, []).text[0].startswith(said)


def test_facts_name_run_day_and_version():
    made = {fact.name: plain(fact.value) for fact in basis.facts(READ, "demo", "0.1.0", "p" * 64, [])}
    assert (made["Run"], made["Data up to"], made["Made by"]) == ("demo", "31 Dec 2025", "selectivity workbench 0.1.0")


@pytest.mark.parametrize(
    ("lane", "share_limit", "daily_limit", "plan"),
    [
        ("red", 0.05, None, "5 % of each office's day"),
        ("orange", None, 65, "65 an office and day"),
        ("orange", 0.01, 65, "1 % of each office's day and at most 65 an office and day"),
        ("blue", None, None, "what criteria name"),
        ("green", None, None, "what remains"),
    ],
)
def test_a_lanes_plan_is_put_in_words(lane, share_limit, daily_limit, plan):
    row = {"lane": lane, "declarations": 3, "share": 0.1, "share_limit": share_limit, "daily_limit": daily_limit}
    table = decided.decisions(SELECTION | {"lanes": [row]}).blocks[0]
    assert plain(table.rows[0][-1]) == plan


# --- what the stages write -------------------------------------------------------------------------------------------

RANKED = pl.DataFrame(
    {
        "declaration_id": [str(number) for number in range(200)],
        "item_no": 1,
        "violation": [1] * 40 + [0] * 160,
        "good": [1.0 - number / 200 for number in range(200)],
        "bad": [number * 7 % 200 / 200 for number in range(200)],
    }
)


def test_a_better_ranking_differs_surely_and_a_ranking_never_differs_from_itself():
    surely = difference(RANKED, "good", "bad", replicates=50, seed=1)
    assert 0 < surely.low_95 <= surely.value <= surely.high_95
    assert difference(RANKED, "good", "good", replicates=5).to_dict() == {"value": 0.0, "low_95": 0.0, "high_95": 0.0}
    mirrored = difference(RANKED, "bad", "good", replicates=50, seed=1)
    assert (mirrored.low_95, mirrored.high_95) == pytest.approx((-surely.high_95, -surely.low_95))


def test_the_best_other_method_is_the_one_compared_with():
    judged = RANKED.rename({"good": "score", "bad": "baseline:rule"})
    methods = [{"method": "model", "average_precision": 1.0}, {"method": "rule", "average_precision": 0.2}]
    found = difference_to_best(judged, methods, replicates=20, seed=1)
    assert found["method"] == "rule"
    assert found["low_95"] > 0


def test_a_hit_rate_of_one_is_not_certain():
    row = metrics_at(RANKED.rename({"good": "score"}), (0.05,), replicates=20).row(0, named=True)
    assert (row["metric"], row["value"]) == ("precision", 1.0)
    assert row["low_95"] == pytest.approx(wilson_interval(10, 10).low_95)
    unknown = metrics_at(RANKED.rename({"good": "score"}), (0.05,), replicates=0).row(0, named=True)
    assert unknown["low_95"] is None


def test_the_report_says_how_many_criteria_decided_and_why_others_did_not():
    standing = {"in_force": {}, "left_out": {"a": "draft"}, "journal_head": None, "trial": False}
    section = decided.criteria(SELECTION | {"criteria_in_force": standing})
    assert section.title == "What criteria decided"
    assert section.text[0].startswith("0 of 1 criteria decided; 1 left out: a (draft). Nothing was ever signed")
    assert section.blocks == ()
    trial = standing | {"in_force": {"a": "draft"}, "left_out": {}, "trial": True}
    assert (
        decided.criteria(SELECTION | {"criteria_in_force": trial}).text[0].startswith("A trial: criteria that nobody")
    )
    assert decided.criteria(SELECTION | {"criteria_in_force": trial | {"in_force": {}}}) is None


def test_a_finished_run_counts_declarations_and_tells_no_manager_of_challengers(finished_run):
    page = build(finished_run)
    selection, decisions = finished_run.read_json("selection"), finished_run.read("decisions")
    assert selection["declarations"] == decisions["declaration_id"].n_unique()
    assert {row["lane"]: row["declarations"] for row in selection["lanes"]}["red"] == decisions.filter(
        pl.col("lane") == "red"
    )["declaration_id"].n_unique()
    assert finished_run.read_json("metrics")["difference_to_best"]["low_95"] is not None
    text = page.to_json().lower()
    assert not [word for word in ("promot", "challenger", "by chance", "simpler means", "log odds") if word in text]
