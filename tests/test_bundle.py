"""Bundle and wheel: whole or refused, the same bytes twice, the same decisions everywhere."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import xgboost
from typer.testing import CliRunner

from workbench.bundle import WHEEL_PACKAGE, bundle_files, write_bundle, write_wheel
from workbench.cli import app
from workbench.errors import BundleError
from workbench.scorer.bundle import GOLDEN_DECISIONS, GOLDEN_INPUT, MANIFEST, PROTOCOL, Manifest, ScoringBundle
from workbench.scorer.scorer import Scorer
from workbench.serving.batch import open_bundle

GOLDEN = Path(__file__).parent / "golden"
ALLOWED = {"numpy", "polars", "sqlglot", "xgboost"}


@pytest.fixture(scope="module")
def files(small_scorer: Scorer, small_raw: pl.DataFrame) -> dict[str, bytes]:
    return bundle_files(
        small_scorer, programme="small", trained_as_of="2025-06-09", golden=small_raw.head(40), facts={"rows": 1}
    )


@pytest.fixture
def folder(files: dict[str, bytes], tmp_path: Path) -> Path:
    write_bundle(files, tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture(scope="module")
def wheel(files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wheel(files, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


# --- load(save(bundle)) ------------------------------------------------------------------------------------------


def test_load_of_save_reproduces_the_golden_rows_exactly(folder: Path, small_scorer: Scorer) -> None:
    bundle = ScoringBundle.load(folder)
    golden = pl.read_parquet(folder / GOLDEN_INPUT)
    assert bundle.score(golden).equals(pl.read_parquet(folder / GOLDEN_DECISIONS))
    assert bundle.score(golden).equals(small_scorer.score(golden))


def test_a_loaded_bundle_decides_as_the_scorer_that_was_saved(
    folder: Path, small_scorer: Scorer, small_raw: pl.DataFrame
) -> None:
    assert ScoringBundle.load(folder).score(small_raw).equals(small_scorer.score(small_raw))


@pytest.mark.parametrize("protocol", range(3, PROTOCOL + 1))
def test_a_bundle_of_every_protocol_ever_released_still_reproduces_its_golden_rows(protocol: int) -> None:
    folder = GOLDEN / f"protocol_{protocol}"
    bundle = ScoringBundle.load(folder)
    expected = pl.read_parquet(folder / GOLDEN_DECISIONS)
    assert bundle.manifest.protocol == protocol
    decided = bundle.score(pl.read_parquet(folder / GOLDEN_INPUT))
    # A later scorer may word its reasons better; words decide nothing.
    assert decided.drop("reasons").equals(expected.drop("reasons"))
    causes = set(expected["cause"].str.split(":").list.first())
    assert causes == {"none", "model", "criterion", "points", "random", "lot", "quarantine"}


def test_the_golden_bundle_is_small() -> None:
    size = sum(file.stat().st_size for file in GOLDEN.rglob("*") if file.is_file())
    assert size < 300_000


def test_points_shadow_and_force_are_in_the_bundle() -> None:
    criteria = ScoringBundle.load(GOLDEN / f"protocol_{PROTOCOL}").scorer.criteria
    assert criteria.points == {"yellow": 30}
    assert criteria.shadow == {"tried"}
    assert {one.id: one.forced_after for one in criteria.criteria if one.forced_after} == {"cheap": 4}


def test_golden_rows_that_come_out_otherwise_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]
) -> None:
    monkeypatch.setattr(Scorer, "score", _doubled(Scorer.score))
    with pytest.raises(BundleError, match=r"golden rows do not come out.*'score' differs for \['\d+'.*install"):
        ScoringBundle.load(folder)
    assert ScoringBundle.load(folder, replay=False).manifest.programme == "small"


def _doubled(score: Callable[..., pl.DataFrame]) -> Callable[..., pl.DataFrame]:
    return lambda *given, **named: score(*given, **named).with_columns(pl.col("score") * 2)


# --- refused before any parser runs ------------------------------------------------------------------------------


@pytest.fixture
def no_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test as soon as something hands bytes to a parser of trees or tables."""

    def forbidden(*_: object, **__: object) -> None:
        pytest.fail("a parser ran on a bundle that should have been refused")

    monkeypatch.setattr(xgboost.Booster, "load_model", forbidden)
    monkeypatch.setattr(pl, "read_parquet", forbidden)
    monkeypatch.setattr("workbench.scorer.bundle._json", forbidden)


def test_a_changed_byte_in_any_file_is_refused_by_name(folder: Path, no_parser: None) -> None:
    changed = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    assert len(changed) > 10
    for path in changed:
        original = path.read_bytes()
        path.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
        with pytest.raises(BundleError, match=f"{path.name} was changed after export.*Copy the bundle again"):
            ScoringBundle.load(folder)
        path.write_bytes(original)


def test_a_missing_and_an_added_file_are_refused_by_name(folder: Path, no_parser: None) -> None:
    (folder / "extra.txt").write_text("x")
    (folder / "policy.json").rename(folder.parent / "policy.json")
    with pytest.raises(BundleError, match=r"extra.txt \(not in the manifest\), policy.json \(missing\)"):
        ScoringBundle.load(folder)


@pytest.mark.parametrize("protocol", [0, PROTOCOL + 1, None, "1"])
def test_another_protocol_is_refused_whatever_else_its_manifest_says(
    folder: Path, no_parser: None, protocol: object
) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_text(json.dumps(manifest | {"protocol": protocol, "a_later_key": 1}))
    with pytest.raises(BundleError, match=f"has protocol {protocol!r}; this scorer reads {PROTOCOL}"):
        ScoringBundle.load(folder)


@pytest.mark.parametrize("protocol", [1, 2])
def test_a_protocol_that_was_never_released_is_refused_by_name_with_what_to_do(
    folder: Path, no_parser: None, protocol: int
) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_text(json.dumps(manifest | {"protocol": protocol}))
    with pytest.raises(BundleError, match=f"has protocol {protocol}; this scorer reads 3.*export the run again with"):
        ScoringBundle.load(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"protocol": 3}', b"{}"])
def test_an_unreadable_manifest_is_refused(folder: Path, no_parser: None, content: bytes) -> None:
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(BundleError, match=r"manifest.json is not readable.*again"):
        ScoringBundle.load(folder)


def test_what_is_no_bundle_is_refused(tmp_path: Path, wheel: Path) -> None:
    with pytest.raises(BundleError, match=r"holds no manifest.json.*no bundle"):
        ScoringBundle.load(tmp_path)
    (tmp_path / "torn.whl").write_bytes(wheel.read_bytes()[:-200])
    with pytest.raises(BundleError, match=r"torn.whl is not a readable wheel"), open_bundle(tmp_path / "torn.whl"):
        pass
    with zipfile.ZipFile(tmp_path / "bare.whl", "w") as archive:
        archive.writestr("x/y.py", "")
    with pytest.raises(BundleError, match="carries no bundle"), open_bundle(tmp_path / "bare.whl"):
        pass
    with pytest.raises(BundleError, match=r"neither a bundle directory nor a .whl"), open_bundle(tmp_path / "none"):
        pass


def test_a_wheel_that_would_write_outside_its_folder_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "sly.whl", "w") as archive:
        archive.writestr(f"{WHEEL_PACKAGE}/bundle/../../../sly.txt", "x")
    with pytest.raises(BundleError, match="unsafe entry"), open_bundle(tmp_path / "sly.whl"):
        pass


# --- writing -----------------------------------------------------------------------------------------------------


def test_exporting_twice_gives_the_same_bytes_for_bundle_and_wheel(
    files: dict[str, bytes], wheel: Path, small_scorer: Scorer, small_raw: pl.DataFrame, tmp_path: Path
) -> None:
    again = bundle_files(
        small_scorer, programme="small", trained_as_of="2025-06-09", golden=small_raw.head(40), facts={"rows": 1}
    )
    assert again == files
    second = write_wheel(again, tmp_path)
    assert second.name == wheel.name
    assert second.read_bytes() == wheel.read_bytes()


def test_a_bundle_is_never_written_over_another(folder: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(BundleError, match="exists already"):
        write_bundle(files, folder)


def test_a_bundle_that_does_not_load_is_not_left_behind(files: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        write_bundle(files | {"policy.json": b"{}"}, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_nothing_in_a_bundle_is_a_pickle_and_the_manifest_names_every_file(files: dict[str, bytes]) -> None:
    assert {Path(name).suffix for name in files} == {".json", ".parquet", ".ubj"}
    manifest = Manifest.from_bytes(files[MANIFEST])
    assert set(manifest.files) == set(files) - {MANIFEST}
    assert Manifest.from_bytes(manifest.to_bytes()) == manifest


# --- the wheel ---------------------------------------------------------------------------------------------------


def _imports(file: Path) -> list[ast.Import | ast.ImportFrom]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def test_the_wheel_imports_only_its_requirements_and_the_standard_library_and_itself_relatively(unpacked: Path) -> None:
    package = unpacked / WHEEL_PACKAGE
    modules = sorted(package.rglob("*.py"))
    assert len(modules) > 20
    for file in modules:
        depth = len(file.relative_to(package).parts)
        for node in _imports(file):
            if isinstance(node, ast.ImportFrom) and node.level:
                assert node.level <= depth, f"{file.name} imports from outside the package"
                continue
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            roots = {name.partition(".")[0] for name in names}
            assert roots <= ALLOWED | sys.stdlib_module_names, f"{file.relative_to(package)} imports {roots}"


def test_the_wheel_states_its_version_and_requirements(unpacked: Path, files: dict[str, bytes]) -> None:
    version = Manifest.from_bytes(files[MANIFEST]).version
    metadata = next(unpacked.glob("*.dist-info/METADATA")).read_text()
    required = {line.split()[1].split(">")[0] for line in metadata.splitlines() if line.startswith("Requires-Dist")}
    assert f"Version: {version}" in metadata
    assert required == {"polars", "sqlglot", "xgboost-cpu", "xgboost"}


def _run_unpacked(unpacked: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(unpacked), "OMP_NUM_THREADS": "1", "PATH": ""}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=unpacked, capture_output=True, text=True, check=False
    )


def test_the_installed_scorer_bundle_and_wheel_decide_alike(
    unpacked: Path, wheel: Path, folder: Path, small_raw: pl.DataFrame, tmp_path: Path
) -> None:
    raw = small_raw.head(400).with_columns(goods_description=pl.lit('a "quoted", text'))
    raw.with_columns(pl.col("lodged_at").dt.to_string("%Y-%m-%d %H:%M:%S")).write_csv(tmp_path / "raw.csv")
    done = _run_unpacked(unpacked, "-m", WHEEL_PACKAGE, str(tmp_path / "raw.csv"), "--out", str(tmp_path / "0.parquet"))
    assert done.returncode == 0, done.stderr
    assert "400 rows decided" in done.stdout
    for number, source in enumerate((folder, wheel), start=1):
        given = ["score", str(source), str(tmp_path / "raw.csv"), "--out", str(tmp_path / f"{number}.parquet")]
        assert CliRunner().invoke(app, given, catch_exceptions=False).exit_code == 0
    alone, by_bundle, by_wheel = (pl.read_parquet(tmp_path / f"{number}.parquet") for number in range(3))
    assert alone.height == 400
    assert alone["reasons"].drop_nulls().len() > 0
    assert by_bundle.equals(alone)
    assert by_wheel.equals(alone)


def test_the_installed_scorer_loads_neither_the_workbench_nor_its_libraries(unpacked: Path) -> None:
    code = (
        f"import sys, {WHEEL_PACKAGE}.__main__ as m; m.ScoringBundle.load(m.BUNDLED); "
        "print([name for name in ('workbench', 'shap', 'mlflow', 'matplotlib', 'pydantic', 'optuna') "
        "if name in sys.modules])"
    )
    done = _run_unpacked(unpacked, "-c", code)
    assert done.stdout.strip().splitlines()[-1:] == ["[]"], done.stderr


def test_the_installed_scorer_tells_a_mistake_in_a_sentence(unpacked: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    done = _run_unpacked(unpacked, "-m", WHEEL_PACKAGE, str(tmp_path / "none.csv"), "--out", str(out))
    assert done.returncode == 2
    assert "none.csv does not exist" in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()
