"""Estimates from controls by design: what they read, how strata are collapsed, what is refused, and what must agree."""

from __future__ import annotations

import doctest
import json
import math
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import ConfigError, LabelError, SchemaError
from workbench.estimates import (
    TARGET,
    ControlRecord,
    Group,
    compliance,
    lifts,
    policy_value,
    target_from_decisions,
    target_from_ranking,
)
from workbench.estimates.intervals import Findings, Sample, added, interval, less_known
from workbench.estimates.lift import ratio
from workbench.estimates.strata import LEAST_RESULTS, Strata
from workbench.evaluation import Estimate, Refusal
from workbench.reports.sections import chance
from workbench.scorer.schema import KEY, Lane

LOT = {"would_be_lane": "green", "random_probability": 0.1, "full_control_probability": 0.1}
SURE = {"would_be_lane": "red", "random_probability": 0.0, "full_control_probability": 1.0}


def goods(count: int, first: int = 0, **columns) -> pl.DataFrame:
    """Return declarations of one item, of one office and regime unless said otherwise."""
    given = {"item_no": 1, "office_id": "A", "regime_code": "40", "lane": "green", "cause": "none"} | columns
    number = pl.Series("declaration_id", [f"D{first + n:06}" for n in range(count)])
    made = pl.DataFrame([number]).with_columns(
        pl.Series(name, value, strict=False) if isinstance(value, list) else pl.lit(value).alias(name)
        for name, value in given.items()
    )
    if "violation" not in made.columns:
        made = made.with_columns(violation=pl.lit(None, pl.Int8))
    made = made.with_columns(pl.col("violation").cast(pl.Int8), pl.col("^.*probability$").cast(pl.Float64))
    return made.select(sorted(made.columns))


def drawn(count: int, violations: int, first: int = 0, **columns) -> pl.DataFrame:
    """Return declarations that the arm drew, the first of them with a violation."""
    results = [1] * violations + [0] * (count - violations)
    return goods(count, first, lane="red", cause="random", violation=results, **(LOT | columns))


def waiting(count: int, first: int = 100_000, **columns) -> pl.DataFrame:
    """Return declarations that the arm might have drawn."""
    return goods(count, first, **(LOT | columns))


def sure(count: int, violations: int, first: int = 500_000, **columns) -> pl.DataFrame:
    """Return declarations that the model sends to a full control for certain."""
    results = [1] * violations + [0] * (count - violations)
    return goods(count, first, lane="red", cause="model", violation=results, **(SURE | columns))


def record(*parts: pl.DataFrame) -> ControlRecord:
    return ControlRecord.from_decisions(pl.concat(parts, how="diagonal"))


USUAL = (drawn(100, 4), waiting(900), sure(50, 10))


class TestRecord:
    """What is read, and how each declaration counts."""

    def test_the_order_of_rows_changes_nothing(self):
        table = pl.concat(USUAL)
        shuffled = compliance(ControlRecord.from_decisions(table.sample(fraction=1, shuffle=True, seed=3)))
        assert shuffled.to_dict() == compliance(ControlRecord.from_decisions(table)).to_dict()

    def test_every_declaration_has_a_group(self):
        by_lot_of_the_top_up = goods(5, 700, **(LOT | {"full_control_probability": 0.4}))
        groups = record(*USUAL, by_lot_of_the_top_up).declarations["group"].value_counts().sort("group").rows()
        assert groups == [("certain", 50), ("margin", 5), ("random arm", 1000)]

    def test_an_officers_control_is_known_but_no_draw(self):
        raised = goods(10, 200_000, lane="red", cause="officer", violation=1, **LOT)
        with_officer = compliance(record(*USUAL, raised))
        assert (with_officer.found, with_officer.arm.drawn) == (24, 100)
        assert with_officer.violations.value == pytest.approx(4 * 1010 / 100 + 10)

    def test_a_check_of_documents_is_found_and_not_the_truth(self):
        checked = goods(10, 200_000, lane="yellow", cause="model", violation=1, **(LOT | {"would_be_lane": "yellow"}))
        found = compliance(record(*USUAL, checked))
        assert found.found == 24
        assert found.arm.known == 100

    def test_what_nobody_could_control_is_left_out_and_counted(self):
        none = {"random_probability": None, "full_control_probability": None}
        unreadable = goods(3, 300_000, lane="yellow", cause="quarantine:no_mass", **(LOT | none))
        closed = waiting(7, 400_000, random_probability=0.0, full_control_probability=0.0)
        found = compliance(record(*USUAL, unreadable, closed))
        assert found.left_out == {"in quarantine": 3, "never open to a full control": 7}
        assert found.goods == 1050

    def test_a_draw_that_was_not_carried_out_is_missing(self):
        skipped = goods(5, 300_000, lane="green", cause="random", **LOT)
        open_results = drawn(5, 0, 400_000).with_columns(violation=pl.lit(None, pl.Int8))
        assert compliance(record(*USUAL, skipped, open_results)).missing == 10

    def test_a_declaration_with_one_open_item_is_missing_as_a_whole(self):
        item = drawn(1, 1).with_columns(item_no=pl.lit(2), violation=pl.lit(None, pl.Int8))
        found = compliance(record(*USUAL, item))
        assert (found.missing, found.arm.violations) == (1, 3)

    @pytest.mark.parametrize("wrong", [-0.1, 1.5, math.nan])
    def test_a_probability_that_is_none_is_refused_by_key(self, wrong):
        with pytest.raises(SchemaError, match=r"'full_control_probability' outside \[0, 1\].*D000000/1"):
            record(drawn(1, 0, full_control_probability=wrong), waiting(3))

    def test_a_missing_column_is_named(self):
        with pytest.raises(SchemaError, match="random_probability"):
            ControlRecord.from_decisions(pl.concat(USUAL).drop("random_probability"))

    @pytest.mark.parametrize("column", ["lane", "system_lane"])
    def test_a_lane_that_is_none_is_named_with_those_that_are(self, column):
        table = pl.concat(USUAL).with_columns(
            pl.when(pl.int_range(pl.len()) < 3).then(pl.lit("Red" + "x" * 99)).otherwise("lane").alias(column)
        )
        said = rf"'Redx+'.* in '{column}' on 3 row\(s\), expected one of green, blue, yellow, orange, red\."
        for read in (ControlRecord.from_decisions, lambda one: ControlRecord.from_history(one, lot_frame="all")):
            with pytest.raises(SchemaError, match=said) as caught:
                read(table)
            assert len(str(caught.value)) < 300

    def test_a_table_without_goods_is_refused(self):
        with pytest.raises(LabelError, match="found no goods to speak of"):
            ControlRecord.from_decisions(pl.concat(USUAL).clear())

    def test_a_history_says_what_its_lots_were_drawn_from(self):
        table = pl.concat(USUAL).drop("random_probability", "full_control_probability", "would_be_lane")
        of_all = compliance(ControlRecord.from_history(table, lot_frame="all"))
        of_rest = compliance(ControlRecord.from_history(table, lot_frame="unselected"))
        assert (of_all.goods, of_all.violations.value, of_all.found) == (1050, 42.0, 14)
        assert (of_rest.goods, of_rest.violations.value, of_rest.found) == (1000, 40.0, 4)
        assert of_rest.left_out == {"selected by something else": 50}
        assert of_rest.speaks_for == "goods that nothing else had selected"
        with pytest.raises(ConfigError, match="expected 'all' or 'unselected'"):
            ControlRecord.from_history(table, lot_frame="some")


class TestStrata:
    """Small strata are put together by rule; none is lost."""

    def test_a_stratum_without_a_draw_is_named_and_collapsed(self):
        elsewhere = waiting(40, 300_000, office_id="B")
        table = Strata.of(record(*USUAL, elsewhere)).table
        alone = table.filter(pl.col("office_id") == "B").row(0, named=True)
        assert (alone["declarations"], alone["known"], alone["is_collapsed"]) == (40, 0, True)
        assert compliance(record(*USUAL, elsewhere)).to_dict()["strata"] == {
            "cells": 3,
            "strata": 2,
            "collapsed": 1,
            "without_a_result": 1,
            "declarations_without_a_result": 40,
        }

    def test_small_strata_join_those_of_their_regime_and_lane_first(self):
        parts = [drawn(6, 0, 1000 * n, office_id=name) for n, name in enumerate("BCDE", start=1)]
        others = drawn(6, 0, 9000, office_id="F", regime_code="10")
        table = Strata.of(record(*USUAL, *parts, others)).table
        names = dict(table.select("office_id", "stratum").rows())
        assert names["B"] == names["E"] == "random arm|40|green|small strata together"
        assert names["F"] == names["A"], "six results of one regime join the group's largest stratum"

    def test_a_margin_is_one_stratum_whatever_lane_the_rounding_gave(self):
        fraction = {"random_probability": 0.1, "full_control_probability": 0.5}
        had = goods(20, 600_000, lane="red", cause="model", violation=0, **(fraction | {"would_be_lane": "red"}))
        missed = goods(20, 610_000, **(fraction | {"would_be_lane": "yellow"}))
        table = Strata.of(record(*USUAL, had, missed)).table
        assert table.filter(pl.col("group") == str(Group.MARGIN))["declarations"].to_list() == [40]

    def test_a_margin_without_results_is_estimated_with_what_the_lot_draws(self):
        open_seats = goods(40, 600_000, **(LOT | {"full_control_probability": 0.3}))
        strata = Strata.of(record(*USUAL, open_seats))
        assert strata.weight.sum() == pytest.approx(1090)
        assert compliance(record(*USUAL, open_seats)).violations.value == pytest.approx(4 * 1040 / 100 + 10)

    def test_certain_goods_without_any_result_are_not_lost(self):
        unrecorded = sure(5, 0, 700_000).with_columns(violation=pl.lit(None, pl.Int8))
        assert compliance(record(drawn(100, 4), waiting(900), unrecorded)).violations.value == pytest.approx(40.2)

    @settings(max_examples=25, deadline=None)
    @given(
        st.lists(
            st.tuples(st.sampled_from("AB"), st.sampled_from(["40", "10"]), st.integers(0, 15), st.integers(0, 30)),
            min_size=1,
            max_size=5,
        )
    )
    def test_weights_add_up_to_the_declarations(self, cells):
        parts = []
        for number, (office, regime, known, open_) in enumerate(cells):
            at = 10_000 * number
            where = {"office_id": office, "regime_code": regime}
            parts += [drawn(known, 0, at, **where), waiting(open_, at + 5000, **where)]
        made = record(drawn(LEAST_RESULTS, 0, 900_000), *parts)
        strata = Strata.of(made)
        size, weight = np.bincount(strata.stratum), np.bincount(strata.stratum, strata.weight)
        assert weight == pytest.approx(size)
        assert strata.table["declarations"].sum() == made.declarations.height


class TestCompliance:
    """Rates, totals and what is refused."""

    def test_where_everything_was_controlled_everything_is_known(self):
        found = compliance(record(sure(200, 7, recovered_duty_usd=10.0)))
        assert found.violations == Estimate(7.0, 7.0, 7.0)
        assert found.undetected == Estimate(0.0, 0.0, 0.0)
        assert found.revenue.gap_usd == Estimate(0.0, 0.0, 0.0)

    def test_certain_goods_count_once_and_drawn_goods_for_their_stratum(self):
        found = compliance(record(*USUAL))
        assert found.violations.value == 4 * 10 + 10
        assert found.undetected.value == 36
        assert found.violation_rate.value == pytest.approx(50 / 1050)
        assert found.compliance_rate.value == pytest.approx(1000 / 1050)
        assert found.compliance_rate.high_95 == pytest.approx(1 - found.violation_rate.low_95)

    def test_the_interval_narrows_as_the_sample_nears_the_whole(self):
        rest = compliance(record(drawn(900, 36), waiting(100)))
        small = compliance(record(drawn(100, 4), waiting(900)))
        assert rest.violations.value == small.violations.value == 40
        assert rest.violations.low_95 >= 36
        widths = [found.violations.high_95 - found.violations.low_95 for found in (rest, small)]
        assert widths[0] < widths[1] / 8

    def test_without_a_finding_the_bound_is_that_of_three(self):
        found = compliance(record(drawn(300, 0), waiting(9700)))
        assert found.violations.value == found.violations.low_95 == 0
        assert found.violation_rate.high_95 == pytest.approx(3 / 300, rel=0.05)

    def test_items_of_a_declaration_count_together(self):
        alone = compliance(record(drawn(100, 8), waiting(900)))
        second = pl.concat([drawn(100, 8), waiting(900)]).with_columns(item_no=pl.lit(2))
        twice = compliance(record(drawn(100, 8), waiting(900), second))
        assert twice.violations.value == 2 * alone.violations.value
        assert twice.violation_rate.high_95 == pytest.approx(alone.violation_rate.high_95), "no more is known"

    def test_too_small_an_arm_is_refused_as_a_result(self):
        refused = compliance(record(drawn(29, 3), waiting(900), sure(500, 3)))
        assert isinstance(refused, Refusal)
        assert (refused.code, refused.found, refused.needed) == ("random_arm_too_small", 29, 30)
        assert json.loads(json.dumps(refused.to_dict()))["status"] == "refused"

    def test_without_an_arm_the_seats_left_to_rounding_must_carry_the_estimate(self):
        fraction = {"random_probability": 0.0, "full_control_probability": 0.5}
        had = goods(20, lane="red", cause="model", violation=0, **(fraction | {"would_be_lane": "red"}))
        refused = compliance(record(had, goods(20, 600, **(fraction | {"would_be_lane": "green"})), sure(50, 1)))
        assert (refused.code, refused.found) == ("random_arm_too_small", 20)

    def test_too_many_missing_results_are_refused(self):
        missing = drawn(26, 0, 300_000).with_columns(violation=pl.lit(None, pl.Int8))
        refused = compliance(record(*USUAL, missing))
        assert (refused.code, refused.found, refused.needed) == ("results_missing", 100, 101)
        fewer = compliance(record(*USUAL, missing.head(25)))
        assert (fewer.missing, fewer.arm.known) == (25, 100)

    def test_missing_results_are_counted_where_nothing_is_left_to_chance(self):
        open_results = sure(50, 0, 700_000).with_columns(violation=pl.lit(None, pl.Int8))
        assert compliance(record(sure(100, 5), open_results)).code == "results_missing"

    def test_the_interval_holds_the_truth_when_findings_are_withheld(self):
        """Of 40 violations by lot in 400 goods 36 are withheld: taken as like the others, the rate would be 1 %."""
        withheld = drawn(36, 36, 300_000).with_columns(violation=pl.lit(None, pl.Int8))
        found = compliance(record(drawn(364, 4), withheld, waiting(3600)))
        bounds = found.nonresponse
        assert bounds.like_others.high_95 < 0.1, "the sample alone misses the truth"
        assert found.violation_rate.low_95 < 0.1 < found.violation_rate.high_95
        assert found.undetected.high_95 > 400 - 4
        assert (found.missing, bounds.share) == (36, 0.09)
        assert bounds.all_compliant.value == pytest.approx(4 / 400)
        assert bounds.like_others.value == pytest.approx(4 / 364)
        assert bounds.all_violating.value == pytest.approx(40 / 400)
        assert "the rate is 1 % with them compliant, 1.1 % like the others, 10 % violating" in found.describe()
        assert json.loads(json.dumps(found.to_dict()))["nonresponse"]["all_violating"]["value"] == pytest.approx(0.1)

    def test_the_page_says_what_missing_results_may_hide(self):
        withheld = drawn(36, 36, 300_000).with_columns(violation=pl.lit(None, pl.Int8))
        told = compliance(record(drawn(364, 4), withheld, waiting(3600))).to_dict()
        history = {"methods": [{}], "random_arm": json.loads(json.dumps(told)), "lifts": []}
        text = " ".join(chance.section(history).text).replace("\u00a0", " ")
        assert "36 results of controls by lot are not recorded yet. The rate is 1.1 % if they are like" in text
        assert "1 % if all are compliant and 10 % if all are violations. The intervals hold all three." in text

    def test_a_control_that_an_officer_waived_may_hide_what_documents_do_not_show(self):
        checked = goods(20, 300_000, lane="yellow", cause="random", violation=0, **LOT)
        found = compliance(record(drawn(100, 4), checked, waiting(880)))
        assert found.missing == 20
        assert found.nonresponse.all_violating.value == pytest.approx(24 / 120)

    def test_what_is_missing_costs_what_findings_cost(self):
        results = pl.concat([drawn(100, 10), waiting(900)]).with_columns(recovered_duty_usd=100.0 * pl.col("violation"))
        withheld = drawn(20, 0, 300_000).with_columns(
            violation=pl.lit(None, pl.Int8), recovered_duty_usd=pl.lit(None, pl.Float64)
        )
        revenue = compliance(record(results, withheld)).revenue
        whole = compliance(record(results)).revenue
        assert revenue.recoverable_usd.high_95 > 30 / 120 * 1020 * 100 > whole.recoverable_usd.high_95
        assert revenue.recoverable_usd.low_95 < whole.recoverable_usd.low_95

    def test_what_a_milder_control_found_keeps_its_amount(self):
        checked = goods(20, 300_000, lane="yellow", cause="random", violation=1, recovered_duty_usd=5000.0, **LOT)
        drawn_too = drawn(100, 10).with_columns(recovered_duty_usd=100.0 * pl.col("violation"))
        completed = record(drawn_too, checked, waiting(900)).completed(violating=True)
        assert completed.recovered_duty_usd.sum() == 20 * 5000 + 10 * 100

    @staticmethod
    def priced(unpriced: int, violations: int = 20) -> pl.DataFrame:
        """Return goods of which the lot found some violations worth 100 to 2,000 USD, the first without an amount."""
        number = pl.int_range(pl.len())
        amount = pl.when(number < violations).then(100.0 * (number + 1)).otherwise(0.0)
        found = drawn(100, violations).with_columns(recovered_duty_usd=pl.when(number >= unpriced).then(amount))
        return pl.concat([found, waiting(900)], how="diagonal")

    def test_a_violation_without_an_amount_costs_what_the_others_do(self):
        whole, some = (compliance(ControlRecord.from_decisions(self.priced(n))).revenue for n in (0, 4))
        assert (whole.without_amount, some.without_amount) == (0, 4)
        others = 100.0 * np.arange(5, 21)
        assert some.found_usd == others.sum()
        assert some.recoverable_usd.value == pytest.approx(10 * others.mean() * 20)
        assert some.gap_usd.value == pytest.approx(9 * others.mean() * 20)
        assert some.recoverable_usd.low_95 < whole.recoverable_usd.low_95
        assert some.recoverable_usd.high_95 > whole.recoverable_usd.high_95
        assert json.loads(json.dumps(some.to_dict()))["without_amount"] == 4

    def test_its_bounds_join_those_of_missing_results(self):
        missing = drawn(10, 0, 300_000).with_columns(violation=pl.lit(None, pl.Int8))
        alone, both = (
            compliance(record(*parts)).revenue.recoverable_usd
            for parts in ((self.priced(4),), (self.priced(4), missing))
        )
        assert both.low_95 < alone.low_95
        assert both.high_95 > alone.high_95

    def test_too_many_violations_without_an_amount_are_refused(self):
        found = compliance(ControlRecord.from_decisions(self.priced(5)))
        assert (found.revenue.code, found.revenue.found, found.revenue.needed) == ("amounts_missing", 15, 16)
        assert found.violations.value == 200
        history = {"methods": [{}], "random_arm": found.to_dict(), "lifts": []}
        rows = chance.section(history).blocks[0].rows
        assert "15 violations with an amount, 16 are needed" in str(rows).replace("\u00a0", " ")

    def test_the_page_says_that_amounts_are_missing(self):
        told = compliance(ControlRecord.from_decisions(self.priced(4))).to_dict()
        text = " ".join(chance.section({"methods": [{}], "random_arm": told, "lifts": []}).text).replace("\u00a0", " ")
        assert "Full controls found 4 violations without an amount." in text

    def test_what_a_milder_control_did_not_price_is_not_recovered(self):
        checked = goods(20, 300_000, lane="yellow", cause="model", violation=1, **(LOT | {"would_be_lane": "yellow"}))
        assert compliance(record(self.priced(0), checked)).revenue.without_amount == 0

    def test_without_missing_results_nothing_is_widened(self):
        assert compliance(record(*USUAL)).nonresponse is None

    @pytest.mark.parametrize("wrong", ["recovered_duty_usd", "declared_duty_usd"])
    def test_one_amount_beyond_belief_is_no_revenue(self, wrong):
        amounts = {"recovered_duty_usd": 100.0 * pl.col("violation"), "declared_duty_usd": pl.lit(50.0)}
        first = pl.int_range(pl.len()) < 2
        amounts[wrong] = pl.when(first).then(pl.lit(1e308)).otherwise(amounts[wrong])
        found = compliance(
            ControlRecord.from_decisions(pl.concat([drawn(100, 9), waiting(900)]).with_columns(**amounts))
        )
        assert (found.revenue.code, found.revenue.found) == ("amounts_beyond_belief", 2)
        assert "Correct amounts above 1,000,000,000,000 USD" in found.revenue.advice
        assert "first: D000000/1" in found.revenue.advice
        assert math.isfinite(found.violations.high_95)

    def test_amounts_need_more_findings_than_rates(self):
        amounts = pl.concat(USUAL).with_columns(recovered_duty_usd=100.0 * pl.col("violation"))
        assert compliance(ControlRecord.from_decisions(amounts)).revenue.code == "too_few_findings"
        five = pl.concat([drawn(100, 5), waiting(900)]).with_columns(
            recovered_duty_usd=100.0 * pl.col("violation"), declared_duty_usd=pl.lit(50.0)
        )
        revenue = compliance(ControlRecord.from_decisions(five)).revenue
        assert (revenue.recoverable_usd.value, revenue.found_usd, revenue.gap_usd.value) == (5000.0, 500.0, 4500.0)
        assert (revenue.declared_duty_usd, revenue.gap_share.value) == (50_000.0, pytest.approx(0.09))
        assert revenue.gap_usd.low_95 >= 0

    def test_a_source_without_amounts_has_no_gap(self):
        assert compliance(record(*USUAL)).revenue is None

    def test_json_and_words_hold_what_was_estimated(self):
        found = compliance(record(*USUAL))
        told = json.loads(json.dumps(found.to_dict()))
        assert told["undetected"]["value"] == 36
        assert told["arm"] == {"declarations": 1000, "drawn": 100, "known": 100, "items": 100, "violations": 4}
        assert "Controls found 14; undetected: 36 (" in found.describe()


class TestIntervals:
    """The simulation behind the intervals."""

    sample = Sample(np.full(100, 20.0), np.zeros(100, dtype=np.int64))
    amount = np.append(np.array([3.0, 50.0, 4.0, 7.0, 900.0, 30.0]), np.zeros(94))

    def found(self, factor: float = 1.0, blurred: bool = True) -> Estimate:
        pool = factor * self.amount[:6]
        return interval(self.sample, Findings(factor * self.amount, np.ones(100), pool, blurred))

    def test_it_is_the_same_in_any_currency(self):
        one, other = self.found(), self.found(23_000.0)
        assert other.scaled(1 / 23_000).to_dict() == pytest.approx(one.to_dict())

    def test_amounts_unlike_each_other_are_less_sure_than_their_number(self):
        alike = interval(self.sample, Findings((self.amount > 0) * 1.0, np.ones(100), np.ones(6)))
        assert self.found().high_95 / self.found().value > 2 * alike.high_95 / alike.value

    def test_reach_scales_what_it_multiplies(self):
        half = interval(self.sample, Findings(self.amount, np.full(100, 0.5), self.amount[:6], True))
        assert half.scaled(2).to_dict() == pytest.approx(self.found().to_dict())

    def test_where_no_policy_reaches_there_is_nothing(self):
        assert interval(self.sample, Findings(self.amount, np.zeros(100), self.amount[:6])) == Estimate(0.0, 0.0, 0.0)

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 60), st.integers(61, 300), st.floats(1.0, 200.0))
    def test_bounds_hold_the_value_and_what_was_found(self, violations, controls, weight):
        sample = Sample(np.full(controls, weight), np.zeros(controls, dtype=np.int64))
        found = interval(sample, Findings(np.arange(controls) < violations, np.ones(controls), np.ones(5)))
        assert violations <= found.low_95 + 1e-9
        assert found.low_95 <= found.value <= found.high_95

    def test_sums_and_differences_keep_lopsided_bounds(self):
        one, other = Estimate(10.0, 7.0, 30.0), Estimate(5.0, 5.0, 5.0)
        assert added([one, other]) == Estimate(15.0, 12.0, 35.0)
        assert less_known(one, 8.0) == Estimate(2.0, -1.0, 22.0)

    @pytest.mark.parametrize("strata", [np.repeat([0, 1], [1000, 50]), np.zeros(1050)], ids=["apart", "in one stratum"])
    def test_few_results_that_stand_for_many_goods_and_found_nothing_prove_nothing(self, strata):
        """Fifty clean results for 5,000 goods are no proof that fewer than one in a hundred of these violates."""
        sample = Sample(np.repeat([5.0, 100.0], [1000, 50]), strata.astype(np.int64))
        for hits in (0, 20):
            found = interval(sample, Findings((np.arange(1050) < hits) * 1.0, np.ones(1050), np.ones(5)))
            assert found.value == 5 * hits
            assert 200 < found.high_95 < 700


class TestLifts:
    """Hit rate over chance, full controls only."""

    chance = Estimate(0.02, 0.01, 0.04)

    def test_only_full_controls_are_compared(self):
        checked = goods(500, 900_000, lane="yellow", cause="criterion:C1", violation=0)
        table = pl.concat([sure(50, 10), checked], how="diagonal")
        assert lifts(table, self.chance).select("method", "controls", "lift").rows() == [
            ("model", 50, pytest.approx(10.0))
        ]
        milder = lifts(table, self.chance, random_lane=Lane.YELLOW)
        assert milder["method"].to_list() == ["criterion", "model"]

    def test_a_lane_that_is_none_is_refused(self):
        with pytest.raises(SchemaError, match="lifts found 'rot'"):
            lifts(sure(3, 0).with_columns(lane=pl.lit("rot")), self.chance)

    def test_items_of_a_declaration_make_a_rate_less_sure(self):
        single = sure(100, 20)
        shared = single.with_columns(
            declaration_id=pl.Series([f"S{n // 4}" for n in range(100)]), item_no=pl.Series([n % 4 for n in range(100)])
        )
        rows = [lifts(table, self.chance).row(0, named=True) for table in (single, shared)]
        assert rows[0]["hit_rate"] == rows[1]["hit_rate"]
        assert rows[1]["low_95"] < rows[0]["low_95"]

    def test_a_chance_of_nothing_gives_no_lift(self):
        assert lifts(sure(50, 10), Estimate(0.0, 0.0, 0.01))["lift"].to_list() == [None]

    def test_a_method_without_a_finding_has_an_upper_bound(self):
        none = ratio(Estimate(0.0, 0.0, 0.1), self.chance)
        assert (none.value, none.low_95, none.high_95) == (0.0, 0.0, pytest.approx(5.0))


class TestPolicyValue:
    """Another policy, from the controls of the one in force."""

    def valued(self, target, *parts, outcome="violation", predictions=None):
        table = pl.concat(parts or USUAL, how="diagonal").with_columns(target=target)
        return policy_value(ControlRecord.from_decisions(table), "target", outcome, predictions)

    def test_a_policy_that_controls_everything_finds_all_there_is(self):
        value, whole = self.valued(pl.lit(1.0)), compliance(record(*USUAL))
        assert value.ips == whole.violations
        assert value.snips.value == pytest.approx(whole.violations.value)
        assert value.goods == 1050

    def test_the_policy_in_force_is_worth_what_it_is_expected_to_find(self):
        value = self.valued(pl.col("full_control_probability"))
        assert value.ips.value == pytest.approx(4 + 10)
        assert value.difference.value == pytest.approx(0.0)
        assert value.difference.low_95 == value.ips.low_95 - 14
        assert value.goods == pytest.approx(150)
        assert value.goods_in_force == 150

    def test_what_was_found_is_known_in_a_history_too(self):
        """Criteria controlled 200 of 2,000 fully and found nothing: what is stored of a history is no probability."""
        table = pl.concat([drawn(100, 10), waiting(1700), sure(200, 0)]).drop("^.*probability$")
        table = table.with_columns(target=(pl.col("cause") != "model").cast(pl.Float64) * 0.5)
        value = policy_value(ControlRecord.from_history(table, lot_frame="all"), "target")
        assert value.goods_in_force == 300
        assert value.difference.value == value.ips.value - 10

    def test_it_says_that_its_intervals_hold_missing_results(self):
        missing = drawn(10, 0, 300_000).with_columns(violation=pl.lit(None, pl.Int8))
        with_missing = self.valued(pl.lit(1.0), *USUAL, missing)
        assert (with_missing.missing, self.valued(pl.lit(1.0)).missing) == (10, 0)
        assert "Intervals hold whatever the 10 missing results would have shown." in with_missing.describe()

    def test_violations_without_an_amount_are_priced_or_refused(self):
        some, many = (self.valued(pl.lit(1.0), TestCompliance.priced(n), outcome="recovered_duty_usd") for n in (4, 5))
        assert some.ips.value == pytest.approx(10 * 100.0 * np.arange(5, 21).mean() * 20)
        assert some.ips.low_95 < 0.8 * 10 * 100.0 * np.arange(5, 21).sum()
        assert many.code == "amounts_missing"

    def test_what_is_controlled_anyway_is_known(self):
        value = self.valued((pl.col("cause") == "model").cast(pl.Float64))
        assert value.ips == value.snips == Estimate(10.0, 10.0, 10.0)
        assert value.effective_sample_size == 50

    def test_good_predictions_narrow_the_interval(self):
        table = pl.concat(USUAL).with_columns(
            perfect=pl.col("violation").fill_null(0).cast(pl.Float64), useless=pl.lit(0.0), target=pl.lit(1.0)
        )
        # What was not drawn violates as often, and a perfect model would know.
        table = table.with_columns(
            perfect=pl.when(pl.int_range(pl.len()).is_between(100, 135)).then(1.0).otherwise("perfect")
        )
        made = ControlRecord.from_decisions(table)
        perfect, useless = (
            policy_value(made, "target", predictions=name).doubly_robust for name in ("perfect", "useless")
        )
        assert perfect == Estimate(50.0, 50.0, 50.0)
        assert useless.to_dict() == pytest.approx(policy_value(made, "target").ips.to_dict())

    def test_goods_that_are_hardly_ever_controlled_are_refused(self):
        beyond = waiting(100, 800_000, random_probability=0.0005, full_control_probability=0.0005)
        refused = self.valued(pl.lit(1.0), *USUAL, beyond)
        assert (refused.code, refused.found, refused.needed) == ("overlap_too_thin", 1050, 1139)
        told = self.valued(pl.lit(1.0), *USUAL, beyond.head(5))
        assert told.unsupported_share == pytest.approx(5 / 1055)

    def test_goods_left_out_of_the_record_are_unsupported(self):
        closed = waiting(100, 800_000, random_probability=0.0, full_control_probability=0.0)
        assert self.valued(pl.lit(1.0), *USUAL, closed).code == "overlap_too_thin"

    def test_missing_results_widen_every_estimator(self):
        table = pl.concat([drawn(100, 10), waiting(900), sure(50, 10)])
        withheld = drawn(10, 0, 300_000).with_columns(violation=pl.lit(None, pl.Int8))
        with_missing = pl.concat([table, withheld]).with_columns(expected=pl.lit(0.1), target=pl.lit(1.0))
        value = policy_value(ControlRecord.from_decisions(with_missing), "target", predictions="expected")
        truth = 20 / 110 * 1010 + 10
        for name in ("ips", "snips", "doubly_robust"):
            estimate = getattr(value, name)
            assert estimate.value == pytest.approx(0.1 * 1010 + 10, rel=0.15)
            assert estimate.high_95 > truth
        plain = policy_value(ControlRecord.from_decisions(table.with_columns(target=pl.lit(1.0))), "target")
        assert value.difference.high_95 > plain.difference.high_95

    def test_amounts_beyond_belief_are_refused(self):
        parts = [part.with_columns(recovered_duty_usd=1e308 * pl.col("violation")) for part in USUAL]
        assert self.valued(pl.lit(1.0), *parts, outcome="recovered_duty_usd").code == "amounts_beyond_belief"

    def test_too_few_controls_in_the_target_are_refused(self):
        few = pl.Series([0.0] * 1000 + [1.0] * 29 + [0.0] * 21)
        refused = self.valued(few)
        assert (refused.code, refused.found, refused.needed) == ("overlap_too_thin", 29, 30)
        assert "take a longer period" in refused.advice

    def test_controls_that_fell_into_the_target_by_luck_are_no_support(self):
        """All of the 40 goods that the target takes happened to be drawn, at one in ten: four were to be expected."""
        refused = self.valued(pl.Series([1.0] * 40 + [0.0] * 1010))
        assert (refused.code, refused.found) == ("overlap_too_thin", 4)

    def test_a_target_that_no_control_fell_into_is_refused(self):
        """Of 40 goods taken for sure none was drawn; of the others, reached a little, nearly all that were."""
        refused = self.valued(pl.Series([0.04] * 960 + [1.0] * 40 + [0.04] * 50))
        assert (refused.code, refused.found) == ("overlap_too_thin", 15)

    def test_duty_on_few_findings_is_refused(self):
        parts = [part.with_columns(recovered_duty_usd=9.0 * pl.col("violation")) for part in USUAL]
        assert self.valued(pl.lit(1.0), *parts, outcome="recovered_duty_usd").code == "too_few_findings"

    def test_a_source_without_amounts_cannot_value_in_duty(self):
        with pytest.raises(LabelError, match="no recovered_duty_usd"):
            self.valued(pl.lit(1.0), outcome="recovered_duty_usd")

    @pytest.mark.parametrize("wrong", [-0.1, 1.1, math.nan, None])
    def test_a_target_that_is_no_probability_is_refused(self, wrong):
        with pytest.raises(SchemaError, match=r"'target' that is not a share in \[0, 1\]"):
            self.valued(pl.lit(wrong, pl.Float64))

    def test_a_target_that_controls_nothing_is_refused(self):
        with pytest.raises(ConfigError, match="controls nothing"):
            self.valued(pl.lit(0.0))

    def test_an_unknown_outcome_is_refused(self):
        with pytest.raises(ConfigError, match="expected 'violation' or"):
            self.valued(pl.lit(1.0), outcome="score")

    def test_words_and_json_hold_what_was_estimated(self):
        value = self.valued(pl.lit(1.0))
        assert json.loads(json.dumps(value.to_dict()))["ips"]["value"] == 50
        assert value.describe().startswith("violation, 1,050 goods (in force: 150):\n  by weighting: 50.0 (")


class TestTargets:
    """Target probabilities of a ranking and of other decisions."""

    def test_each_week_has_its_own_capacity(self):
        days = [datetime(2026, 1, 5) + timedelta(days=n) for n in range(14)]
        table = goods(14, score=[float(n) for n in range(14)]).with_columns(lodged_at=pl.Series(days))
        chosen = target_from_ranking(table, 0.3).filter(pl.col(TARGET) == 1)
        assert chosen["score"].to_list() == [5.0, 6.0, 12.0, 13.0]

    @pytest.mark.parametrize("share", [0.0, 1.2])
    def test_a_share_that_is_none_is_refused(self, share):
        with pytest.raises(ConfigError, match="above 0 and at most 1"):
            target_from_ranking(goods(2, score=1.0, lodged_at=datetime(2026, 1, 5)), share)

    def test_goods_without_a_score_come_last(self):
        table = goods(4, score=[None, math.nan, 0.1, 0.2], lodged_at=datetime(2026, 1, 5))
        assert target_from_ranking(table, 0.5)[TARGET].to_list() == [0.0, 0.0, 1.0, 1.0]

    def test_a_decision_for_each_item_is_needed(self):
        table = pl.concat(USUAL)
        with pytest.raises(SchemaError, match="no decision of the target policy for 1,000 items"):
            target_from_decisions(table, sure(50, 0))
        joined = target_from_decisions(table, table.select(*KEY, full_control_probability=pl.lit(0.5)))
        assert joined[TARGET].unique().to_list() == [0.5]


def test_the_examples_of_the_guide_run():
    guide = Path(__file__).parents[1] / "docs" / "estimates.md"
    done = doctest.testfile(str(guide), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert done.attempted > 15
    assert done.failed == 0


def test_offices_that_draw_at_other_rates_do_not_bend_the_value_of_a_policy_in_a_history():
    """Office A draws a fifth, office B a fiftieth: the share drawn of all goods would say that B has few violations."""
    rng = np.random.default_rng(5)
    size = 20_000
    office = np.where(np.arange(size) % 2 == 0, "A", "B")
    cheats = rng.random(size) < np.where(office == "A", 0.02, 0.1)
    drawn = rng.random(size) < np.where(office == "A", 0.2, 0.02)
    table = pl.DataFrame(
        {
            "declaration_id": [f"D{number:05}" for number in range(size)],
            "item_no": 1,
            "office_id": office,
            "regime_code": "40",
            "lane": np.where(drawn, "red", "green"),
            "cause": np.where(drawn, "random", "none"),
            "violation": pl.Series(cheats.astype(int)),
            "target": (office == "B").astype(float),
        }
    ).with_columns(violation=pl.when(pl.Series(drawn)).then("violation"))
    value = policy_value(ControlRecord.from_history(table, lot_frame="all"), "target")
    truth = float(cheats[office == "B"].sum())
    assert value.ips.low_95 <= truth <= value.ips.high_95
    assert value.ips.value == pytest.approx(truth, rel=0.3)
    assert value.snips.value == pytest.approx(truth, rel=0.3)


@pytest.mark.parametrize(("waived", "missing"), [(False, 0), (True, 40)])
def test_a_draw_that_an_officer_waived_counts_as_missing(waived, missing):
    size = 400
    moved = np.arange(size) < (40 if waived else 0)
    table = pl.DataFrame(
        {
            "declaration_id": [f"D{number:03}" for number in range(size)],
            "item_no": 1,
            "office_id": "A",
            "regime_code": "40",
            "would_be_lane": "red",
            "system_lane": "red",
            "system_cause": "model",
            "lane": np.where(moved, "yellow", "red"),
            "cause": np.where(moved, "officer", "model"),
            "random_probability": 0.0,
            "full_control_probability": 0.9,
            "violation": pl.Series((np.arange(size) % 10 == 0).astype(int)),
        }
    ).with_columns(violation=pl.when(~pl.Series(moved)).then("violation"))
    declarations = ControlRecord.from_decisions(table).declarations
    assert declarations["is_drawn"].all()
    assert int((declarations["is_drawn"] & ~declarations["is_known"]).sum()) == missing


def test_predictions_promise_nothing_where_the_lot_found_nothing():
    size = 1_000
    table = pl.DataFrame(
        {
            "declaration_id": [f"D{number:04}" for number in range(size)],
            "item_no": 1,
            "office_id": "A",
            "regime_code": "40",
            "would_be_lane": "green",
            "lane": ["red"] * 100 + ["green"] * 900,
            "cause": ["random"] * 100 + ["none"] * 900,
            "random_probability": 0.1,
            "full_control_probability": 0.1,
            "violation": [0] * 100 + [None] * 900,
            "target": 1.0,
            "predicted": 0.05,
        }
    )
    value = policy_value(ControlRecord.from_decisions(table), "target", predictions="predicted")
    assert value.doubly_robust is None
    assert value.ips.value == 0.0
    assert value.ips.high_95 > 10
