"""Notebooks are thin: a heading, one cell of typed parameters, calls into the package, and nothing that ran."""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path

import nbformat
import pytest

from workbench.config import load_pipeline
from workbench.runner import read_contract
from workbench.runner.plan import fill_steps, read_contracts

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PIPELINES = sorted((ROOT / "pipelines").glob("*.toml"))
REQUIRED = {"kcs": {"train": "train.csv", "valid": "valid.csv"}}
"""What must be given to a pipeline; the files need not exist for it to load."""

MAX_LINES = 12
ALLOWED_IMPORTS = {"workbench", "polars", *sys.stdlib_module_names}

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
each_pipeline = pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def nodes(path: Path) -> list[ast.AST]:
    return [node for cell in code_cells(path) for node in ast.walk(ast.parse(cell.source))]


def test_there_are_notebooks_and_pipelines():
    assert {"10_prepare", "20_train", "30_evaluate", "40_explain", "50_select", "60_report", "70_export"} <= {
        path.stem for path in NOTEBOOKS
    }
    assert {"declarations", "kcs"} <= {path.stem for path in PIPELINES}


@each_notebook
def test_it_is_valid_and_was_saved_without_results(path):
    notebook = read(path)
    nbformat.validate(notebook)
    assert [cell.outputs for cell in code_cells(path) if cell.outputs] == []
    assert [cell.execution_count for cell in code_cells(path) if cell.execution_count is not None] == []
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}


@each_notebook
def test_it_defines_nothing(path):
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    assert [ast.unparse(node) for node in nodes(path) if isinstance(node, definitions)] == []


@each_notebook
def test_its_cells_are_short(path):
    assert [cell.source for cell in code_cells(path) if len(cell.source.splitlines()) > MAX_LINES] == []


@each_notebook
def test_it_runs_no_magic_and_no_shell(path):
    assert [cell.source for cell in code_cells(path) if re.search(r"^\s*[%!]", cell.source, re.MULTILINE)] == []


@each_notebook
def test_it_imports_the_package_polars_and_the_standard_library_only(path):
    imported = {
        name.split(".")[0]
        for node in nodes(path)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert imported <= ALLOWED_IMPORTS


@each_notebook
def test_its_contract_is_read_without_running_it(path):
    contract = read_contract(path)
    assert "run_dir" in contract.parameters
    assert all(parameter.help for parameter in contract.parameters.values())


@each_notebook
def test_its_parameters_come_before_any_code(path):
    tagged = ["parameters" in cell.metadata.get("tags", []) for cell in code_cells(path)]
    assert tagged == [True] + [False] * (len(tagged) - 1)


@each_notebook
def test_it_opens_with_its_title(path):
    first = read(path).cells[0]
    number, _, name = path.stem.partition("_")
    assert first.cell_type == "markdown"
    title = re.match(r"# (.+)\n", first.source)
    assert title
    if number.isdigit():
        assert title[1].lower().startswith(f"{number} {name.replace('_', ' ')}")


@each_notebook
def test_its_headings_stand_at_the_start_of_their_cells(path):
    texts = [cell.source for cell in read(path).cells if cell.cell_type == "markdown"]
    assert [text for text in texts if re.search(r"^.+#+ ", text, re.MULTILINE) and not text.startswith("#")] == []


@each_notebook
def test_the_ids_of_its_cells_are_stable_names(path):
    prefix = path.stem.partition("_")[0]
    raw = json.loads(path.read_text("utf-8"))
    ids = [cell["id"] for cell in raw["cells"]]
    assert ids == sorted(set(ids))
    assert all(re.fullmatch(rf"{re.escape(prefix)}-\d\d[a-z]?", name) for name in ids)


@each_pipeline
def test_a_pipeline_loads_and_every_step_takes_what_it_is_given(path):
    pipeline = load_pipeline(path, REQUIRED.get(path.stem, {}))
    contracts = read_contracts(pipeline.steps, ROOT / "notebooks")
    assert pipeline.programme.name == path.stem
    assert len(fill_steps(pipeline.steps, contracts, {})) == len(pipeline.steps)


@each_pipeline
def test_a_pipelines_files_exist(path):
    pipeline = load_pipeline(path, REQUIRED.get(path.stem, {}))
    assert pipeline.resolve(pipeline.source.mapping).is_file()
    assert not pipeline.criteria.path or pipeline.resolve(pipeline.criteria.path).is_file()


@each_pipeline
def test_a_pipelines_steps_are_in_the_order_of_their_numbers(path):
    steps = [step.notebook for step in load_pipeline(path, REQUIRED.get(path.stem, {})).steps]
    assert steps == sorted(steps)
