"""Pages of simulations: the answer in words, curves and tables for one policy or fifteen, several rates."""

from __future__ import annotations

import json
import os
import re
import shutil
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import numpy as np
import polars as pl
import pytest

from workbench.errors import ParameterError
from workbench.reports.experiments_page import experiments_page, write_experiments_page
from workbench.reports.html import render
from workbench.reports.page import Details, Figure, Page, Table
from workbench.reports.sections import simulation as sections
from workbench.reports.sections import simulation_advice as advice
from workbench.reports.sections import simulation_figures as figures
from workbench.reports.simulation_page import Framed, simulation_page, write_simulation_page
from workbench.simulation.compared import METRICS
from workbench.simulation.experiments import Experiments
from workbench.simulation.metrics import ARM_COLUMNS, WEEK_COLUMNS
from workbench.simulation.results import SimulationResults

CHROMIUM = shutil.which("chromium")
HOSTILE = "<script>alert(1)</script>\u202e & {{ 7 * 7 }}"
SEATS = 40
MODEL, MIXED, LOT = ("model", 0.60, 0.0), ("model+random:0.1", 0.59, 0.1), ("random", 0.20, 1.0)


def simulated(
    *policies: tuple[str, float, float], weeks: int = 30, revenue: bool = False, reacts: bool = False, **settings: Any
) -> SimulationResults:
    """Return results of policies given by name, hit rate and share explored."""
    generator = np.random.default_rng(7)
    shocks = generator.normal(0, 0.05, weeks)
    rows, arms = [], []
    for place, (policy, rate, explored) in enumerate(policies):
        hits = np.clip(np.round(SEATS * (rate + shocks + generator.normal(0, 0.01, weeks))), 0, SEATS).astype(int)
        for week, found in enumerate(hits.tolist()):
            who = {"week": week, "policy": policy, "replication": 0}
            rows.append(who | _week(week, found, there=90 + (place if reacts else 0), revenue=revenue))
            lot = round(SEATS * (explored if policy != "adaptive" else explored * (1 - week / weeks)))
            for arm, controls, hit in (("model", SEATS - lot, min(found, SEATS - lot)), ("random", lot, 0)):
                duty = 100.0 * hit if revenue else None
                if controls:
                    counts = {"controls": controls, "controls_unknown": 0, "violations_found": hit}
                    arms.append(who | {"arm": arm, "duty_found_usd": duty, **counts})
    runs = pl.DataFrame([{"policy": policy, "replication": 0, "seconds": 3.0} for policy, _, _ in policies])
    events = settings.pop("events", [])
    world = {"world": "generated"} if reacts else {}
    said = {"rate": 0.1, "title": "Imports", "plan": "direct", "pipeline": "small.toml", **world, **settings}
    return SimulationResults.of(pl.DataFrame(rows, WEEK_COLUMNS), pl.DataFrame(arms, ARM_COLUMNS), runs, said, events)


def _week(week: int, found: int, *, there: int, revenue: bool) -> dict[str, Any]:
    money = (100.0 * found, 100.0 * there) if revenue else (None, None)
    shares = {"precision": found / SEATS, "recall": found / there, "revenue": found / there if revenue else None}
    upper = {"precision": 1.0, "recall": SEATS / there, "revenue": SEATS / there if revenue else None}
    return {
        **dict.fromkeys(("goods_unknown", "controls_unknown", "labels_known"), 0),
        "goods": 400,
        "seats": SEATS,
        "controls": SEATS,
        "violations_found": found,
        "violations": there,
        "week_start": datetime(2025, 1, 6) + timedelta(weeks=week),
        **dict(zip(("duty_found_usd", "duty_usd"), money, strict=True)),
        **shares,
        **{f"upper_{name}": value for name, value in upper.items()},
        **{f"normalised_{name}": None if share is None else share / upper[name] for name, share in shares.items()},
    }


class Visible(HTMLParser):
    """The tags of a document, and the text that a reader sees."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self._in_style = False
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._in_style = tag == "style"

    def handle_data(self, data: str) -> None:
        self.text += "" if self._in_style else data


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def page_of(results: SimulationResults) -> Page:
    return simulation_page(results.to_dict())


def blocks(page: Page) -> list[Figure | Table]:
    outer = [block for section in page.sections for block in section.blocks]
    return [part for block in outer for part in (block.blocks if isinstance(block, Details) else (block,))]


def titles(page: Page) -> list[str]:
    return [section.title for section in page.sections]


# --- words -----------------------------------------------------------------------------------------------------------


def test_the_answer_names_policy_capacity_and_how_sure_it_is():
    answer = plain(page_of(simulated(MODEL, MIXED, LOT)).answer)
    assert re.match(
        r"With 10 % of the goods controlled, model found most: [\d.]+ % of its controls found a violation "
        r"\([\d.]+ % to [\d.]+ %, 30 weeks together\), 2\.\d times as much as by lot\.",
        answer,
    )


def test_a_lead_that_may_be_chance_is_called_so_and_a_sure_one_too():
    close = plain(page_of(simulated(MODEL, ("twin", 0.599, 0.0), LOT)).answer)
    assert re.search(r"Its lead over (twin|model), \d\.\d points \(−\d\.\d to \d\.\d\), may be chance", close)
    clear = plain(page_of(simulated(MODEL, ("weak", 0.3, 0.0), LOT)).answer)
    assert "model found most:" in clear
    assert "model found most" not in close
    assert "Its lead over both others is more than chance from week to week, in these records; others may" in clear


@pytest.mark.parametrize(
    ("mixed", "said"), [(0.50, "cost 1"), (0.70, "gained"), (0.60, "is not shown to cost or to gain anything")]
)
def test_exploration_is_told_as_cost_gain_or_neither(mixed, said):
    answer = plain(page_of(simulated(MODEL, ("model+random:0.1", mixed, 0.1))).answer)
    assert f"Exploration (10 % of the controls of model+random:0.1, chosen to learn) {said}" in answer


def test_few_weeks_say_that_policies_are_not_shown_to_differ_and_never_that_they_are_the_same():
    page = page_of(simulated(MODEL, LOT, weeks=4))
    answer = plain(page.answer)
    assert re.match(r"With 10 % .* \(precision\) was [\d.]+ % for model and [\d.]+ % for random\. ", answer)
    assert answer.endswith("not shown to differ: 4 weeks are too few, an interval needs 8.")
    assert plain(page.next_steps[0]).startswith("Simulate more weeks (--weeks 26): 4 weeks cannot show")
    said = " ".join([answer, *page.next_steps, *(text for section in page.sections for text in section.text)])
    assert "find the same" not in said
    assert "found most" not in said
    assert "Intervals" not in said
    assert "intervals" not in said
    alone = plain(page_of(simulated(MODEL, weeks=4)).answer)
    assert "How sure that is cannot be said: 4 weeks are too few" in alone


def test_close_policies_are_not_shown_to_differ():
    steps = " ".join(page_of(simulated(MODEL, ("twin", 0.599, 0.0))).next_steps)
    assert "by what else they give: these weeks do not show that they differ." in steps


def test_the_period_ends_with_the_last_day_of_the_last_week():
    page = page_of(simulated(MODEL, weeks=2))
    assert plain(page.subtitle).endswith("2 weeks, 6 Jan to 19 Jan 2025")


def test_labels_of_the_start_and_replications_are_told_in_words():
    def told(**settings: Any) -> dict[str, str]:
        found = simulated(MODEL, start_weeks=4, **settings).to_dict()
        return {fact.name: plain(fact.value) for fact in sections.facts(found)}

    assert told(mask="none")["Labels known at the start"] == "all, of 4 weeks"
    assert told(mask="random:0.1")["Labels known at the start"] == "those of 10 % of the goods, by lot, of 4 weeks"
    assert told(mask="natural")["Labels known at the start"] == "those of the service's own controls, of 4 weeks"
    assert told()["Replications"] == "1"


def test_each_policy_is_explained_where_the_study_said_how_it_chooses():
    explained = page_of(simulated(MODEL, LOT, policies={"model": "By the score.", "random": "By lot."}))
    (one,) = [block for block in blocks(explained) if isinstance(block, Table) and "chosen by" in block.caption]
    assert ("model", "By the score.") in one.rows
    assert not [block for block in blocks(page_of(simulated(MODEL))) if "chosen by" in getattr(block, "caption", "")]


def test_no_control_at_all_is_an_answer_too():
    results = simulated(MODEL, LOT, weeks=10)
    nothing = {"controls": 0, "violations_found": 0, "precision": None, "normalised_precision": None}
    weeks = results.weeks.with_columns(pl.lit(value).alias(name) for name, value in nothing.items())
    weeks = weeks.cast({"precision": pl.Float64, "normalised_precision": pl.Float64})
    page = page_of(
        SimulationResults.of(weeks.select(*WEEK_COLUMNS), results.arms.clear(), results.runs, results.settings)
    )
    assert page.answer.startswith("Nothing was controlled")
    render(page)


def test_who_found_most_duty_is_told_where_it_is_another():
    results = simulated(MODEL, ("importer", 0.3, 0.0), revenue=True)

    def told(duty: pl.Expr) -> str:
        found = pl.when(pl.col("policy") == "importer").then(duty).otherwise("duty_found_usd")
        weeks = results.weeks.select(*WEEK_COLUMNS).with_columns(duty_found_usd=found)
        return plain(page_of(SimulationResults.of(weeks, results.arms, results.runs, results.settings)).answer)

    assert "Most duty was found by importer: 44 % of all, model 25" in told(0.44 * pl.col("duty_usd"))
    # A single consignment in one week: the sum is larger, and hangs on that week alone.
    one_week = pl.when(pl.col("week") == 3).then(80_000.0).otherwise(0.0)
    assert re.search(
        r"importer found more duty, [\d.]+ % of all, model [\d.]+ %; that may be chance \(−[\d.]+ to [\d.]+ points\)\.",
        told(one_week),
    )


def test_every_figure_of_a_policy_is_the_same_wherever_the_page_shows_it():
    found = simulated(MODEL, LOT, revenue=True).to_dict()
    page = simulation_page(found)
    last = {metric: found["curves"]["policies"]["model"][f"cumulative_{metric}"][-1] for metric in METRICS}
    shown = {figure.label: figure.value.value for figure in page.key_figures if figure.label.lower() in METRICS}
    assert shown == pytest.approx({metric.capitalize(): value for metric, value in last.items()})
    league = next(block for block in blocks(page) if isinstance(block, Table))
    columns = [column.name for column in league.columns]
    row = dict(zip(columns, league.rows[0], strict=True))
    assert {metric: row[metric].value for metric in METRICS} == pytest.approx(last)
    sums = found["policies"][0]["in_all"]
    assert sums["duty_found_usd"] / sums["duty_usd"] == pytest.approx(last["revenue"])


def test_an_option_and_its_number_stay_on_one_line():
    text = render(page_of(simulated(MODEL, LOT, weeks=4)))
    assert "<code>--weeks 26</code>" in text


def test_a_page_warns_where_records_repeat_and_where_the_world_reacts():
    repeats = plain(" ".join(advice.caveats(simulated(MODEL, world="recorded", repeated_share=0.82).to_dict())))
    assert "82 % of the goods repeat an earlier record" in repeats
    assert "no evidence about fraud in new consignments" in repeats
    assert "repeat an earlier" not in " ".join(advice.caveats(simulated(MODEL, repeated_share=0.01).to_dict()))
    assert "traders do not react" in repeats
    reacting = " ".join(advice.caveats(simulated(MODEL, LOT, reacts=True).to_dict()))
    assert "real ones may do otherwise" in reacting


def test_without_exploration_a_random_arm_is_advised():
    steps = plain(" ".join(page_of(simulated(MODEL, LOT)).next_steps))
    assert "Keep a random arm of at least 5 % beside model" in steps
    explores = page_of(simulated(("model+random:0.1", 0.6, 0.1), LOT))
    assert not any("Keep a random arm" in step for step in explores.next_steps)


# --- figures and tables ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("revenue", [False, True])
@pytest.mark.parametrize(("count", "weeks"), [(1, 1), (1, 4), (4, 61), (15, 500)])
def test_a_page_holds_any_number_of_policies_and_weeks(count, weeks, revenue):
    policies = [(f"policy-{place}", 0.2 + place / 40, 0.05 * (place % 3)) for place in range(count)]
    page = page_of(simulated(*policies, weeks=weeks, revenue=revenue))
    assert Page.from_json(page.to_json()) == page
    league = next(block for block in blocks(page) if isinstance(block, Table))
    assert len(league.rows) == count
    drawn = list(page.figures())
    assert len(drawn) >= 3 + revenue
    assert all(len(figure.chart.series) <= 6 for figure in drawn)
    assert all(len(figure.table.rows) <= 27 for figure in drawn)
    assert ("Revenue" in {figure.label for figure in page.key_figures}) == revenue
    if count == 15:
        assert "Not shown, to keep the lines apart: policy-" in drawn[0].note
        assert len(render(page)) < 1_000_000


def test_charts_keep_the_best_the_reference_and_chance():
    many = [(f"p{place}", 0.5 - place / 50, 0.1) for place in range(9)]
    found = simulated(*many, ("model", 0.22, 0.0), LOT).to_dict()
    shown = figures.shown(found)
    assert shown[0] == found["policies"][0]["policy"]
    assert {"model", "random"} <= set(shown)
    assert len(shown) == 5


def test_curves_carry_the_bound_and_mark_changes_of_the_world():
    events = [{"week": 10, "what": "a scheme moves"}, {"week": 20, "what": "another grows"}]
    page = page_of(simulated(MODEL, MIXED, LOT, reacts=True, events=events))
    first = next(page.figures())
    names = [series.name for series in first.chart.series]
    assert "Most that was possible" in names
    assert [plain(name) for name in names[-2:]] == ["Schemes change, 17 Mar 2025", "Schemes change, 26 May 2025"]
    assert [sum(value is not None for value in series.values) for series in first.chart.series[-2:]] == [1, 1]
    assert "When schemes changed" in titles(page)
    assert any("Week 10: a scheme moves" in figure.title for figure in page.figures())


def test_the_share_of_exploration_is_drawn_where_it_moves():
    moving = page_of(simulated(MODEL, ("adaptive", 0.5, 0.4)))
    (figure,) = [figure for figure in moving.figures() if figure.title == "How much adaptive explored"]
    assert [series.name for series in figure.chart.series] == ["adaptive"]
    still = page_of(simulated(MODEL, MIXED))
    assert not [figure for figure in still.figures() if "explored" in figure.title]
    assert "What exploration cost and gained" in titles(still)
    assert "What exploration cost and gained" not in titles(page_of(simulated(MODEL)))


def test_names_by_strangers_are_text(tmp_path):
    page = write_simulation_page(simulated((HOSTILE, 0.5, 0.0), LOT, title=HOSTILE), tmp_path)
    document = (tmp_path / "report.html").read_text("utf-8")
    assert "script" not in Visible(document).tags
    assert "\u202e" not in document
    assert "{{ 7 * 7 }}" in Visible(document).text
    assert json.loads((tmp_path / "report.json").read_bytes())["title"] == page.title


def test_a_notebook_shows_the_page_in_a_frame_in_which_nothing_runs():
    page = page_of(simulated(MODEL, LOT))
    shown = Framed(page)._repr_html_()
    assert Visible(shown).tags == ["iframe"]
    assert " sandbox " in shown
    assert page.question in shown


# --- several simulations ---------------------------------------------------------------------------------------------


def experiments(*, same_rate: bool = False, **changes: Any) -> Experiments:
    at = {0.01: (0.7, 0.6), 0.05: (0.6, 0.6), 0.1: (0.4, 0.5)}
    return Experiments.of(
        {
            f"run-{rate:g}": simulated(
                ("model", model, 0.0), ("model+random:0.1", mixed, 0.1), LOT, rate=0.1 if same_rate else rate, **changes
            )
            for rate, (model, mixed) in at.items()
        }
    )


def test_experiments_say_which_policy_at_which_capacity(tmp_path):
    page = write_experiments_page(experiments(), tmp_path)
    answer = plain(page.answer)
    assert answer.startswith("It depends on the capacity. With 1 % controlled, model found most (")
    assert "With 10 % controlled, model+random:0.1 found most" in answer
    assert re.search(r"This lead may be chance: at 5 % that of \S+ over model", answer)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        *("experiments.json", "experiments.parquet", "report.html", "report.json")
    ]
    assert pl.read_parquet(tmp_path / "experiments.parquet").height == 9
    curve = next(page.figures())
    assert curve.chart.x == (0.01, 0.05, 0.1)
    assert [plain(column.label) for column in curve.table.columns] == ["Policy", "1 %", "5 %", "10 %"]


def test_experiments_of_one_rate_are_told_apart_by_their_folders():
    page = experiments_page(experiments(same_rate=True).to_dict())
    assert [plain(str(name)) for name in next(page.figures()).chart.x] == [
        *("10 % (run-0.01)", "10 % (run-0.05)", "10 % (run-0.1)")
    ]


def test_a_change_of_the_best_that_may_be_chance_depends_on_nothing():
    found = experiments().to_dict()
    rows = [{**row, "rivals": ["model", "model+random:0.1"]} for row in found["simulations"]]
    answer = experiments_page({**found, "simulations": rows}).answer
    assert answer.startswith("At none of these capacities is any policy shown to find more than model")
    assert "depends" not in answer


def test_bands_are_told_of_where_they_are_drawn():
    assert next(experiments_page(experiments().to_dict()).figures()).note.startswith("Bands are 95 % intervals.")
    short = experiments_page(experiments(weeks=4).to_dict())
    assert next(short.figures()).note == "Too few weeks for intervals."
    assert "How sure that is cannot be said: 4 weeks are too few" in short.answer
    assert "may be chance" not in short.answer


def test_simulations_that_differ_in_more_than_their_rate_are_not_read_as_capacities():
    runs = {mask: simulated(MODEL, LOT, rate=rate, mask=mask) for mask, rate in (("none", 0.05), ("random:0.1", 0.1))}
    page = experiments_page(Experiments.of(runs).to_dict())
    assert page.answer.startswith("Each simulation stands for itself.")
    assert "capacity" not in page.answer
    assert "One beside the other" in titles(page)
    said = " ".join(text for section in page.sections for text in section.text)
    assert "They differ in the labels known at the start." in said


def test_one_simulation_alone_is_no_comparison():
    with pytest.raises(ParameterError, match=r"give two folders.*its own report\.html"):
        Experiments.of({"only": simulated(MODEL, LOT)})


def test_leads_that_are_more_than_chance_are_said_to_be_of_these_goods():
    found = Experiments.of({f"at-{rate}": simulated(MODEL, LOT, rate=rate) for rate in (0.1, 0.2)})
    answer = experiments_page(found.to_dict()).answer
    assert "Each lead is more than chance from week to week, in these records; others may differ." in answer


# --- in a browser ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None and "CI" not in os.environ:
        pytest.skip("There is no chromium on this machine.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_the_screen_and_are_worked_by_keyboard(browser, tmp_path, width):
    many = [(f"model+criteria:0.2+random:0.{place}", 0.3 + place / 50, 0.1) for place in range(9)]
    events = [{"week": 20, "what": "a scheme moves"}]
    write_simulation_page(simulated(MODEL, LOT, *many, weeks=104, revenue=True, reacts=True, events=events), tmp_path)
    write_experiments_page(experiments(), tmp_path / "experiments")
    for file in (tmp_path / "report.html", tmp_path / "experiments" / "report.html"):
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.goto(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        opened = page.locator("details").first
        opened.locator("summary").first.focus()
        page.keyboard.press("Enter")
        assert opened.evaluate("(one) => one.open")
        region = page.locator("[role=region]").first
        region.focus()
        assert page.evaluate("document.activeElement.getAttribute('role')") == "region"
        page.close()
