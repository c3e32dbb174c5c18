"""The rules of the house, read off the source: who imports whom, where heavy libraries live, what is never called."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "workbench"

SUPPORT = ("errors", "config", "progress", "locks", "chain")
"""The support row: it reads the scoring runtime, and every other layer may import it."""

ORDER = (
    "scorer",
    "synthetic",
    "sources",
    "declarations",
    "timeline",
    "features",
    "model",
    "baselines",
    "selection",
    "random_arm",
    "evaluation",
    "estimates",
    "criteria",
    "selected_labels",
    "drift",
    "simulation",
    "planning",
    "explain",
    "plots",
    "bundle",
    "reports",
    "stages",
    "serving",
    "tuning",
    "mlflow_model",
    "tracking",
    "runner",
    "daily",
    "criteria_lab",
    "lab",
    "cli",
)
"""The layers in the order of the data: each imports from those before it and from the support row only."""

RUNTIME_LIBRARIES = {"numpy", "polars", "sqlglot", "xgboost"}
"""What the exported wheel may need; the package's own metadata says the same."""

ONE_PLACE = {
    "pandas": {"mlflow_model", "tracking"},
    "sklearn": {"model", "baselines", "planning"},
    "xgboost": {"scorer.risk.riskmodel", "model", "criteria.mining", "drift", "simulation.learner"},
    "sqlglot": {"scorer.expressions"},
    "shap": {"plots"},
    "plotly": {"plots"},
    "matplotlib": {"plots", "reports"},
    "jinja2": {"reports.html"},
    "mlflow": {"tracking", "mlflow_model"},
    "papermill": {"runner.kernels"},
    "nbclient": {"runner.kernels"},
    "jupyter_client": {"runner.kernels"},
    "nbformat": {"runner.contracts"},
    "optuna": {"tuning"},
    "dask": {"simulation.parallel"},
    "distributed": {"simulation.parallel"},
    "tomlkit": {"tuning", "criteria.editing"},
    "cryptography": {"criteria.lifecycle"},
    "traitlets": {"criteria_lab"},
    "anywidget": {"criteria_lab"},
    "IPython": {"criteria_lab"},
    "sqlalchemy": {"sources", "tracking.store"},
    "flit_core": {"bundle"},
    "rich": {"progress", "runner"},
    "typer": {"cli"},
}
"""Where each heavy library may be imported: a module, or a package with all that is in it."""

SLOW_TO_IMPORT = {*ONE_PLACE, "polars", "numpy", "pydantic", "pyarrow"} - {"typer", "rich"}
"""What neither `import workbench` nor `workbench --help` may load; the command line itself is made of typer."""

SPEAKS_TO_THE_TERMINAL = {"cli", "lab", "scorer.__main__"}

CODE_RUNNERS = {"eval", "exec", "compile", "__import__"}
PICKLES = {"pickle", "joblib", "cloudpickle", "dill", "shelve", "marshal"}
SQL_READERS = {"sql_expr", "SQLContext"}
"""Polars' own SQL reads files: criteria go through the checked compiler instead."""

MOMENTS = {"lodged_at", "label_known_at"}
MAY_COMPARE_MOMENTS = {
    "timeline": "the one place that cuts by time",
    "scorer.intake.checks": "finds impossible dates in a row; keeps or quarantines it, cuts nothing",
    "scorer.criteria.criterion": "validity dates of a criterion are part of its condition",
    "synthetic.drift_events": "plants an event from a moment on: it makes a world, and learns nothing from it",
}


@cache
def modules() -> dict[str, ast.Module]:
    """Return the parsed source of every module by its dotted name below the package; `` is the package itself."""
    files = sorted(PACKAGE.rglob("*.py"))
    return {_dotted(file): ast.parse(file.read_text("utf-8"), str(file)) for file in files}


def _dotted(file: Path) -> str:
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(module: str) -> Iterator[tuple[int, str]]:
    """Yield line and absolute name of everything that `module` imports, inside functions too."""
    is_package = (PACKAGE / Path(*module.split(".")) / "__init__.py").is_file()
    here = ["workbench", *filter(None, module.split("."))]
    for node in ast.walk(modules()[module]):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = node.level - is_package
            base = [*here[: len(here) - up], *filter(None, [node.module])] if node.level else [node.module or ""]
            yield from ((node.lineno, ".".join([*base, name.name])) for name in node.names)


def within(module: str, places: set[str] | dict[str, str]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def rank(layer: str) -> int:
    """Return how late a layer comes; the support row stands right after the runtime."""
    return 0.5 if layer in SUPPORT else ORDER.index(layer)


def test_every_module_has_its_place_in_the_order():
    layers = {module.partition(".")[0] for module in modules()} - {"", "__main__"}
    assert layers == {*ORDER, *SUPPORT}


def test_modules_import_only_from_the_layers_before_them():
    faults = []
    for module in modules():
        layer = module.partition(".")[0]
        for line, name in imports(module):
            parts = name.split(".")
            if parts[0] != "workbench" or name == "workbench.__version__" or not layer:
                continue
            used = parts[1] if len(parts) > 1 else ""
            allowed = used == layer or used in SUPPORT or (used in ORDER and rank(used) < rank(layer))
            if not allowed or (layer in SUPPORT and used not in {*SUPPORT, "scorer"}):
                faults.append(f"{module}:{line} imports {name}")
    assert not faults


def test_the_runtime_knows_nothing_of_the_workbench():
    allowed = RUNTIME_LIBRARIES | sys.stdlib_module_names
    faults = [
        f"{module}:{node.lineno}"
        for module in modules()
        if within(module, {"scorer"})
        for node in ast.walk(modules()[module])
        if (isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").split(".")[0] not in allowed)
        or (isinstance(node, ast.Import) and any(name.name.split(".")[0] not in allowed for name in node.names))
    ]
    assert not faults


def test_the_runtimes_relative_imports_stay_inside_it():
    assert all(
        name.startswith("workbench.scorer") or not name.startswith("workbench")
        for module in modules()
        if within(module, {"scorer"})
        for _, name in imports(module)
    )


def test_each_heavy_library_is_imported_in_its_one_place():
    faults = [
        f"{module}:{line} imports {name}"
        for module in modules()
        for line, name in imports(module)
        if (library := name.split(".")[0]) in ONE_PLACE and not within(module, ONE_PLACE[library])
    ]
    assert not faults


def test_no_place_is_kept_for_a_library_that_is_not_imported_there():
    used = {(name.split(".")[0], module) for module in modules() for _, name in imports(module)}
    kept = [(library, place) for library, places in ONE_PLACE.items() for place in places]
    idle = [pair for pair in kept if not any(lib == pair[0] and within(mod, {pair[1]}) for lib, mod in used)]
    assert not idle


def test_every_imported_library_is_a_declared_requirement():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    runtime_extras = chain(*(project["optional-dependencies"][extra] for extra in ("train", "lab")))
    declared = {canonicalize_name(Requirement(text).name) for text in [*project["dependencies"], *runtime_extras]}
    imported = {name.split(".")[0] for module in modules() for _, name in imports(module)}
    distributions = packages_distributions()
    undeclared = {
        library
        for library in imported - sys.stdlib_module_names - {"workbench"}
        if not declared & {canonicalize_name(name) for name in distributions.get(library, [library])}
    }
    assert not undeclared


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("import workbench", id="import"),
        pytest.param(
            "import contextlib, io; sys.argv = ['workbench', '--help']\n"
            "from workbench.cli import main\n"
            "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): main()",
            id="help",
        ),
    ],
)
def test_heavy_libraries_are_loaded_only_when_they_are_needed(program):
    code = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})\n{program}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "workbench" in done.stdout.split()
    assert not SLOW_TO_IMPORT & set(done.stdout.split())


def calls(module: str) -> Iterator[tuple[int, str, bool]]:
    """Yield line, name and whether it is a bare name, of everything that `module` calls."""
    for node in ast.walk(modules()[module]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.lineno, node.func.id, True
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.lineno, node.func.attr, False


def test_only_commands_print():
    faults = [
        f"{module}:{line}"
        for module in modules()
        if not within(module, SPEAKS_TO_THE_TERMINAL)
        for line, name, bare in calls(module)
        if bare and name == "print"
    ]
    assert not faults


def test_nothing_is_pickled():
    faults = [
        f"{module}:{line} imports {name}"
        for module in modules()
        for line, name in imports(module)
        if name.split(".")[0] in PICKLES
    ]
    assert not faults


def test_no_text_is_run_as_code():
    faults = [
        f"{module}:{line} calls {name}"
        for module in modules()
        for line, name, bare in calls(module)
        if (bare and name in CODE_RUNNERS) or name in SQL_READERS
    ]
    assert not faults


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _mentions(node: ast.AST, names: set[str]) -> bool:
    return any(
        (isinstance(part, ast.Constant) and part.value in MOMENTS) or (isinstance(part, ast.Name) and part.id in names)
        for part in ast.walk(node)
    )


def _names_of_moments(function: ast.AST) -> set[str]:
    """Return the local names that hold a moment's column: of a tuple of values, those at the moments' places."""
    found: set[str] = set()
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign):
            continue
        target, value = node.targets[0], node.value
        paired = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
        for name, part in zip(target.elts, value.elts, strict=True) if paired else [(target, value)]:
            if isinstance(name, ast.Name) and _mentions(part, found):
                found.add(name.id)
    return found


def comparisons_of_moments(tree: ast.AST) -> list[int]:
    """Return the lines that order rows by a moment: `<`, `is_between`, `join_asof` and their like."""
    ordering = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
    methods = {"is_between", "lt", "le", "gt", "ge", "join_asof", "rolling"}
    lines: set[int] = set()
    for function in functions(tree):
        names = _names_of_moments(function)
        for node in ast.walk(function):
            compares = isinstance(node, ast.Compare) and any(isinstance(op, ordering) for op in node.ops)
            method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods
            if (compares or method) and _mentions(node, names):
                lines.add(node.lineno)
    return sorted(lines)


def test_only_the_timeline_cuts_by_time():
    found = {module: lines for module, tree in modules().items() if (lines := comparisons_of_moments(tree))}
    assert {module: lines for module, lines in found.items() if not within(module, MAY_COMPARE_MOMENTS)} == {}


def test_what_may_compare_moments_still_does():
    comparing = [module for module, tree in modules().items() if comparisons_of_moments(tree)]
    assert [place for place in MAY_COMPARE_MOMENTS if not any(within(module, {place}) for module in comparing)] == []


@pytest.mark.parametrize(
    "source",
    [
        "def f(t, m): return t.filter(pl.col('lodged_at') < m)",
        "def f(t, m):\n    at = pl.col('label_known_at')\n    return t.filter(at >= m)",
        "def f(t, a, b): return t.filter(pl.col('lodged_at').is_between(a, b))",
    ],
)
def test_a_cut_by_time_is_seen(source):
    assert comparisons_of_moments(ast.parse(source))


def test_a_comparison_of_something_else_is_no_cut():
    source = "def f(t, m):\n    at, mass = pl.col('lodged_at'), pl.col('net_mass_kg')\n    return t.filter(mass > m)"
    assert comparisons_of_moments(ast.parse(source)) == []


def documented_parameters(docstring: str) -> list[str] | None:
    """Return the names under the numpydoc heading `Parameters`, or nothing where there is no such heading."""
    lines = docstring.splitlines()
    underlined = [n for n in range(len(lines) - 1) if lines[n] == "Parameters" and set(lines[n + 1]) == {"-"}]
    if not underlined:
        return None
    names: list[str] = []
    for line, following in zip(lines[underlined[0] + 2 :], [*lines[underlined[0] + 3 :], ""], strict=True):
        if not line or (following and set(following) == {"-"}):
            break
        if not line.startswith(" "):
            names += [name.strip().lstrip("*") for name in line.split(":")[0].split(",")]
    return names


def _arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    given = function.args
    extra = [arg for arg in (given.vararg, given.kwarg) if arg]
    named = [arg.arg for arg in [*given.posonlyargs, *given.args, *given.kwonlyargs, *extra]]
    return [name for name in named if name not in ("self", "cls")]


def _fields(definition: ast.ClassDef) -> list[str] | None:
    if not any("dataclass" in ast.unparse(decorator) for decorator in definition.decorator_list):
        return None
    assigned = [node for node in definition.body if isinstance(node, ast.AnnAssign)]
    return [ast.unparse(node.target) for node in assigned if "ClassVar" not in ast.unparse(node.annotation)]


def _public_definitions() -> Iterator[tuple[str, str, list[str] | None]]:
    for module, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield f"{module}.{node.name}", ast.get_docstring(node) or "", _fields(node)
        for node in functions(tree):
            if not node.name.startswith("_"):
                yield f"{module}.{node.name}", ast.get_docstring(node) or "", _arguments(node)


def test_documented_parameters_are_those_of_the_signature():
    faults = {
        name: (documented, real)
        for name, docstring, real in _public_definitions()
        if real is not None
        and (documented := documented_parameters(docstring)) is not None
        and documented != [parameter for parameter in real if parameter in documented]
    }
    assert not faults


def test_exported_names_exist_and_are_documented():
    faults = []
    for module, tree in modules().items():
        stated = [n for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__"]
        defined = {n.name: n for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef)}
        brought = {a.asname or a.name for n in tree.body if isinstance(n, ast.ImportFrom) for a in n.names}
        assigned = {ast.unparse(t) for n in tree.body if isinstance(n, ast.Assign) for t in n.targets}
        lazy = any(name == "__getattr__" for name in defined)
        for name in chain(*(ast.literal_eval(node.value) for node in stated)):
            if name not in {*defined, *brought, *assigned} and not lazy:
                faults.append(f"{module}.{name} does not exist")
            elif name in defined and not ast.get_docstring(defined[name]):
                faults.append(f"{module}.{name} has no docstring")
    assert not faults


def test_every_module_says_what_it_is_for_in_one_sentence():
    faults = [
        module
        for module, tree in modules().items()
        if not re.match(r"[A-Z`][^\n]+[.:]$", (ast.get_docstring(tree) or "").split("\n")[0])
    ]
    assert not faults
