"""The criteria lab in a real JupyterLab, in a real browser: typed, answered, tuned, sorted and saved."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import nbformat
import polars as pl
import pytest

from workbench import lab
from workbench.criteria_lab import open_lab
from workbench.criteria_lab.answers import Answers
from workbench.criteria_lab.view import view_of
from workbench.runner.kernels import execute
from workbench.scorer.criteria import CriteriaSet, Criterion
from workbench.stages.folder import RunFolder
from workbench.stages.prepare import prepare
from workbench.stages.training import train_and_judge

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium")
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><b>tea</b>"
TOKEN = "of-this-test-only"

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Project:
    """A folder like a user's: a notebook, a finished run, a criteria file."""

    folder: Path

    @property
    def run(self) -> Path:
        return self.folder / "runs" / "latest"

    @property
    def criteria_file(self) -> Path:
        return self.folder / "criteria.toml"


@pytest.fixture(scope="module")
def project(make_run, small_world, tmp_path_factory) -> Project:
    declarations = small_world.declarations
    hostile = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit(HOSTILE)).otherwise("goods_description")
    run = make_run(declarations=declarations.with_columns(goods_description=hostile))
    prepare(run, as_of=datetime(2030, 1, 1))
    train_and_judge(run)
    folder = tmp_path_factory.mktemp("lab")
    (folder / "notebooks").mkdir()
    (folder / "runs").mkdir()
    shutil.copy(ROOT / "notebooks" / "criteria_lab.ipynb", folder / "notebooks")
    shutil.copy(run.path.parent / "criteria.toml", folder)
    pipeline = run.pipeline.model_copy(
        update={"criteria": run.pipeline.criteria.model_copy(update={"path": str(folder / "criteria.toml")})}
    )
    RunFolder.create(folder / "runs" / "latest", pipeline)
    for part in ("data", "models", "data.json"):
        target = folder / "runs" / "latest" / part
        (shutil.copytree if (run.path / part).is_dir() else shutil.copy)(run.path / part, target)
    return Project(folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def jupyter(project: Project) -> Iterator[str]:
    """Serve the project as `workbench lab` does, with nothing of the user's own settings; give its address."""
    port = free_port()
    own = {name: str(project.folder / ".jupyter" / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")}
    own |= {"IPYTHONDIR": str(project.folder / ".ipython"), "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "2"}
    with lab._settings() as settings:
        command = lab._jupyter_command(port, open_browser=False)
        environment = {**lab._environment(settings, TOKEN), **own}
        log = (project.folder / "jupyter.log").open("wb")
        server = subprocess.Popen(command, cwd=project.folder, env=environment, stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/api", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(20)
            log.close()


def wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert server.poll() is None, "JupyterLab ended by itself"
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("JupyterLab did not answer within 30 s")


@contextmanager
def opened_notebook(address: str) -> Iterator:
    """Open the notebook in a browser, run all its cells, and give the page once the desk has answered."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1800})
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(f"{address}/lab/tree/notebooks/criteria_lab.ipynb?token={TOKEN}")
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        page.locator(".wb-desk .card").first.wait_for(timeout=60_000)
        yield page
        browser.close()


@pytest.fixture(scope="module")
def page(project) -> Iterator:
    if CHROMIUM is None and "CI" not in os.environ:
        pytest.skip("There is no chromium on this machine.")
    with jupyter(project) as address, opened_notebook(address) as found:
        yield found


@pytest.fixture(scope="module")
def session(project):
    return open_lab(project.run)


def figure(page, key: str) -> str:
    return str(page.locator(f".wb-desk .card[data-key={key}] .value").inner_text())


def expected(answers: Answers, key: str) -> str:
    assert answers.figures is not None
    return next(card.value for card in view_of(answers.figures).cards if card.key == key)


def settled(page) -> None:
    """Wait until the desk has answered the last edit."""
    page.wait_for_timeout(250)
    page.locator(".wb-desk:not(.busy)").wait_for()


def write_condition(page, when: str) -> None:
    page.get_by_label("Condition", exact=True).fill(when)
    page.keyboard.press("Escape")
    settled(page)


def assert_figures_are_those_of(page, answers: Answers) -> None:
    for key in ("hits", "hit_rate", "violations", "not_evaluable", "beyond_set", "beyond_model"):
        assert figure(page, key) == expected(answers, key), key


def type_keys(page, area, text: str) -> None:
    """Press the keys of a text one by one, as a person does."""
    area.click()
    for key in text:
        page.keyboard.press({"\n": "Enter", "\t": "Tab"}.get(key, key))


def test_the_desk_opens_on_the_first_criterion_with_its_numbers(page, session):
    assert_figures_are_those_of(page, session.answer(session.criterion()))
    assert page.get_by_label("Id", exact=True).input_value() == session.criterion().id
    assert not page.errors


def test_a_typed_condition_is_answered_with_the_numbers_that_python_gives(page, session):
    page.get_by_label("Start from").select_option("")
    write_condition(page, "customs_value_usd > 90000 AND duty_rate > 0.05")
    typed = Criterion("new-criterion", "", "customs_value_usd > 90000 AND duty_rate > 0.05", "yellow")
    assert_figures_are_those_of(page, session.answer(typed))
    page.get_by_label("Condition", exact=True).press_sequentially(" AND net_mass_kg > 500", delay=5)
    settled(page)
    typed = Criterion("new-criterion", "", f"{typed.when} AND net_mass_kg > 500", "yellow")
    assert_figures_are_those_of(page, session.answer(typed))


def test_a_fault_is_shown_at_its_place_with_a_suggestion(page):
    write_condition(page, "customs_value_usd > 1\nAND importer = 'x'")
    assert page.locator(".wb-desk .faults li").inner_text().startswith("line 2, column 5")
    assert "importer_id" in page.locator(".wb-desk .faults .advice").inner_text()
    assert page.locator(".wb-desk .mirror .wrong").inner_text() == "importer"
    assert page.locator(".wb-desk .card").count() == 0
    page.locator(".wb-desk .faults .place").click()
    assert page.evaluate("document.activeElement.selectionStart") == len("customs_value_usd > 1\nAND ")


def test_completion_is_worked_by_the_keyboard_and_tells_the_meaning(page):
    area = page.get_by_label("Condition", exact=True)
    area.fill("")
    area.press_sequentially("hs6_origin_med")
    options = page.get_by_role("listbox", name="Completions").get_by_role("option")
    assert area.get_attribute("aria-expanded") == "true"
    assert options.first.get_attribute("aria-selected") is None
    assert "median of unit value" in options.first.inner_text()
    area.press("ArrowDown")
    assert options.first.get_attribute("aria-selected") == "true"
    area.press("Enter")
    assert area.input_value() == "hs6_origin_median_unit_value_usd_per_kg"
    assert area.get_attribute("aria-expanded") == "false"
    area.press("Tab")
    assert page.evaluate("document.activeElement.tagName") != "TEXTAREA"  # no trap for the keyboard


def test_enter_ends_a_line_and_tab_takes_the_first(page):
    area = page.get_by_label("Condition", exact=True)
    area.fill("")
    type_keys(page, area, "duty_rate > 0.1 or\norig\nimporter_decl\t")
    assert area.input_value() == "duty_rate > 0.1 or\norig\nimporter_declarations"


def test_a_condition_of_two_lines_and_its_reason_can_be_typed_key_by_key(page, session):
    page.get_by_label("Start from").select_option(label="New criterion")
    area, reason = page.get_by_label("Condition", exact=True), page.get_by_label("Reason shown to the officer")
    when = "customs_value_usd > 90000 AND duty_rate > 0.05\nAND net_mass_kg > 500"
    page.locator(".jp-Notebook .jp-CodeCell").first.click(position={"x": 4, "y": 4})
    type_keys(page, area, when)
    type_keys(page, reason, "Dear goods.\nLook at the papers.")
    settled(page)
    assert (area.input_value(), reason.input_value()) == (when, "Dear goods.\nLook at the papers.")
    assert_figures_are_those_of(page, session.answer(Criterion("new-criterion", "", when, "yellow")))
    page.keyboard.press("Control+z")
    assert reason.input_value() != "Dear goods.\nLook at the papers."


def test_a_parameter_without_a_value_is_marked_where_it_stands(page):
    write_condition(page, "customs_value_usd > 1\nAND duty_rate > :most")
    assert page.locator(".wb-desk .faults .place").inner_text() == "line 2, column 17"
    assert page.locator(".wb-desk .mirror .wrong").inner_text() == ":most"


def test_keys_pressed_on_a_control_are_never_commands_of_the_notebook(page):
    page.get_by_label("Start from").select_option("cheap-for-origin")
    settled(page)
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    slider = page.locator(".wb-desk input[type=range][data-parameter=share]")
    before = float(slider.input_value())
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert float(slider.input_value()) > before
    save = page.get_by_role("button", name="Save as draft")
    shown, folded = page.get_by_label("Show", exact=True), page.locator(".wb-desk summary")
    dot = page.locator(".wb-desk .picture .dot[tabindex]").first
    for control in (
        slider,
        page.get_by_label("Lane"),
        shown,
        save,
        folded,
        page.locator(".wb-desk .hits th button").first,
        dot,
    ):
        control.focus()
        for key in ("x", "b", "a", "m", "d", "d", "Shift+m"):
            page.keyboard.press(key)
        page.wait_for_timeout(100)
        assert page.locator(".jp-Notebook .jp-Cell").count() == cells
        assert page.locator(".wb-desk .card").count() > 0


def test_a_slider_changes_the_numbers_and_the_frontier_stands_beside(page, session):
    page.get_by_label("Start from").select_option("cheap-for-origin")
    settled(page)
    slider = page.locator(".wb-desk input[type=range][data-parameter=share]")
    slider.evaluate("(one) => { one.value = 0.7; one.dispatchEvent(new Event('input', { bubbles: true })); }")
    settled(page)
    value = float(page.get_by_label("Value of :share", exact=True).input_value())
    moved = replace(session.criterion(), id="moved", parameters={"share": value}, ranges={})
    assert value == pytest.approx(0.7, abs=0.01)
    assert (
        figure(page, "hits")
        == expected(session.answer(moved), "hits")
        != expected(session.answer(session.criterion()), "hits")
    )
    dots = page.locator(".wb-desk .picture .dot")
    dots.first.wait_for()
    assert dots.count() > 5


def test_a_stranger_s_text_stays_text(page):
    write_condition(page, "customs_value_usd > 1000")
    cells = page.locator(".wb-desk .hits td.wide")
    assert HOSTILE in cells.all_inner_texts()
    assert page.locator(".wb-desk img, .wb-desk td b").count() == 0
    assert page.title() != "owned"


def test_the_hits_are_sorted_and_searched_over_all_pages(page, session):
    write_condition(page, "customs_value_usd > 1000")
    hits = session.period.rows.filter(pl.col("customs_value_usd") > 1000)
    head = page.locator(".wb-desk .hits th[data-column=customs_value_usd]")
    head.get_by_role("button").click()
    page.locator(".wb-desk .hits th[data-column=customs_value_usd][aria-sort=ascending]").wait_for()
    head.get_by_role("button").click()
    page.locator(".wb-desk .hits th[data-column=customs_value_usd][aria-sort=descending]").wait_for()
    first = page.locator(".wb-desk .hits tbody tr").first.locator("td").all_inner_texts()
    assert hits.sort("customs_value_usd", descending=True)["declaration_id"][0] == first[0]
    page.get_by_label("Show", exact=True).select_option("violations")
    found = hits.filter(pl.col("violation") == 1).height
    page.locator(".wb-desk .count", has_text=f"{found:,} hits").wait_for()


def test_a_saved_draft_is_in_the_file_and_the_next_command_is_told(page, project):
    before = project.criteria_file.read_text("utf-8")
    page.get_by_label("Start from").select_option("")
    page.get_by_label("Id", exact=True).fill("dear-and-dutiable")
    page.get_by_label("Title").fill("Dear and dutiable")
    write_condition(page, "customs_value_usd > :floor AND duty_rate > 0.1")
    page.get_by_text("Owner, legal basis, instruction").click()
    page.get_by_label("Owner").fill("valuation unit")
    page.get_by_label("Legal basis").fill("Customs Law, article 86")
    page.get_by_label("Instruction to the examiner").fill("Ask for the invoice.")
    page.get_by_label("Value of :floor", exact=True).fill("75000")
    page.get_by_label("Value of :floor", exact=True).press("Enter")
    settled(page)
    page.get_by_role("button", name="Save as draft").click()
    saved = page.locator(".wb-desk .saved .good")
    saved.wait_for()
    assert str(project.criteria_file) in saved.inner_text()
    assert re.search(r"workbench criteria \w+ ", page.locator(".wb-desk .saved code").inner_text())
    assert project.criteria_file.read_text("utf-8").startswith(before.rstrip())
    read = {one.id: one for one in CriteriaSet.from_toml(project.criteria_file).criteria}["dear-and-dutiable"]
    assert (read.when, read.parameters["floor"]) == ("customs_value_usd > :floor AND duty_rate > 0.1", 75000)
    assert (read.owner, read.legal_basis) == ("valuation unit", "Customs Law, article 86")
    assert read.instruction == "Ask for the invoice."
    assert page.get_by_label("Start from").input_value() == "dear-and-dutiable"
    assert not page.errors


def test_the_magic_is_there_without_being_loaded(page):
    last = page.locator(".jp-Notebook .jp-Cell").last
    last.scroll_into_view_if_needed()
    last.click()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.insert_text("%%criterion dear yellow --set floor=75000\ncustoms_value_usd > :floor")
    page.keyboard.press("Control+Enter")
    page.locator(".jp-CodeCell").last.get_by_text("95 % interval").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    page.keyboard.press("d")


@pytest.mark.parametrize("width", [1280, 500])
def test_nothing_is_cut_off_at_any_width(page, width):
    page.set_viewport_size({"width": width, "height": 1800})
    sidebar = page.locator(".jp-SideBar [data-id=filebrowser]")
    if width < 800 and sidebar.get_attribute("aria-selected") == "true":
        sidebar.click()
    settled(page)
    cut = page.evaluate(
        "[...document.querySelectorAll('.wb-desk, .wb-desk section, .wb-desk .field, .wb-desk .card')]"
        ".filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.className)"
    )
    assert cut == []
    table = page.locator(".wb-desk .hits-panel .scroll")
    table.evaluate("(box) => { box.scrollLeft = 0; }")
    hint = page.get_by_text("scroll the table sideways")
    assert hint.is_visible() == table.evaluate("(box) => box.scrollWidth > box.clientWidth + 1")
    table.evaluate("(box) => { box.scrollLeft = box.scrollWidth; }")
    hint.wait_for(state="hidden")


def test_papermill_gets_the_same_answers_as_tables_and_no_widget(project, session):
    output = project.folder / "executed.ipynb"
    parameters = {"run_dir": str(project.run), "criteria_file": str(project.criteria_file)}
    notebook, log = project.folder / "notebooks" / "criteria_lab.ipynb", project.folder / "papermill.log"
    execute(notebook, output, log, parameters, run_dir=project.folder, step="lab", on_cell=lambda cell: None)
    executed = nbformat.read(output, as_version=4)
    shown = [out.data for cell in executed.cells for out in cell.get("outputs", []) if "data" in out]
    assert len(shown) == 3
    assert not any("widget" in kind for data in shown for kind in data)
    assert "widgets" not in executed.metadata
    assert expected(session.answer(session.criterion()), "hits") in shown[1]["text/html"]
    assert "known for controlled goods only" in shown[2]["text/html"]
