"""Criteria in reports: sentences from numbers, figures and tables of a back-test, pages that stand alone."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from workbench.criteria.backtest import FLAGS, TABLES, Backtest
from workbench.criteria.backtest.versus import ALL_KNOWN, EVERY_ITEM, LONGER_ARM, RANDOM_ARM, UNKNOWN
from workbench.criteria.diff import Diff
from workbench.criteria.diff.results import TABLES as DIFF_TABLES
from workbench.criteria.mining import Count, Evidence, Mined, Proposal
from workbench.criteria.sweep import Sweep, sweep
from workbench.errors import SelectivityError
from workbench.evaluation import Estimate, wilson_interval
from workbench.reports.criteria_pages import (
    backtest_page,
    diff_page,
    mining_page,
    sweep_page,
    write_backtest_page,
    write_diff_page,
    write_mining_page,
    write_sweep_page,
)
from workbench.reports.html import render
from workbench.reports.page import Details, Figure, Page, Section, Table
from workbench.reports.sections import (
    criteria,
    criteria_diff,
    criteria_figures,
    criteria_offices,
    criteria_tables,
    criteria_words,
)
from workbench.scorer.criteria import Criterion
from workbench.stages.backtesting import backtest_criteria, judged_history
from workbench.stages.folder import RunFolder
from workbench.stages.past import history_of
from workbench.stages.reporting import build
from workbench.stages.selecting import scorer_of

HOSTILE = "<script>alert(1)</script>\u202e & {{ 7 * 7 }}"
Row = dict[str, Any]

# id: hits, of these with a result, violations, flags
KNOWN = {
    "undervalued-for-origin": (1200, 310, 42, ("better_than_chance",)),
    "preference-via-third-country": (800, 240, 9, ("decaying_hit_rate",)),
    "light-for-quantity": (450, 120, 0, ("worse_than_chance", "expiring")),
    "broken-tariff-line": (0, 0, 0, ("dead",)),
    "permit-missing": (60, 12, 1, ()),
}
CHANCE = 0.02


def rate(violations: int, controls: int, name: str = "hit_rate_of_controlled") -> Row:
    estimate = wilson_interval(violations, controls)
    return {name: estimate.value, "low_95": estimate.low_95, "high_95": estimate.high_95}


def known(controls: int, violations: int) -> Row:
    return {"labelled_hits": controls, "known_violations": violations, **rate(violations, controls)}


def worth(controls: int, violations: int) -> Row:
    found = {"known_recovered_duty_usd": 1500.0 * violations, "share_of_known_violations": violations / 80}
    return {**known(controls, violations), **found}


def load(office: str, lane: str, asked: float, capacity: float | None) -> Row:
    over = None if capacity is None else asked > capacity
    return {
        "lane": lane,
        "office_id": office,
        "declarations": 900,
        "expected_controls": asked * 50,
        "mean_per_day": asked,
        "peak_per_day": asked * 2.5,
        "capacity_per_day": capacity,
        "days": 50,
        "days_over": None if over is None else 30 * over,
        "share_of_days_over": None if over is None else 0.6 * over,
    }


def found(**changes: Any) -> Row:
    """Return a back-test as JSON, with `changes` of its parts."""
    lanes = ("yellow", "yellow", "orange", "red", "blue")
    rows = [
        {
            "criterion": name,
            "title": f"What {name} looks for",
            "lane": lane,
            "mode": "active",
            "items_in_scope": 9000,
            "not_evaluable": 2700 if name == "permit-missing" else 10,
            "hits": hits,
            "unique_hits": hits // 2,
            "declarations": hits // 2,
            "expected_controls": hits / 4,
            **worth(controls, violations),
            "unique_known_violations": violations // 2,
            "against_chance": None if not controls else "unclear",
            "flags": ",".join(flags),
        }
        for lane, (name, (hits, controls, violations, flags)) in zip(lanes, KNOWN.items(), strict=True)
    ]
    gains, total = [], (0, 0, 0)
    for step, name in enumerate(("undervalued-for-origin", "permit-missing", "preference-via-third-country"), 1):
        hits, controls, violations, _ = KNOWN[name]
        total = tuple(before + more for before, more in zip(total, (hits // 2, controls, violations), strict=True))
        gains.append(
            {
                "step": step,
                "criterion": name,
                "added_hits": hits,
                "added_declarations": hits // 2,
                "added_labelled_hits": controls,
                "added_known_violations": violations,
                **rate(violations, controls, "added_hit_rate_of_controlled"),
                "added_known_recovered_duty_usd": 1500.0 * violations,
                "total_declarations": total[0],
                "total_known_violations": total[2],
                "total_share_of_known_violations": total[2] / 80,
            }
        )
    whole = {"hits": 2400, "declarations": 1300, "expected_controls": 610.4, **worth(562, 52)}
    data = {
        "start": "2025-10-08T00:00:00",
        "end": "2025-12-03T00:00:00",
        "on": "2025-12-03",
        "score_from": "2025-10-08T00:00:00",
        "items": 10_000,
        "declarations": 7_000,
        "known_items": 4_000,
        "violations": 80,
        "chance_rate": CHANCE,
        "chance_basis": "random arm",
        "criteria": rows,
        "summary": [
            {"scope": "set", "criteria": 5, **whole},
            {"scope": "orange", "criteria": 1, **whole, "hits": 450},
            {"scope": "green", "criteria": 0, **whole, "hits": 0},
        ],
        "months": [
            {"criterion": name, "month": month, "items": items, "hits": hits * items // 20_000, **known(50, 3)}
            for name, (hits, *_) in KNOWN.items()
            for month, items in (("2025-10-01", 4000), ("2025-11-01", 5500), ("2025-12-01", 500))
        ],
        "lane_months": [
            {"criterion": name, "month": "2025-10-01", "lane_given": lane, "hits": 30 + 10 * n, **counts}
            for n, name in enumerate(KNOWN)
            for lane, counts in (
                ("green", {"labelled_hits": 0, "known_violations": 0}),
                ("red", {"labelled_hits": 20, "known_violations": 2}),
                (None, {"labelled_hits": 0, "known_violations": 0}),
            )
        ],
        "kinds": [
            {
                "criterion": "undervalued-for-origin",
                "violation_kind": "undervaluation",
                "known_violations": 40,
                "known_recovered_duty_usd": 60_000.0,
            }
        ],
        "gains": gains,
        "overlap": [
            {"criterion": one, "other": other, "shared_hits": shared, "jaccard": share / 2, "share_of_criterion": share}
            for one, other, shared, share in (
                ("undervalued-for-origin", "undervalued-for-origin", 1200, 1.0),
                ("light-for-quantity", "undervalued-for-origin", 387, 0.86),
                ("undervalued-for-origin", "light-for-quantity", 387, 0.32),
                ("permit-missing", "undervalued-for-origin", 6, 0.1),
                ("undervalued-for-origin", "permit-missing", 6, 0.005),
            )
        ],
        "stability": [],
        "offices": [],
        "capacity": [load("02CI", "orange", 9.0, 6.0), load("02CI", "red", 1.0, 12.0), load("03CC", "blue", 4.0, None)],
        "versus": [
            {
                "scope": "set",
                "method": method,
                "controls": 562,
                "known_violations": violations,
                **rate(round(violations), 562),
                "known_recovered_duty_usd": 1500.0 * violations,
                "basis": "random arm",
            }
            for method, violations in (("criteria", 52.0), ("model", 61.4), ("chance", 11.2))
        ],
        "flags": [
            {"criterion": name, "flag": flag, "detail": f"because of {name}"}
            for name, (*_, flags) in KNOWN.items()
            for flag in flags
        ],
        "caveats": ["Known for 4,000 of 10,000 items: what was not controlled is unknown."],
    }
    return Backtest.from_dict(data | changes).to_dict()


def without_labels() -> Row:
    """Return a back-test of a source that has no results at all: no rate, no duty, nothing to compare."""
    base = found()
    nothing = {**worth(0, 0), "known_recovered_duty_usd": None, "share_of_known_violations": None}
    empty: Row = {name: [] for name in ("kinds", "gains", "lane_months", "versus", "flags")}
    return found(
        **empty,
        known_items=0,
        violations=0,
        chance_rate=None,
        chance_basis="unknown",
        score_from=None,
        criteria=[{**row, **nothing, "unique_known_violations": 0, "flags": ""} for row in base["criteria"]],
        summary=[{**row, **nothing} for row in base["summary"]],
        months=[{**row, **known(0, 0)} for row in base["months"]],
    )


class Visible(HTMLParser):
    """The tags of a document, its attributes, and the text that a reader sees."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.names: list[str] = []
        self.text = ""
        self._in_style = False
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names += [name for name, _ in attrs]
        self._in_style = tag == "style"

    def handle_data(self, data: str) -> None:
        self.text += "" if self._in_style else data


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def said(page: Page) -> str:
    """Return all words of a page, as they are shown."""
    return plain(Visible(render(page)).text)


def blocks(sections: tuple[Section, ...]) -> list[Figure | Table]:
    """Return figures and tables in reading order, folded ones included."""
    outer = [block for section in sections for block in section.blocks]
    return [part for block in outer for part in (block.blocks if isinstance(block, Details) else (block,))]


def labels(section: Section | None) -> set[str]:
    """Return the labels of all columns of a section's tables."""
    assert section is not None
    tables = [block.table if isinstance(block, Figure) else block for block in blocks((section,))]
    return {column.label for table in tables for column in table.columns}


# --- words -----------------------------------------------------------------------------------------------------------


def test_the_answer_sets_criteria_beside_model_and_chance() -> None:
    assert plain(criteria_words.answer(found())) == (
        "9.3 % of the controlled goods that the criteria hit held a violation (7.1 % to 12 %; 52 of 562); that is 65 % "
        "of all 80 violations known. As many controls would have found 61 in the order of the model's score and 11 "
        "(6.2 to 20) if drawn by lot."
    )


def test_a_comparison_on_a_part_of_the_controls_says_what_it_compares_with() -> None:
    versus = [{**row, "controls": 300} for row in found()["versus"]]
    assert plain(criteria_words.answer(found(versus=versus))).endswith(
        "Where there are scores the criteria found 52 with 300 controls; as many would have found 61 in the order of "
        "the model's score and 5.9 (3.3 to 10) if drawn by lot."
    )


def test_without_a_model_only_chance_stands_beside() -> None:
    versus = [row for row in found()["versus"] if row["method"] != "model"]
    answer = plain(criteria_words.answer(found(versus=versus, score_from=None)))
    assert answer.endswith("As many controls would have found 11 (6.2 to 20) if drawn by lot.")


def test_too_few_violations_are_told() -> None:
    assert criteria_words.answer(found(violations=12)).endswith(
        "Only 12 known violations in the period: too few to judge criteria."
    )


def test_goods_that_nobody_controlled_give_no_rate() -> None:
    assert criteria_words.answer(without_labels()) == (
        "None of the goods that the criteria hit has a recorded control result, so their worth is not known."
    )
    nothing = [{**row, "hits": 0} for row in found()["summary"]]
    assert criteria_words.answer(found(summary=nothing)).startswith("In the period no criterion hit anything.")


def test_what_stands_out_is_told_in_the_order_of_its_weight() -> None:
    assert list(criteria_words.stands_out(found())) == [
        "Surely find more than chance: undervalued-for-origin.",
        "Surely find less than chance: light-for-quantity.",
        "Found nothing in at least 30 controls: light-for-quantity.",
        "Never hit in the period: broken-tariff-line.",
        "Find less and less: preference-via-third-country.",
        "Expire soon, or entries of a list they read: light-for-quantity.",
    ]


def test_every_basis_of_chance_has_its_words() -> None:
    assert set(criteria_figures.BASES) == {EVERY_ITEM, RANDOM_ARM, LONGER_ARM, ALL_KNOWN, UNKNOWN}


def test_every_flag_of_a_backtest_has_its_words() -> None:
    assert set(criteria_words.FLAGS) == set(FLAGS)
    for flag in FLAGS:
        raised = found(flags=[{"criterion": "permit-missing", "flag": flag, "detail": "why"}] * 2)
        sentences = [one for one in criteria_words.stands_out(raised) if "permit-missing" in one]
        assert len(sentences) == 1
        assert sentences[0].count("permit-missing") == 1


def test_next_steps_follow_from_flags_values_overlap_and_capacity() -> None:
    assert [plain(step) for step in criteria_words.next_steps(found())] == [
        "Decide before they expire whether to extend: light-for-quantity.",
        "Ask whether these earn their controls, and tighten or retire them: light-for-quantity.",
        "Rewrite or retire what never hits: broken-tariff-line.",
        "Tune the thresholds of what fades: preference-via-third-country.",
        "Look at permit-missing: it could not be evaluated for 30 % of the goods in its scope.",
        "See whether light-for-quantity is needed beside undervalued-for-origin: it shares 86 % of its hits.",
        "Lower hit percentages or add capacity: on some days criteria ask 1 office for more than capacity, 02CI "
        "(orange) on 60 % of its days.",
    ]


def test_what_is_to_be_looked_at_is_what_the_next_steps_name() -> None:
    looked_at = criteria_words.to_look_at(found())
    assert looked_at == ["light-for-quantity", "broken-tariff-line", "preference-via-third-country", "permit-missing"]
    figure = next(one for one in criteria.key_figures(found()) if one.label == "Criteria to look at")
    assert figure.value == 4
    only_open = next(one for one in criteria.key_figures(found(flags=[], overlap=[])) if "look at" in one.label)
    assert (only_open.value, only_open.tone) == (1, "attention")  # permit-missing, often not evaluable, has no flag


def test_counts_that_grow_with_the_history_ask_for_nothing() -> None:
    grown = [{"criterion": "permit-missing", "flag": "growing_counts", "detail": "from 3 % to 2 %"}]
    fine = [{**row, "not_evaluable": 0} for row in found()["criteria"]]
    data = found(criteria=fine, flags=grown, overlap=[], capacity=[])
    assert any("grow with the history: permit-missing" in one for one in criteria_words.stands_out(data))
    assert (list(criteria_words.next_steps(data)), criteria_words.to_look_at(data)) == ([], [])


def test_criteria_in_shadow_have_a_sentence_of_their_own() -> None:
    section = criteria.section(found(), {"permit-missing": "shadow", "broken-tariff-line": "shadow"})
    assert section is not None
    assert section.text[-1] == (
        "In shadow, deciding nothing: broken-tariff-line would have hit 0 items; permit-missing would have hit 60 "
        "items, 12 of them controlled, 1 violation."
    )
    assert "In shadow" not in " ".join(criteria.section(found()).text)


def test_the_rate_by_lot_of_a_longer_period_says_so() -> None:
    answer = plain(criteria_words.answer(found(chance_basis=LONGER_ARM)))
    assert answer.endswith("11 (6.2 to 20) if drawn by lot, at their rate over all the time read.")


def test_a_set_in_which_nothing_is_wrong_asks_for_nothing() -> None:
    fine = [{**row, "not_evaluable": 0} for row in found()["criteria"]]
    assert list(criteria_words.next_steps(found(criteria=fine, flags=[], overlap=[], capacity=[]))) == []


def test_the_last_day_of_the_period_is_the_one_before_its_end() -> None:
    assert plain(criteria_words.days(found())) == "8 Oct to 2 Dec 2025"


# --- tables and figures ----------------------------------------------------------------------------------------------


def test_the_league_is_led_by_who_finds_most_and_carries_states_and_flags() -> None:
    table = criteria_tables.league(found(), {"light-for-quantity": "retired"})
    rows = {row[0]: dict(zip([column.name for column in table.columns], row, strict=True)) for row in table.rows}
    assert list(rows)[:2] == ["undervalued-for-origin", "preference-via-third-country"]
    assert rows["light-for-quantity"]["state"] == "retired"
    assert rows["permit-missing"]["state"] == "active"
    assert rows["light-for-quantity"]["stands_out"] == "finds less than chance, expires soon"
    assert rows["broken-tariff-line"]["hit_rate"] is None


def test_a_league_of_many_criteria_is_cut_and_says_so() -> None:
    rows = [{**found()["criteria"][0], "criterion": f"c{n:03}", "known_violations": n} for n in range(200)]
    many = found(criteria=rows, overlap=[])
    table = criteria_tables.league(many, {})
    assert [row[0] for row in table.rows][:2] == ["c199", "c198"]
    assert len(table.rows) == 15
    assert table.caption == "What each criterion found: the 15 with the most violations, of 200"
    assert len(criteria_tables.numbers(many).rows) == 200
    assert len(render(backtest_page(many, title="t"))) < 1_500_000


def test_the_gain_starts_at_nothing_and_ends_at_all_that_the_set_finds() -> None:
    figure = criteria_figures.gain(found())
    assert figure is not None
    assert figure.chart.x == (0, 310, 322, 562)
    assert figure.chart.series[0].values == (0, 42, 43, 52)
    lot = figure.chart.series[1].values[-1]
    assert (lot.low, lot.value, lot.high) == pytest.approx((6.24, 11.0, 19.5), abs=0.1)
    assert figure.chart.references[0].value == 61.4
    assert "model" not in str(criteria_figures.gain(found(versus=[])).chart.references)


@pytest.mark.parametrize(
    ("totals", "title"),
    [
        ((52, 52, 52), "1 of 3 criteria find all that the 3 find together"),
        ((30, 50, 52), "2 of 3 criteria find 96 % of what all 3 find"),
        ((50, 51, 52), "One criterion finds 96 % of what all 3 find"),
        ((20, 40, 52), "Each criterion adds to what the others find"),
    ],
)
def test_the_gain_is_titled_by_how_many_find_nearly_all(totals: tuple[int, ...], title: str) -> None:
    gains = [{**row, "total_known_violations": n} for row, n in zip(found()["gains"], totals, strict=True)]
    figure = criteria_figures.gain(found(gains=gains))
    assert figure is not None
    assert plain(figure.title) == title


def test_overlap_is_a_square_without_its_diagonal() -> None:
    figure = criteria_figures.overlap(found())
    assert figure is not None
    names = figure.chart.rows
    assert names == ("undervalued-for-origin", "light-for-quantity", "permit-missing")
    assert [figure.chart.values[at][at] for at in range(3)] == [None] * 3
    assert figure.chart.values[1][0] == 0.86
    assert figure.table.rows[0][:2] == ("light-for-quantity", "undervalued-for-origin")


def test_capacity_is_set_against_what_criteria_ask_for() -> None:
    figure = criteria_offices.offices(found())
    assert figure is not None
    assert figure.title == "Criteria alone ask for more than capacity at 1 of 2 offices and lanes"
    assert [(bar.label, bar.value) for bar in figure.chart.bars] == [("02CI orange", 1.5), ("02CI red", 1 / 12)]
    unlimited = [{**row, "capacity_per_day": None, "share_of_days_over": None} for row in found()["capacity"]]
    asked = criteria_offices.offices(found(capacity=unlimited))
    assert asked is not None
    assert asked.chart.bars[0].value == 9.0
    assert "Capacity a day" not in {column.label for column in asked.table.columns}


# --- sources that lack something -------------------------------------------------------------------------------------


def test_what_a_source_does_not_have_is_not_on_the_page() -> None:
    nothing = criteria.section(without_labels())
    assert nothing is not None
    titles = " ".join(block.title for block in blocks((nothing,)) if isinstance(block, Figure))
    assert "Duty recovered" in labels(criteria.section(found()))
    assert "Duty recovered" not in labels(nothing)
    assert "chosen by criteria" not in titles
    nowhere = [{**row, "office_id": "missing"} for row in found()["capacity"]]
    assert criteria_offices.offices(found(capacity=nowhere)) is None
    assert criteria_figures.given_lanes(without_labels()) is None
    assert criteria_figures.months(found(months=found()["months"][:1])) is None
    assert criteria_figures.gain(without_labels()) is None
    assert criteria_figures.overlap(found(overlap=[])) is None


def test_a_programme_without_criteria_has_no_section() -> None:
    assert criteria.section(found(criteria=[])) is None


# --- pages -----------------------------------------------------------------------------------------------------------


def count(hits: int, labelled: int, violations: int) -> Count:
    return Count(hits, labelled, violations, labelled, {}, 0.0)


def mined(**changes: Any) -> Mined:
    """Return two proposals: one that the later period confirms, one that it does not."""
    proposals = []
    for name, violations in (("mined-1", 30), ("mined-2", 1)):
        evidence = Evidence(
            chosen_on=count(300, 100, 40),
            stated_from=count(300, 90, 28),
            stated=Estimate(0.3, 0.2, 0.45),
            later=count(310, 100, violations),
            added=count(200, 60, violations // 2),
            base_rate=0.02,
            not_evaluable=0,
        )
        given = {"parameters": {"below": 0.5}, "ranges": {"below": (0.25, 1.0)}}
        words = {"title": f"Title of {name}", "when": "net_mass_kg < :below", "lane": "yellow"}
        criterion = Criterion(name, **{**words, **given, **changes})
        proposals.append(Proposal(criterion, evidence))
    return Mined(tuple(proposals), count(10_000, 4000, 80))


def moves(**changes: Any) -> Diff:
    """Return a comparison of two sets in which three of 7,000 declarations change lane."""
    known_of = {"labelled_items": 1, "known_violations": 1, "known_recovered_duty_usd": None}
    rows = [
        {
            "declaration_id": f"d{n}",
            "office_id": "02CI",
            "day": f"2025-11-0{n}",
            "direction": "up" if n < 3 else "down",
            "lane_before": "green" if n < 3 else "red",
            "lane_after": "red" if n < 3 else "green",
            "cause_before": "none",
            "cause_after": "criterion:a",
            "because": "new_hit" if n < 3 else "room",
            "criterion": "undervalued-for-origin" if n < 3 else None,
            "reason": f"reason of {n}",
            **known_of,
        }
        for n in (1, 2, 3)
    ]
    ways = [{"direction": way, "declarations": n, **known_of} for way, n in (("up", 2), ("down", 1), ("same", 6997))]
    data = {
        "start": "2025-10-08T00:00:00",
        "end": "2025-12-03T00:00:00",
        "declarations": 7000,
        "changes": [
            {
                "what": "criterion",
                "name": "undervalued-for-origin",
                "change": "changed",
                "field": "parameters.max_ratio",
                "before": "0.4",
                "after": "0.6",
            }
        ],
        "moves": rows,
        "lanes": [
            {"lane_before": before, "lane_after": after, "declarations": n, **known_of}
            for before, after, n in (("green", "red", 2), ("red", "green", 1), ("green", "green", 6997))
        ],
        "directions": ways,
        "criteria": [
            {"because": "new_hit", "criterion": "undervalued-for-origin", "moved_up": 2, "moved_down": 0, **known_of},
            {"because": "room", "criterion": None, "moved_up": 0, "moved_down": 1, **known_of},
        ],
        "offices": [
            {"office_id": "02CI", "lane": lane, "controls_before": before, "controls_after": after}
            for lane, before, after in (("green", 6999, 6998), ("red", 1, 2))
        ],
        "office_days": [
            {
                "office_id": "02CI",
                "day": row["day"],
                "declarations": 90,
                "moved_up": int(row["direction"] == "up"),
                "moved_down": int(row["direction"] == "down"),
                "controls_before": 0,
                "controls_after": 1,
            }
            for row in rows
        ],
        "caveats": ["What was not controlled is unknown."],
    }
    return Diff.from_dict(data | changes)


def alike() -> Diff:
    """Return a comparison of a set with itself."""
    empty: Row = {name: [] for name in ("changes", "moves", "criteria", "office_days")}
    lanes = [row for row in moves().to_dict()["lanes"] if row["lane_before"] == row["lane_after"]]
    return moves(**empty, lanes=lanes, directions=moves().to_dict()["directions"][2:])


def points(**changes: Any) -> Row:
    """Return a sweep of one parameter over three points, of which the last is suggested."""
    rows = [
        {
            ":max_ratio": value,
            "current": value == 0.4,
            "hits": 2 * controls,
            "declarations": controls,
            "expected_controls": float(controls),
            "not_evaluable": 7,
            **known(controls // 2, violations),
            "violations_per_100_controls": None,
            "known_recovered_duty_usd": 100.0 * violations,
            "added_hits": 1,
            "added_known_violations": 1,
            "best_for_violations": value != 0.3,
            "best_for_duty": value != 0.3,
        }
        for value, controls, violations in ((0.2, 40, 6), (0.3, 150, 6), (0.4, 200, 8), (0.5, 400, 30))
    ]
    data = {"criterion": "undervalued-for-origin", "points": rows, "base_rate": 0.02, "suggested": {"max_ratio": 0.5}}
    return data | changes


def pages() -> dict[str, Page]:
    """Return every page, and those of sources that lack something."""
    return {
        "backtest": backtest_page(
            found(), title="t", states={"permit-missing": "shadow"}, sources={"Criteria": "a.toml"}
        ),
        "backtest without labels": backtest_page(without_labels(), title="t"),
        "mining": mining_page(mined().to_dict(), title="t"),
        "mining without proposals": mining_page(replace(mined(), proposals=()).to_dict(), title="t"),
        "sweep": sweep_page(points(), title="t"),
        "diff": diff_page(moves().to_dict(), title="t"),
        "diff of equal sets": diff_page(alike().to_dict(), title="t"),
    }


@pytest.mark.parametrize("name", pages())
def test_no_page_shows_what_only_a_programme_reads(name: str) -> None:
    page = pages()[name]
    document = Visible(render(page))
    assert not re.search(r"\b(None(?! of)|nan|NaN|inf|null|True|False)\b|\{|\}|datetime", document.text)
    assert "_" not in re.sub("net_mass_kg|max_ratio|office_days.parquet", "", document.text)
    assert Page.from_json(page.to_json()) == page
    assert page.answer
    assert {"script", "img", "link", "iframe"}.isdisjoint(document.tags)


def test_mining_says_what_held_and_what_it_adds() -> None:
    assert plain(mining_page(mined().to_dict(), title="t").answer) == (
        "2 criteria are proposed; a later period that had no part in the choice confirms 1. Its hit rate lies in the "
        "stated interval for 1 of 2. There they add 15 violations in 120 controlled goods to what the present criteria "
        "hit."
    )
    shown = said(mining_page(mined().to_dict(), title="t"))
    assert "below = 0.5 (0.25 to 1)" in shown
    assert "Leave out what the later period does not confirm: mined-2." in shown


def test_a_diff_says_who_moves_and_what_is_known_of_them() -> None:
    assert plain(criteria_diff.answer(moves().to_dict())) == (
        "3 of 7,000 declarations change lane (0.043 %): 2 to a more severe one, 1 to a lesser one. Controls go from 1 "
        "to 2 (+1). Going up: 1 violation in 1 item with a result. Going down: 1 violation in 1 item with a result. "
        "Known for controlled goods only: what was released then is not known."
    )
    shown = said(diff_page(moves().to_dict(), title="t"))
    assert "undervalued-for-origin: now hit" in shown
    assert "reason of 3" in shown
    assert "Ask the offices whether they can do 1 control more in such a period." in shown


def test_a_sweep_sets_the_suggestion_beside_the_values_as_they_stand() -> None:
    page = sweep_page(points(), title="t")
    assert plain(page.answer) == (
        "With max_ratio = 0.5 the criterion asks for 400 controls; 30 of 200 controlled hits held a violation (15 %, "
        "11 % to 21 %). As it stands, with max_ratio = 0.4, it asks for 200 controls; 8 of 100 controlled hits held a "
        "violation (8 %, 4.1 % to 15 %). It was chosen on these goods, so its rate here flatters: back-test it on a "
        "period that had no part in it."
    )
    frontier = next(page.figures()).chart
    assert frontier.x == (40.0, 200.0, 400.0)
    assert [(line.name, line.values) for line in frontier.series] == [
        ("The most that can be found", (6, 8, 30)),
        ("As it stands", (None, 8, None)),
        ("Suggested", (None, None, 30)),
    ]
    assert "voids the approval" in page.next_steps[-1]


@pytest.mark.parametrize(
    ("suggested", "said_first"),
    [(None, "Nothing is suggested: no value is"), ({"max_ratio": 0.4}, "The values as they stand are the best")],
)
def test_a_sweep_that_suggests_no_change_says_so(suggested: Row | None, said_first: str) -> None:
    page = sweep_page(points(suggested=suggested), title="t")
    assert page.answer.startswith(said_first)
    assert page.next_steps == ("Leave the values as they are, or try another range or another condition.",)


def test_a_sweep_of_two_parameters_is_a_grid() -> None:
    grid = [
        {":least": least, **row, "current": row["current"] and least == 1.0}
        for least in (1.0, 10.0)
        for row in points()["points"]
    ]
    page = sweep_page(points(points=grid, suggested={"max_ratio": 0.5, "least": 10.0}), title="t")
    chart = [*page.figures()][-1].chart
    assert (chart.rows, chart.columns) == (("1", "10"), ("0.2", "0.3", "0.4", "0.5"))
    assert chart.values[0][3] == 0.15


def test_a_sweep_of_goods_that_nobody_controlled_still_gives_a_page() -> None:
    none = [
        {**row, **known(0, 0), "best_for_violations": False, "best_for_duty": False, "known_recovered_duty_usd": 0.0}
        for row in points()["points"]
    ]
    page = sweep_page(points(points=none, base_rate=None, suggested=None), title="t")
    assert "none of the goods it hits was controlled" in page.answer
    assert [section.title for section in page.sections] == ["What max_ratio does", "Every point tried"]


def test_a_sweep_of_goods_that_all_have_a_result_and_pay_nothing_says_neither() -> None:
    rows = [{**row, "hits": row["labelled_hits"], "known_recovered_duty_usd": 0.0} for row in points()["points"]]
    shown = said(sweep_page(points(points=rows), title="t"))
    assert "nobody controlled" not in shown
    assert "Duty" not in shown
    assert "nobody controlled" in said(sweep_page(points(), title="t"))


def test_days_without_a_move_are_drawn_as_none() -> None:
    figures = [*diff_page(moves().to_dict(), title="t").figures()]
    days = next(figure for figure in figures if figure.title.endswith("day by day"))
    up = dict(zip(days.chart.x, days.chart.series[0].values, strict=True))
    assert (len(up), up["2025-11-01"], up["2025-11-03"], sum(up.values())) == (56, 1, 0, 2)
    assert len(days.table.rows) == 3


def test_equal_sets_change_nothing() -> None:
    page = diff_page(alike().to_dict(), title="t")
    assert page.answer == "None of the 7,000 declarations changes lane."
    assert [section.text for section in page.sections] == [("Nothing: the sets are alike.",)]
    assert page.next_steps == ()


def test_text_by_strangers_stays_text_on_every_page() -> None:
    text = json.dumps(found()).replace("undervalued-for-origin", json.dumps(HOSTILE)[1:-1]).replace("02CI", "<b>02")
    hostile = [
        backtest_page(json.loads(text), title=HOSTILE, states={HOSTILE: HOSTILE}, sources={HOSTILE: HOSTILE}),
        mining_page(mined(title=HOSTILE, when=HOSTILE).to_dict(), title=HOSTILE),
        diff_page(
            json.loads(json.dumps(moves().to_dict()).replace("reason of 1", "<script>alert(1)</script>")), title=HOSTILE
        ),
    ]
    for page in hostile:
        document = Visible(render(page))
        assert {"script", "b", "img"}.isdisjoint(document.tags)
        assert not [name for name in document.names if name.startswith("on")]
        assert "<script>alert(1)</script>" in document.text
        assert "49" not in document.text.split("{{ 7 * 7 }}")[0][-20:]
        assert "\u202e" not in document.text


# --- files -----------------------------------------------------------------------------------------------------------


def test_a_backtest_is_written_with_its_tables(tmp_path: Path) -> None:
    backtest = Backtest.from_dict(found())
    write_backtest_page(backtest, tmp_path / "new", sources={"Criteria": "a.toml"})
    written = {file.name for file in (tmp_path / "new").iterdir()}
    assert written == {"report.html", "report.json", "backtest.json", *(f"{name}.parquet" for name in TABLES)}
    again = Backtest.from_dict(json.loads((tmp_path / "new" / "backtest.json").read_bytes()))
    assert again.to_dict() == backtest.to_dict()
    assert pl.read_parquet(tmp_path / "new" / "months.parquet").equals(backtest.months)


def test_diffs_mining_runs_and_sweeps_are_written_with_their_tables(tmp_path: Path) -> None:
    write_diff_page(moves(), tmp_path / "diff")
    written = {file.name for file in (tmp_path / "diff").iterdir()}
    assert written == {"report.html", "report.json", "diff.json", *(f"{name}.parquet" for name in DIFF_TABLES)}
    assert pl.read_parquet(tmp_path / "diff" / "moves.parquet")["day"].to_list()[0] == date(2025, 11, 1)
    write_mining_page(mined(), tmp_path / "mined")
    table = pl.DataFrame(points()["points"])
    heavy = Criterion("heavy", "Heavy goods", "net_mass_kg > :max_ratio", parameters={"max_ratio": 0.4})
    write_sweep_page(Sweep(heavy, table, 0.02, {"max_ratio": 0.5}), tmp_path / "sweep")
    assert {file.name for file in (tmp_path / "sweep").iterdir()} == {
        "report.html",
        "report.json",
        "sweep.json",
        "points.parquet",
    }
    assert Page.from_json((tmp_path / "sweep" / "report.json").read_bytes()).title == "Heavy goods"
    assert json.loads((tmp_path / "mined" / "mined.json").read_bytes()) == json.loads(json.dumps(mined().to_dict()))


def test_a_write_that_fails_leaves_the_earlier_page_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_backtest_page(Backtest.from_dict(without_labels()), tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SelectivityError, match="No space left"):
        write_backtest_page(Backtest.from_dict(found()), tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


# --- the run's own back-test -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tested(finished_run: RunFolder) -> tuple[RunFolder, Backtest]:
    """A finished run with its back-test."""
    backtest = backtest_criteria(finished_run)
    assert backtest is not None
    return finished_run, backtest


def test_a_run_is_tested_on_the_weeks_that_its_measured_model_never_saw(tested: tuple[RunFolder, Backtest]) -> None:
    run, backtest = tested
    judged = run.read("judged")
    assert backtest.items == judged.height
    assert backtest.known_items == judged["violation"].count()
    assert backtest.start.date() == judged["lodged_at"].min().date()
    assert backtest.score_from == backtest.start
    assert run.read_json("training")["measured"]["as_of"][:10] == backtest.start.date().isoformat()
    assert set(backtest.criteria["criterion"]) == {
        "cheap-for-origin",
        "preference-claimed",
        "gross-below-net",
        "audit-large",
    }
    assert set(run.read_json("backtest")["states"].values()) == {"active"}


def test_the_history_holds_the_judged_rows_with_the_measured_models_scores(tested: tuple[RunFolder, Backtest]) -> None:
    run, backtest = tested
    scorer = scorer_of(run, "measured")
    history = judged_history(run, scorer.criteria)
    judged = run.read("judged")
    assert history.rows.select("declaration_id", "item_no", "score").equals(
        judged.select("declaration_id", "item_no", "score")
    )
    assert "hs6_origin_median_unit_value_usd_per_kg" in history.columns
    hits = history.hits(scorer.criteria).matrix
    assert backtest.criteria["hits"].to_list() == [int(hits[one].sum()) for one in backtest.criteria["criterion"]]


def test_the_report_carries_the_criteria_and_what_to_do(tested: tuple[RunFolder, Backtest]) -> None:
    run, _ = tested
    page = build(run)
    titles = [section.title for section in page.sections]
    assert titles.index("What the criteria find") < titles.index("What past controls found")
    section = page.sections[titles.index("What the criteria find")]
    assert section.text[0] == criteria_words.answer(run.read_json("backtest"))
    at = [column.name for column in section.blocks[0].columns].index("state")
    assert {row[at] for row in section.blocks[0].rows} == {"active"}
    assert set(criteria_words.next_steps(run.read_json("backtest"))) <= set(page.next_steps)


def test_a_programme_without_criteria_is_not_tested(make_run: Any) -> None:
    assert backtest_criteria(make_run(('[criteria]\npath = "criteria.toml"\n', ""))) is None


def test_a_sweep_in_which_thresholds_cross_has_a_page(tmp_path: Path, trained_run: RunFolder) -> None:
    between = Criterion(
        "between",
        "Between",
        "net_mass_kg >= :low AND net_mass_kg < :high",
        "yellow",
        parameters={"low": 100.0, "high": 1000.0},
        ranges={"low": (10.0, 5000.0), "high": (50.0, 9000.0)},
    )
    write_sweep_page(sweep(between, history_of(trained_run, with_model=False)), tmp_path)
    assert "Between" in (tmp_path / "report.html").read_text("utf-8")
