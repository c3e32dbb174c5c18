"""What the criteria lab answers, without a browser: figures, hits, completion, forms, drafts, tables, the magic."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.criteria.history import History
from workbench.criteria.lifecycle import new_key
from workbench.criteria_lab import Evidence, open_lab, show
from workbench.criteria_lab.answers import Found
from workbench.criteria_lab.drafts import NEW, criterion_of, form_of, parameters_in
from workbench.criteria_lab.frontend import has_page
from workbench.criteria_lab.frontier import frontier_of
from workbench.criteria_lab.hits import ROWS_A_PAGE, Order, hits_page
from workbench.criteria_lab.saving import save_draft
from workbench.criteria_lab.static import answers_html, session_html
from workbench.criteria_lab.view import status_of, view_of
from workbench.criteria_lab.vocabulary import unit_of, words
from workbench.errors import ConfigError, SelectivityError
from workbench.evaluation import wilson_interval
from workbench.scorer.criteria import CriteriaSet, Criterion
from workbench.scorer.expressions import RefusedCriterionError
from workbench.scorer.expressions.lexer import FUNCTIONS, KEYWORDS

HOSTILE = '<img src=x onerror=alert(1)><script>alert("x")</script>'
START = datetime(2025, 1, 1)


def history(**columns: list) -> History:
    """Return a history of items lodged a day apart; what is not given is missing."""
    count = len(next(iter(columns.values())))
    given = {
        "declaration_id": [f"D{number:03d}" for number in range(count)],
        "item_no": [1] * count,
        "lodged_at": [START + timedelta(days=number) for number in range(count)],
        "customs_value_usd": [0.0] * count,
        "hs_code": ["870323"] * count,
        "origin_country_code": ["VN"] * count,
        "importer_id": ["I1"] * count,
        "office_id": ["O1"] * count,
        "goods_description": ["tea"] * count,
        "score": [None] * count,
        "violation": [None] * count,
        "violation_kind": [None] * count,
        "recovered_duty_usd": [None] * count,
    } | columns
    types = {"score": pl.Float64, "violation": pl.Int8, "violation_kind": pl.String, "recovered_duty_usd": pl.Float64}
    rows = pl.DataFrame(given, schema_overrides=types | {"customs_value_usd": pl.Float64})
    names = ("customs_value_usd", "hs_code", "origin_country_code", "importer_id", "office_id", "goods_description")
    readable = {name: rows.schema[name] for name in (*names, "lodged_at")}
    return History(rows, readable, START, START + timedelta(days=count), None)


def criterion(when: str, name: str = "asked", **fields) -> Criterion:
    return Criterion(name, "Asked about", when, "yellow", **fields)


def above(value: float, name: str = "asked") -> Criterion:
    return criterion(f"customs_value_usd > {value}", name)


@pytest.fixture
def ten() -> Evidence:
    """Ten items of values 0 to 9; the odd ones were controlled, of which 5, 7 and 9 violate; larger scores higher."""
    present = CriteriaSet((above(7, "dear"), criterion("customs_value_usd < 2", "cheap")))
    return Evidence(
        history(
            customs_value_usd=[float(value) for value in range(10)],
            violation=[None, 0, None, 0, None, 1, None, 1, None, 1],
            recovered_duty_usd=[None, 0.0, None, 0.0, None, 10.0, None, 20.0, None, 30.0],
            score=[0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.95],
        ),
        present,
    )


def test_the_figures_of_a_criterion_counted_by_hand(ten):
    figures = ten.answer(above(4)).figures
    assert figures.hits == Found(5, 5, 3, 3, wilson_interval(3, 3), 60.0)
    assert figures.share_of_violations == 1.0
    assert figures.beyond_set.items == 3  # 8 and 9 are dear already
    assert [(one.criterion, one.shared, one.share) for one in figures.overlaps] == [("dear", 2, 0.4)]
    assert figures.not_evaluable == 0
    assert figures.controls_per_day == 0.5


def test_the_same_number_of_controls_goes_to_the_model(ten):
    model = ten.answer(above(4)).figures.model
    # Of the five highest scores (9, 0, 1, 2, 3) one is a hit; of the three highest of controlled items (9, 1, 3) one
    # violates.
    assert (model.hits, model.taken) == (5, 1)
    assert (model.controlled, model.violations, model.model_violations, model.beyond_model) == (3, 3, 1, 2)
    assert model.by_chance == pytest.approx(3 * 3 / 5)


def test_without_scores_there_is_no_comparison_with_a_model():
    figures = Evidence(history(customs_value_usd=[1.0, 2.0]), CriteriaSet()).answer(above(0)).figures
    assert figures.model is None
    assert figures.hits.hit_rate.value is None
    assert "–" in {card.value for card in view_of(figures).cards}


def test_a_missing_value_is_counted_as_not_evaluable_and_never_as_a_hit():
    answers = Evidence(history(customs_value_usd=[5.0, None]), CriteriaSet()).answer(above(1))
    assert answers.figures.not_evaluable == 1
    assert answers.hit.tolist() == [True, False]


def test_a_criterion_is_not_compared_with_its_own_former_version(ten):
    figures = ten.answer(above(6, "dear")).figures
    assert figures.beyond_set.items == 3
    assert figures.overlaps == ()


def test_a_faulty_condition_is_answered_with_its_faults_and_their_places(ten):
    answers = ten.answer(criterion("customs_value > 1 AND hs_codes = 'x'"))
    assert answers.figures is None
    assert not answers.hit.any()
    assert [(fault.column, fault.suggestion) for fault in answers.faults] == [(1, "customs_value_usd"), (23, "hs_code")]
    assert status_of(answers) == "2 faults: the condition is not evaluated."
    assert json.dumps(answers.to_dict())


@given(
    values=st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from([None, 0, 1]), st.integers(0, 3)), min_size=1, max_size=40
    ),
    floor=st.integers(-1, 10),
)
def test_what_is_counted_adds_up(values, floor):
    evidence = Evidence(
        history(
            customs_value_usd=[float(value) for value, _, _ in values],
            violation=[label for _, label, _ in values],
            score=[score / 4 if score else None for _, _, score in values],
            declaration_id=[f"D{place // 2}" for place in range(len(values))],
        ),
        CriteriaSet((above(5, "dear"),)),
    )
    figures = evidence.answer(above(floor)).figures
    hits = figures.hits
    assert hits.items == sum(value > floor for value, _, _ in values)
    assert sum(month.hits for month in figures.months) == hits.items
    assert sum(month.violations for month in figures.months) == hits.violations <= hits.controlled <= hits.items
    assert figures.beyond_set.items + sum(one.shared for one in figures.overlaps) == hits.items
    assert hits.items / 2 <= hits.declarations <= hits.items
    if figures.model:
        assert figures.model.taken <= figures.model.hits <= hits.items
        found_by_both = figures.model.violations - figures.model.beyond_model
        assert 0 <= found_by_both <= figures.model.model_violations


def test_asking_twice_gives_the_same_answer(ten):
    assert ten.answer(above(3)).to_dict() == ten.answer(above(3)).to_dict()


def test_hits_are_sorted_over_all_pages_with_missing_values_last(ten):
    everything = Evidence(history(customs_value_usd=[float(n % 97) for n in range(200)]), CriteriaSet())
    answers = everything.answer(above(-1))
    read = frozenset({"customs_value_usd"})
    first = hits_page(everything, "asked", answers.hit, read, Order("customs_value_usd", descending=True))
    assert first.rows["customs_value_usd"][0] == 96
    assert (first.rows.height, first.total, first.pages) == (ROWS_A_PAGE, 200, 8)
    beyond = hits_page(everything, "asked", answers.hit, read, Order(page=99))
    assert beyond.page == 7
    by_score = hits_page(ten, "asked", ten.answer(above(-1)).hit, read, Order("score"))
    assert by_score.rows["score"].to_list() == sorted(by_score.rows["score"])


@pytest.mark.parametrize(
    ("kind", "values"),
    [("violations", [5, 7, 9]), ("clean", [3]), ("uncontrolled", [4, 6, 8]), ("new", [3, 4, 5, 6, 7])],
)
def test_hits_are_narrowed_by_what_controls_found(ten, kind, values):
    answers = ten.answer(above(2))
    page = hits_page(ten, "asked", answers.hit, frozenset({"customs_value_usd"}), Order(kind=kind))
    assert page.rows["customs_value_usd"].to_list() == values


def test_what_a_condition_reads_stands_first_and_other_criteria_are_named(ten):
    page = hits_page(ten, "asked", ten.answer(above(7)).hit, frozenset({"customs_value_usd"}), Order())
    assert page.rows.columns[2] == "customs_value_usd"
    assert page.rows["also_hit_by"].to_list() == ["dear", "dear"]


def test_a_search_takes_words_and_never_patterns():
    evidence = Evidence(history(goods_description=["green TEA (loose)", "coffee", None]), CriteriaSet())
    everything = np.ones(3, dtype=np.bool_)
    found = [
        hits_page(evidence, "x", everything, frozenset(), Order(text=text)).total for text in ("tea (", ".*", "D002")
    ]
    assert found == [1, 0, 1]


@pytest.mark.parametrize("asked", [{}, {"kind": "no such", "page": -3}, {"page": "2", "sort": "no such", "text": None}])
def test_a_request_that_makes_no_sense_gives_the_first_page(ten, asked):
    page = hits_page(ten, "asked", ten.answer(above(2)).hit, frozenset(), Order.of(asked))
    assert page.page == 0
    assert page.rows.height in (0, 7)


def test_every_function_and_word_of_the_language_is_offered():
    offered = {(word.kind, word.label) for word in words({"hs_code": pl.String()}, {"watch.importers": ["A", "B"]})}
    assert {label for kind, label in offered if kind == "function"} == set(FUNCTIONS)
    assert {label for kind, label in offered if kind == "keyword"} == set(KEYWORDS)
    assert ("list", "LIST('watch.importers')") in offered


@pytest.mark.parametrize(
    ("name", "note", "meaning"),
    [
        ("customs_value_usd", "a number, USD", "declared customs value"),
        ("importer_hit_rate", "a number, share", "past controls of the same importer"),
        ("hs6_origin_median_unit_value_usd_per_kg", "a number, USD/kg", "earlier goods of the same hs6, origin"),
        ("transport_mode_declarations", "a number, items", "the same transport mode"),
    ],
)
def test_a_column_is_offered_with_type_unit_and_meaning(name, note, meaning):
    [word] = [word for word in words({name: pl.Float64()}, {}) if word.kind in ("column", "profile")]
    assert word.note == note
    assert word.meaning.endswith(meaning)


def test_units_are_the_schemas_or_those_of_the_name():
    assert [unit_of(name) for name in ("duty_rate", "net_mass_kg_per_quantity", "hs2")] == ["share", "kg/unit", None]


def test_parameters_are_found_outside_of_texts():
    assert parameters_in("a > :x AND b LIKE ':y''s :z' OR c < :_w1 * :x") == ["x", "_w1"]


def test_a_form_gives_back_its_criterion():
    kept = criterion(
        "customs_value_usd > :least",
        owner="unit",
        valid_to=datetime(2030, 1, 1).date(),
        hit_percentage=12.5,
        parameters={"least": 3.5},
        ranges={"least": (1.0, 9.0)},
    )
    assert criterion_of(form_of(kept, kept.id), CriteriaSet((kept,))) == kept


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hit_percentage": "many"}, "a number from 0 to 100"),
        ({"parameters": [{"name": "x", "value": [1], "low": None, "high": None}]}, "a text or a finite number"),
    ],
)
def test_a_form_that_holds_what_it_cannot_is_refused_by_name(change, said):
    with pytest.raises(RefusedCriterionError, match=said):
        criterion_of(form_of(NEW) | {"when": "customs_value_usd > :x"} | change, CriteriaSet())


def test_scripts_never_write_markup_and_load_nothing():
    for script in (files("workbench.criteria_lab") / "assets").iterdir():
        text = script.read_text("utf-8")
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|import\(", text
        )
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|url\(|@import|@font-face", text)


@pytest.fixture(scope="module")
def session(trained_run):
    return open_lab(trained_run.path)


@pytest.fixture
def own_file(trained_run, tmp_path) -> Path:
    """A copy of the run's criteria file, to be written."""
    file = tmp_path / "criteria.toml"
    file.write_bytes((trained_run.path.parent / "criteria.toml").read_bytes())
    return file


def test_a_session_answers_for_every_criterion_of_the_runs_set(session):
    overview = session.overview()
    assert overview["criterion"].to_list() == [one.id for one in session.present.criteria]
    matrix = session.history.hits(session.present).matrix
    assert overview["hits"].to_list() == [int(column.sum() or 0) for column in matrix]


def test_a_shorter_period_counts_only_its_own_days(session):
    month = session.between("2025-03-01", "2025-03-31")
    lodged = session.history.rows["lodged_at"].dt.date()
    assert (
        month.evidence.whole.items == lodged.is_between(datetime(2025, 3, 1).date(), datetime(2025, 3, 31).date()).sum()
    )
    assert month.period.rows["lodged_at"].dt.month().unique().to_list() == [3]


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("1 March", "", "is no day"),
        ("2025-04-01", "2025-03-01", "ends on"),
        ("2031-01-01", "2031-02-01", "No declaration was lodged"),
    ],
)
def test_a_period_without_sense_says_why(session, start, end, said):
    with pytest.raises(SelectivityError, match=said):
        session.between(start, end)


def test_an_unknown_criterion_is_refused_with_a_suggestion(session):
    with pytest.raises(SelectivityError, match="did you mean 'cheap-for-origin'"):
        session.criterion("cheap-for-orign")


def test_a_run_without_a_set_asks_for_a_file(make_run):
    run = make_run(('path = "criteria.toml"', 'path = ""'))
    with pytest.raises(ConfigError, match="Give one"):
        open_lab(run.path)


def test_the_static_form_has_the_same_numbers_and_no_markup_of_strangers(session):
    rows = session.history.rows.with_columns(goods_description=pl.lit(HOSTILE))
    hostile = Evidence(
        History(rows, session.history.columns, session.history.start, session.history.end), session.present
    )

    told = answers_html(replace(session, evidence=hostile), session.criterion())
    assert HOSTILE not in told
    assert "&lt;img src=x onerror=alert(1)&gt;" in told
    assert "<script" not in told
    figures = session.answer(session.criterion()).figures
    assert all(card.value in answers_html(session, session.criterion()) for card in view_of(figures).cards)
    assert str(session.criteria_file) in session_html(session)


def test_without_a_page_the_notebook_gets_tables_and_no_widget(session):
    shown = show(session, "audit-large")
    assert "Large consignment" in shown._repr_html_()
    assert "widget" not in shown._repr_html_()
    assert re.match(r"audit-large: [\d,]+ hits", repr(shown))


def test_a_new_draft_is_added_to_the_file_and_an_old_one_is_changed_in_place(trained_run, own_file):
    session = open_lab(trained_run.path, own_file)
    before = own_file.read_text("utf-8")
    added = save_draft(session, above(50_000, "dear"), base="")
    assert str(own_file) in added.message
    assert added.command == f"workbench criteria draft {own_file} dear --by NAME"
    assert own_file.read_text("utf-8").startswith(before.rstrip())
    session = session.reread()
    save_draft(session, above(60_000, "dear"), base="dear")
    read = {one.id: one for one in CriteriaSet.from_toml(own_file).criteria}
    assert read["dear"].when == "customs_value_usd > 60000"
    assert len(read) == len(session.present.criteria)


def test_a_form_changes_only_what_was_changed_in_it(trained_run, own_file):
    """A whole percentage and the line breaks around a condition survive the way through the form."""
    text = own_file.read_text("utf-8")
    whole = '[[criterion]]\nid = "dear"\ntitle = "Dear"\nwhen = """\ncustoms_value_usd > 50000\n"""\nlane = "yellow"\n'
    own_file.write_text(f"{text.rstrip()}\n\n{whole}hit_percentage = 60\n", "utf-8")
    session = open_lab(trained_run.path, own_file)
    form = form_of(session.criterion("dear"), base="dear") | {"title": "Dear goods", "hit_percentage": "60"}
    saved = save_draft(session, criterion_of(form, session.present), base="dear")
    assert "dear changed (title)." in saved.message
    assert own_file.read_text("utf-8").endswith(whole.replace('"Dear"', '"Dear goods"') + "hit_percentage = 60\n")


def test_an_author_signs_what_is_saved(trained_run, own_file, tmp_path_factory, monkeypatch):
    monkeypatch.setenv("WORKBENCH_KEYS", str(tmp_path_factory.mktemp("private")))
    session = open_lab(trained_run.path, own_file, author="lan")
    unsigned = save_draft(session, above(50_000, "dear"), base="")
    assert "It is not in the journal" in unsigned.message
    assert unsigned.command.endswith("draft " + f"{own_file} dear --by lan")
    new_key("lan", own_file.parent)
    signed = save_draft(session.reread(), above(60_000, "dear"), base="dear")
    assert "signed by lan" in signed.message
    assert signed.command == f"workbench criteria check {own_file} --by lan"


def test_what_somebody_changed_meanwhile_is_not_written_over(trained_run, own_file):
    session = open_lab(trained_run.path, own_file)
    save_draft(session, above(50_000, "dear"), base="")
    changed = session.reread()
    own_file.write_text(own_file.read_text().replace("50000", "55000"))
    before = own_file.read_bytes()
    for stale in (session, changed):
        with pytest.raises(SelectivityError, match="was changed in"):
            save_draft(stale, above(60_000, "dear"), base="dear")
    assert own_file.read_bytes() == before
    save_draft(changed.reread(), above(60_000, "dear"), base="dear")
    assert "60000" in own_file.read_text()


def test_a_draft_never_takes_another_criterions_place(trained_run, own_file):
    session, before = open_lab(trained_run.path, own_file), own_file.read_bytes()
    with pytest.raises(SelectivityError, match="holds a criterion 'audit-large' already"):
        save_draft(session, above(1, "audit-large"), base="cheap-for-origin")
    assert own_file.read_bytes() == before


@pytest.mark.parametrize("when", ["customs_value_us > 1", "", "violation = 1"])
def test_a_faulty_draft_is_not_saved(trained_run, own_file, when):
    session, before = open_lab(trained_run.path, own_file), own_file.read_bytes()
    with pytest.raises(RefusedCriterionError):
        save_draft(session, criterion(when), base="")
    assert own_file.read_bytes() == before


class Shell:
    """What the magic needs of IPython."""

    def __init__(self, **names) -> None:
        self.user_ns, self.magics = names, {}

    def register_magic_function(self, function, kind, name) -> None:
        self.magics[kind, name] = function


@pytest.fixture
def magic(session):
    from workbench.criteria_lab import load_ipython_extension

    shell = Shell(lab=session)
    load_ipython_extension(shell)
    return shell.magics["cell", "criterion"]


def test_the_magic_answers_the_condition_of_its_cell(magic, session):
    shown = magic("dear red --percentage 30 --set floor=50000 --title 'Dear goods'", "customs_value_usd\n> :floor\n")
    asked = shown.criterion
    assert (asked.id, asked.lane, asked.hit_percentage, asked.title) == ("dear", "red", 30.0, "Dear goods")
    assert view_of(session.answer(above(50_000)).figures).cards[0].value in shown._repr_html_()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("dear", "lane"),
        ("dear purple", "purple"),
        ("dear red --percentage many", "many"),
        ("dear red --set floor", "--set floor=0.4"),
        ("dear red --set ceiling=1", "no parameter :ceiling"),
        ("dear 'red", "quotation"),
    ],
)
def test_a_wrong_line_above_the_cell_is_refused_with_what_to_write(magic, line, said):
    with pytest.raises(SelectivityError, match=said):
        magic(line, "customs_value_usd > :floor")


def test_a_fault_in_the_cell_is_shown_with_its_place(magic):
    shown = magic("dear red", "customs_value_usd > 1\nAND hs_cod = '1'")
    assert "line 2, column 5" in repr(shown)
    assert "hs_code" in shown._repr_html_()


@pytest.fixture
def desk(session):
    from workbench.criteria_lab.desk import Desk

    return Desk(session, session.criterion())


def asked(desk, when: str, **fields) -> dict:
    return form_of(NEW) | {"when": when, "serial": 7, "page": {}} | fields


def test_the_desk_answers_a_draft_with_the_serial_of_its_question(desk, session):
    desk.draft = asked(desk, "customs_value_usd > 50000")
    figures = session.answer(above(50_000)).figures
    assert desk.answer["serial"] == 7
    assert [card["value"] for card in desk.answer["view"]["cards"]] == [card.value for card in view_of(figures).cards]
    assert desk.answer["hits"]["total"] == f"{figures.hits.items:,} hits"
    assert json.dumps(desk.answer)


def test_the_desk_shows_faults_and_no_figures(desk):
    desk.draft = asked(desk, "customs_value_usd > :floor")
    assert desk.answer["view"] is None
    assert [fault["code"] for fault in desk.answer["faults"]] == ["unknown_parameter"]
    assert "Parameters" in desk.answer["faults"][0]["suggestion"]
    desk.draft = asked(desk, "x", serial=8, hit_percentage="much")
    assert desk.answer["serial"] == 8
    assert "0 to 100" in desk.answer["faults"][0]["message"]


def test_the_desk_turns_pages_of_the_last_answer(desk):
    desk.draft = asked(desk, "customs_value_usd > 0")
    desk.page_asked = {"serial": 1, "sort": "customs_value_usd", "descending": True, "page": 1}
    assert desk.page["page"] == 1
    assert len(desk.page["rows"]) == ROWS_A_PAGE


def test_the_desk_changes_its_period_and_keeps_the_old_one_after_a_fault(desk):
    desk.period_asked = {"serial": 1, "start": "2025-03-01", "end": "2025-03-31"}
    assert (desk.period["start"], desk.period["fault"]) == ("2025-03-01", "")
    desk.period_asked = {"serial": 2, "start": "2025-05-01", "end": "2025-03-31"}
    assert desk.period["start"] == "2025-03-01"
    assert "ends on" in desk.period["fault"]


QUESTIONS = {
    "draft": "answer",
    "page_asked": "page",
    "sweep_asked": "frontier",
    "save_asked": "saved",
    "period_asked": "period",
}
FORM = form_of(NEW) | {"when": "customs_value_usd > 0"}


def told(reply: dict) -> str:
    """Return what the page shows of a refusal, whatever was asked."""
    faults = [fault["message"] for fault in reply.get("faults", [])]
    return " ".join([*faults, *(str(reply.get(name, "")) for name in ("fault", "message", "note", "total"))]).strip()


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("message", ["text", [1], 5, None, True])
def test_what_is_no_message_at_all_is_answered_with_a_fault(desk, question, message):
    setattr(desk, question, message)
    assert "does not understand" in told(getattr(desk, QUESTIONS[question]))


@pytest.mark.parametrize(
    ("question", "message", "said"),
    [
        ("page_asked", {}, "There are no hits to show yet"),
        ("page_asked", {"page": "x"}, "'page' is of the type str"),
        ("page_asked", {"kind": []}, "'kind' is of the type list"),
        ("period_asked", {"end": ""}, "has no 'start'"),
        ("period_asked", {"start": 1, "end": ""}, "'start' is of the type int"),
        ("period_asked", {"start": "", "end": "9999-12-31"}, "no day of declarations"),
        ("period_asked", {"start": "0001-01-01", "end": ""}, "no day of declarations"),
        *((question, {}, "has no 'base'") for question in ("draft", "sweep_asked", "save_asked")),
        *((name, FORM | {"parameters": "abc"}, "'parameters' is of the type str") for name in ("draft", "save_asked")),
        ("draft", FORM | {"parameters": ["a"]}, "a message is of the type str"),
        ("draft", FORM | {"parameters": [{"value": 1}]}, "has no 'name'"),
        ("draft", FORM | {"page": "x"}, "'page' is of the type str"),
        ("draft", FORM | {"page": {"page": "x"}}, "'page' is of the type str"),
        ("draft", FORM | {"when": None}, "'when' is nothing"),
    ],
)
def test_a_malformed_message_is_answered_with_what_is_wrong_with_it(desk, question, message, said):
    setattr(desk, question, message | {"serial": 5})
    reply = getattr(desk, QUESTIONS[question])
    assert reply["serial"] == 5
    assert said in told(reply)
    assert json.dumps(reply)


@pytest.mark.parametrize("limits", [(8, 1), (-1e308, 1e308)])
def test_a_range_that_cannot_be_walked_gives_a_chart_without_points(desk, limits):
    parameters = [{"name": "floor", "value": 4, "low": limits[0], "high": limits[1]}]
    desk.sweep_asked = FORM | {"when": "customs_value_usd > :floor", "parameters": parameters, "serial": 3}
    assert desk.frontier == {"points": [], "note": "The condition has faults.", "serial": 3}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_defect_is_answered_too_and_leaves_its_trace_in_the_log(desk, question, monkeypatch, caplog):
    monkeypatch.setattr("workbench.criteria_lab.desk.checked", lambda *_: 1 / 0)
    monkeypatch.setattr("workbench.criteria_lab.desk.form_in", lambda *_: 1 / 0)
    with caplog.at_level("ERROR"):
        setattr(desk, question, {"serial": 9})
    reply = getattr(desk, QUESTIONS[question])
    assert reply["serial"] == 9
    assert "could not be answered (ZeroDivisionError" in told(reply)


def test_after_a_malformed_message_the_desk_answers_as_before(desk):
    desk.draft = {"serial": 1}
    desk.draft = asked(desk, "customs_value_usd > 50000")
    assert desk.answer["view"]["cards"]


def test_the_desk_saves_and_offers_what_it_saved(trained_run, own_file):
    from workbench.criteria_lab.desk import Desk

    desk = Desk(open_lab(trained_run.path, own_file))
    desk.save_asked = asked(desk, "customs_value_usd > 70000", id="dear")
    assert desk.saved["saved"]
    assert desk.criteria[-1]["id"] == desk.saved["base"] == "dear"
    desk.save_asked = asked(desk, "customs_value_usd > 70000", id="dear", serial=8)
    assert not desk.saved["saved"]
    assert "holds a criterion 'dear' already" in desk.saved["message"]


def test_a_widget_carries_the_tables_for_pages_that_cannot_show_it(desk):
    data, _ = desk._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "<table>" in data["text/html"]


@pytest.mark.parametrize(
    ("metadata", "there"),
    [({"cellId": "7f3a"}, True), ({}, False)],
    ids=["JupyterLab names the cell", "nbclient does not"],
)
def test_a_page_is_where_the_request_names_a_cell(monkeypatch, metadata, there):
    shell = SimpleNamespace(kernel=SimpleNamespace(get_parent=lambda channel: {"metadata": metadata}))
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: shell)
    assert has_page() is there


def test_outside_of_a_kernel_there_is_no_page():
    assert not has_page()


def tunable(**ranges: tuple[float, float]) -> Criterion:
    return criterion("customs_value_usd > :floor", parameters={"floor": 4.0}, ranges=ranges, hit_percentage=50)


def test_each_point_of_the_chart_has_the_figures_of_the_criterion_with_its_values(ten):
    points = frontier_of(tunable(floor=(1.0, 8.0)), ten)["points"]
    assert len(points) > 5
    for point in points:
        hits = ten.answer(above(point["values"]["floor"])).figures.hits
        assert (point["x"], point["y"]) == (hits.declarations / 2, hits.violations)


def test_the_present_setting_is_on_the_chart_and_the_line_rises(ten):
    points = frontier_of(tunable(floor=(0.5, 9.0)), ten)["points"]
    assert [point["values"] for point in points if point["current"]] == [{"floor": 4.0}]
    line = sorted((point["x"], point["y"]) for point in points if point["frontier"])
    assert [violations for _, violations in line] == sorted(violations for _, violations in line)


def test_the_first_two_numbers_are_swept_and_the_note_names_the_others(ten):
    when = "customs_value_usd > :a AND customs_value_usd < :b AND customs_value_usd <> :c AND importer_id <> :word"
    chart = frontier_of(criterion(when, parameters={"word": "x", "a": 1.0, "b": 9.0, "c": 5.0}), ten)
    assert set(chart["points"][0]["values"]) == {"a", "b"}
    assert ":c kept" in chart["note"]


def test_without_a_number_there_is_nothing_to_sweep(ten):
    assert frontier_of(criterion("importer_id <> :word", parameters={"word": "x"}), ten)["points"] == []
