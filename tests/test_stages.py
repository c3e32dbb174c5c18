"""Stages of a run: what each writes, and every bad input of the field told with its place and what to do."""

from __future__ import annotations

import errno
import gzip
import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from workbench.config import load_pipeline
from workbench.errors import (
    ConfigError,
    LabelError,
    MappingError,
    RunDirectoryError,
    SelectivityError,
    SourceError,
)
from workbench.scorer.bundle import ScoringBundle
from workbench.scorer.schema import Role, names
from workbench.stages.evaluating import evaluate
from workbench.stages.explaining import explain_judged
from workbench.stages.exporting import export
from workbench.stages.folder import FINAL, MEASURED, RunFolder
from workbench.stages.prepare import fingerprint, prepare
from workbench.stages.selecting import scorer_of, select_lanes
from workbench.stages.training import train_and_judge
from workbench.synthetic.world import Tables

AS_OF = datetime(2030, 1, 1)
KEY = ["declaration_id", "item_no"]
Make = Callable[..., RunFolder]


# --- prepare -----------------------------------------------------------------------------------------------------


def test_prepare_parts_every_row_in_time_and_loses_none(trained_run: RunFolder, small_world: Tables) -> None:
    declarations, quarantine = trained_run.read("declarations"), trained_run.read("quarantine")
    assert declarations.height + quarantine.height == small_world.declarations.height
    spans = declarations.group_by("part").agg(
        pl.col("lodged_at").min().alias("a"), pl.col("lodged_at").max().alias("z")
    )
    first = {row["part"]: row for row in spans.to_dicts()}
    assert first["learn"]["z"] < first["judge"]["a"] <= first["judge"]["z"] < first["decide"]["a"]


def test_what_is_to_be_decided_holds_no_column_known_after_lodgement(trained_run: RunFolder) -> None:
    raw, decide = trained_run.read("decide_raw"), trained_run.read("declarations").filter(pl.col("part") == "decide")
    assert not set(raw.columns) & set(names(Role.DECISION, Role.OUTCOME))
    assert raw.height == decide.height
    outcomes = trained_run.read("outcomes")
    assert outcomes.join(decide, on=KEY, how="semi").is_empty()


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"2")
    assert fingerprint(tmp_path / "a", tmp_path / "b") != fingerprint(tmp_path / "b", tmp_path / "a")
    assert len(fingerprint(tmp_path / "a")) == 64


# --- train -------------------------------------------------------------------------------------------------------


def test_both_models_know_nothing_from_after_their_moment(trained_run: RunFolder) -> None:
    facts = trained_run.read_json("training")
    parts = trained_run.read_json("data")["parts"]
    assert facts[MEASURED]["as_of"] == parts["judge"]["first"].replace(" ", "T")
    # The final model learns up to the day after the last judged lodgement, whatever dates strangers decide by.
    assert (
        parts["judge"]["last"].replace(" ", "T") < facts[FINAL]["as_of"] <= parts["decide"]["first"].replace(" ", "T")
    )
    assert facts[MEASURED]["rounds"] == facts[FINAL]["rounds"]
    assert facts[MEASURED]["labelled_items"] < facts[FINAL]["labelled_items"]


def test_judged_rows_carry_scores_baselines_and_labels(trained_run: RunFolder) -> None:
    judged = trained_run.read("judged")
    assert judged.height == trained_run.read_json("data")["parts"]["judge"]["declarations"]
    assert judged["score"].is_between(0, 1, closed="none").all()
    assert {name for name in judged.columns if name.startswith("baseline:")} >= {"baseline:base rate"}
    assert judged["violation"].count() > 0


def test_labels_of_the_judging_part_change_no_score_of_it(trained_run: RunFolder, make_run: Make) -> None:
    run = make_run()
    declarations, outcomes = trained_run.read("declarations"), trained_run.read("outcomes")
    judge = declarations.filter(pl.col("part") == "judge").select(*KEY, judge=True)
    flipped = outcomes.join(judge, on=KEY, how="left").with_columns(
        violation=pl.when(pl.col("judge")).then(1 - pl.col("violation")).otherwise("violation")
    )
    run.write("declarations", declarations)
    run.write("outcomes", flipped.drop("judge"))
    judged = train_and_judge(run).judged
    scores = ["score", "expected_recovery", *(name for name in judged.columns if name.startswith("baseline:"))]
    assert judged.select(KEY + scores).equals(trained_run.read("judged").select(KEY + scores))
    assert not judged["violation"].equals(trained_run.read("judged")["violation"])


# --- evaluate, explain, select, export ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(trained_run: RunFolder) -> RunFolder:
    evaluate(trained_run, replicates=5, seed=1)
    explain_judged(trained_run, top_rows=30, sample_rows=30, seed=1)
    select_lanes(trained_run, as_of=AS_OF)
    return trained_run


def test_metrics_are_finite_json_with_the_model_beside_its_baselines(finished: RunFolder) -> None:
    metrics = finished.read_json("metrics")
    methods = {row["method"]: row for row in metrics["baselines"]}
    assert methods["model"]["auc"] == metrics["auc"]
    assert methods["model"]["auc"] > methods["base rate"]["auc"] == 0.5
    json.dumps(metrics, allow_nan=False)


def test_precision_of_everything_is_the_base_rate(finished: RunFolder) -> None:
    judged = finished.read("judged").drop_nulls("violation")
    whole = finished.read_json("metrics")["gain"][-1]
    assert whole["share"] == whole["violation_share"] == 1.0
    assert finished.read_json("metrics")["ranking"]["violations"] == judged["violation"].sum()


def test_decisions_are_those_of_the_scorer_and_repeat_themselves(finished: RunFolder) -> None:
    decisions = finished.read("decisions")
    assert decisions.equals(scorer_of(finished).score(finished.read("decide_raw"), as_of=AS_OF))
    assert select_lanes(finished, as_of=AS_OF).decisions.equals(decisions)
    assert sum(row["rows"] for row in finished.read_json("selection")["by_lane"]) == decisions.height


def test_the_key_of_the_draws_is_made_once_and_guarded(make_run: Make, trained_run: RunFolder) -> None:
    run = make_run()
    run.write_model(FINAL, trained_run.read_model(FINAL))
    (run.path / "random.key").unlink()
    key = scorer_of(run).policy.key
    assert scorer_of(run).policy.key == key
    assert len(key) == 32
    assert (run.path / "random.key").stat().st_mode & 0o077 == 0


def test_an_exported_bundle_decides_as_the_run_did(finished: RunFolder, tmp_path: Path) -> None:
    exported = export(finished, tmp_path)
    raw = finished.read("decide_raw")
    assert ScoringBundle.load(exported.folder).score(raw, as_of=AS_OF).equals(finished.read("decisions"))
    assert exported.wheel.parent == tmp_path / "dist"
    assert exported.bundle.manifest.facts["measured_before"]["auc"] == finished.read_json("metrics")["auc"]


@pytest.mark.parametrize(
    "stage",
    [train_and_judge, lambda run: evaluate(run, replicates=2, seed=1), lambda run: select_lanes(run, as_of=AS_OF),
     lambda run: explain_judged(run, top_rows=1, sample_rows=1, seed=1), export],
    ids=["train", "evaluate", "select", "explain", "export"],
)  # fmt: skip
def test_a_stage_before_its_time_names_what_is_missing(make_run: Make, stage: Callable[[RunFolder], object]) -> None:
    run = make_run()
    before = _written(run)
    with pytest.raises(SelectivityError, match=r"(is missing|holds no model): run the .*notebook"):
        stage(run)
    assert _written(run) == before


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"is no run: it holds no pipeline.json. Start one with: workbench run"):
        RunFolder.open(tmp_path)


# --- bad input ---------------------------------------------------------------------------------------------------


def _written(run: RunFolder) -> list[str]:
    """Return what a run's directory holds beyond what starting it wrote; partial files are hidden files."""
    files = [str(path.relative_to(run.path)) for path in run.path.rglob("*") if path.is_file()]
    return sorted(set(files) - {"pipeline.json", "random.key"})


def _refused(run: RunFolder, error: type[SelectivityError], message: str) -> None:
    with pytest.raises(error, match=message):
        prepare(run, as_of=AS_OF)
    assert _written(run) == []


def _csv(run: RunFolder, name: str, content: bytes) -> None:
    (run.path.parent / name).write_bytes(content)


def _text(table: pl.DataFrame) -> bytes:
    return table.with_columns(pl.col(pl.Datetime).dt.to_string("%Y-%m-%d %H:%M:%S")).write_csv().encode()


CSV = ('path = "declarations.parquet"', 'path = "declarations.csv"')
GZIP = ('path = "declarations.parquet"', 'path = "declarations.csv.gz"')


def test_a_missing_file_is_refused(make_run: Make) -> None:
    run = make_run(('path = "declarations.parquet"', 'path = "declaration.parquet"'))
    _refused(
        run, SourceError, "declaration.parquet does not exist .did you mean 'declarations.parquet'.*Check the path"
    )


def test_a_missing_or_faulty_mapping_is_refused(make_run: Make, tmp_path: Path) -> None:
    _refused(make_run(("generated.toml", "generate.toml")), MappingError, "generate.toml: No such file.*Give the path")
    (tmp_path / "m.toml").write_text('name = "m"\n[columns]\ndeclaration = "declaration_id"\n')
    folder = str(Path(__file__).parents[1] / "data" / "mappings" / "generated.toml")
    run = make_run((folder, str(tmp_path / "m.toml")))
    _refused(run, MappingError, r"(?s)m.toml: .*unknown canonical column 'declaration' .did you mean 'declaration_id'")


def test_a_mapping_of_another_table_is_refused_with_every_missing_column(make_run: Make, small_world: Tables) -> None:
    renamed = small_world.declarations.rename({"hs_code": "hs", "net_mass_kg": "net_mass"})
    with pytest.raises(
        MappingError, match=r"(?s)no column 'hs_code'.*no column 'net_mass_kg'.*did you mean 'net_mass'"
    ):
        prepare(make_run(declarations=renamed), as_of=AS_OF)


def test_an_empty_table_is_refused(make_run: Make, small_world: Tables) -> None:
    _refused(make_run(declarations=small_world.declarations.head(0)), SourceError, "no rows: check the source")
    run = make_run(CSV)
    _csv(run, "declarations.csv", b"")
    _refused(run, SourceError, "declarations.csv is empty: expected a first line")


def test_a_column_of_the_wrong_type_is_refused(make_run: Make, small_world: Tables) -> None:
    wrong = small_world.declarations.with_columns(net_mass_kg=pl.col("lodged_at"))
    _refused(make_run(declarations=wrong), MappingError, "'net_mass_kg' holds Datetime.*expected text or Float64")


def test_text_in_a_column_of_numbers_sets_its_rows_aside_and_keeps_the_rest(
    make_run: Make, small_world: Tables
) -> None:
    table = small_world.declarations.with_columns(
        net_mass_kg=pl.when(pl.int_range(pl.len()) % 500 == 0)
        .then(pl.lit("heavy"))
        .otherwise(pl.col("net_mass_kg").cast(pl.String))
    )
    prepared = prepare(make_run(declarations=table), as_of=AS_OF)
    assert set(prepared.quarantine["code"]) == {"unparsable_number"}
    assert prepared.quarantine.height == 40
    assert prepared.declarations.height == 20_000 - 40


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (pl.col("lodged_at").dt.offset_by("90y").alias("lodged_at"), "future_date"),
        (pl.lit(float("inf")).alias("customs_value_usd"), "not_finite"),
        (pl.lit(float("nan")).alias("net_mass_kg"), "not_finite"),
        (pl.lit("10129").alias("hs_code"), "impossible_hs"),
    ],
    ids=["dates in the future", "infinities", "NaN", "an HS code that lost its leading zero"],
)
def test_rows_that_cannot_be_believed_go_to_quarantine_and_are_still_decided(
    make_run: Make, small_world: Tables, trained_run: RunFolder, change: pl.Expr, code: str
) -> None:
    at = pl.int_range(pl.len()) % 400 == 399
    name = change.meta.output_name()
    table = small_world.declarations.with_columns(pl.when(at).then(change).otherwise(name).alias(name))
    run = make_run(declarations=table)
    prepared = prepare(run, as_of=AS_OF)
    assert set(prepared.quarantine["code"]) == {code}
    assert prepared.quarantine.height == 50
    run.write_model(FINAL, trained_run.read_model(FINAL))
    decided = select_lanes(run, as_of=AS_OF).decisions
    assert decided.height == run.read("decide_raw").height
    unread = decided.filter(pl.col("score").is_null())
    assert unread.height > 0
    assert set(unread["cause"]) == {f"quarantine:{code}"}
    assert set(unread["lane"]) == {"yellow"}


def test_every_row_in_quarantine_leaves_nothing_to_learn_from(make_run: Make, small_world: Tables) -> None:
    hopeless = small_world.declarations.with_columns(hs_code=pl.lit("10129"))
    _refused(make_run(declarations=hopeless), SourceError, "Every row went to quarantine")


def test_mixed_encodings_are_refused_with_line_and_byte(make_run: Make, small_world: Tables) -> None:
    run = make_run(CSV)
    content = _text(small_world.declarations.head(50))
    _csv(
        run,
        "declarations.csv",
        content + content.splitlines(keepends=True)[1].replace(b"import", b"imp\xf6rt", 1) + b"\xff\n",
    )
    _refused(run, SourceError, r"declarations.csv, line \d+, byte \d+: 0x.. is not utf-8.*state 'encoding'")


def test_a_truncated_gzip_is_refused(make_run: Make, small_world: Tables) -> None:
    run = make_run(GZIP)
    _csv(run, "declarations.csv.gz", gzip.compress(_text(small_world.declarations.head(2_000)))[:-300])
    _refused(run, SourceError, "declarations.csv.gz is not a complete gzip file.*fetch it again")


def test_a_truncated_parquet_is_refused(make_run: Make) -> None:
    run = make_run()
    file = run.path.parent / "declarations.parquet"
    file.write_bytes(file.read_bytes()[:-1_000])
    _refused(run, SourceError, "declarations.parquet is not a readable Parquet file.*again")


def test_a_missing_label_column_is_named(make_run: Make, small_world: Tables) -> None:
    _refused(make_run(outcomes=small_world.outcomes.drop("violation")), LabelError, "label column.*'violation'")


def test_a_period_shorter_than_the_split_is_refused(make_run: Make, small_world: Tables) -> None:
    short = small_world.declarations.filter(pl.col("lodged_at") < datetime(2025, 2, 10))
    _refused(make_run(declarations=short), LabelError, "Nothing is left to learn from")


def test_a_split_beside_named_parts_is_refused(make_run: Make) -> None:
    run = make_run(("[[source.tables]]", '[[source.tables]]\npath = "x"\npart = "learn"\n[[source.tables]]'))
    _refused(run, ConfigError, r"Either every \[\[source.tables\]\] names its part, or none does")


def _trained_on(make_run: Make, world: Tables, outcomes: pl.DataFrame) -> RunFolder:
    run = make_run(outcomes=outcomes)
    prepare(run, as_of=AS_OF)
    return run


def _training_refused(run: RunFolder, message: str) -> None:
    before = _written(run)
    with pytest.raises(LabelError, match=message):
        train_and_judge(run)
    assert _written(run) == before


def test_labels_of_one_class_are_refused(make_run: Make, small_world: Tables) -> None:
    one_class = small_world.outcomes.with_columns(
        pl.col("violation").clip(0, 0),
        pl.col("critical_violation").clip(0, 0),
        violation_kind=pl.lit(None, pl.String),
        recovered_duty_usd=pl.lit(None, pl.Float64),
    )
    _training_refused(_trained_on(make_run, small_world, one_class), "one class")


def test_no_label_known_when_judging_begins_is_refused(make_run: Make, small_world: Tables) -> None:
    late = small_world.outcomes.with_columns(pl.col("label_known_at") + timedelta(days=300))
    _training_refused(_trained_on(make_run, small_world, late), "No label is known among the .*longer period")


def test_a_full_disk_is_told_and_leaves_no_partial_file(make_run: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run()

    def full(_: pl.DataFrame, path: Path) -> None:
        Path(path).write_bytes(b"PAR1 half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    _refused(run, SourceError, "declarations.parquet could not be written: The disk is full: free space")


def test_a_faulty_criterion_is_named_before_a_row_is_read(make_run: Make, trained_run: RunFolder) -> None:
    run = make_run(("[criteria]\n", "[criteria]\ndrafts = true\n"))
    run.write_model(FINAL, trained_run.read_model(FINAL))
    run.write_json("data", trained_run.read_json("data"))
    (run.path.parent / "criteria.toml").write_text(
        '[[criterion]]\nid = "bad"\ntitle = ""\nwhen = "net_mas_kg > 1"\nlane = "red"\n'
    )
    with pytest.raises(SelectivityError, match=r"'bad', line 1.*: There is no column 'net_mas_kg'.*net_mass_kg"):
        select_lanes(run, as_of=AS_OF)
    assert not run.file("decisions").exists()


# --- tables that name their part ---------------------------------------------------------------------------------


def test_a_table_to_decide_needs_no_label_and_its_labels_are_never_read(small_world: Tables, tmp_path: Path) -> None:
    """Give the deciding table label columns of nonsense: with or without them the run is the same."""
    both = small_world.declarations.join(small_world.outcomes, on=KEY, maintain_order="left")
    learn, judge, decide = (
        both.filter(pl.col("lodged_at").is_between(datetime(2025, a, 1), datetime(2025, b, 1), closed="left"))
        for a, b in ((1, 4), (4, 5), (5, 6))
    )
    nonsense = decide.with_columns(violation=pl.lit("perhaps"), label_known_at=pl.lit("soon"))
    prepared = []
    for number, table in enumerate((nonsense, decide.select(small_world.declarations.columns))):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, content in {"learn": learn, "judge": judge, "decide": table}.items():
            content.write_parquet(folder / f"{name}.parquet")
        run = RunFolder.create(folder / "run", load_pipeline(_by_parts(folder)))
        prepared.append(prepare(run, as_of=AS_OF))
        assert set(run.read("decide_raw").columns) == set(small_world.declarations.columns)
    assert prepared[0].declarations.equals(prepared[1].declarations)
    assert prepared[0].outcomes.equals(prepared[1].outcomes)


def _by_parts(folder: Path) -> Path:
    mapping = Path(__file__).parents[1] / "data" / "mappings" / "generated.toml"
    tables = "".join(
        f'[[source.tables]]\npart = "{part}"\npath = "{part}.parquet"\n' for part in ("learn", "judge", "decide")
    )
    (folder / "p.toml").write_text(
        f'[programme]\nname = "p"\ntitle = "P"\nunit = "item"\nquestion = "?"\n'
        f'[source]\nmapping = "{mapping}"\n{tables}'
        '[features]\nrates = [["importer_id"]]\n[model]\nrounds = 5\n'
        '[selection]\n[[selection.capacity]]\nlane = "red"\nshare = 0.1\n[[steps]]\nnotebook = "10_prepare"\n'
    )
    return folder / "p.toml"


def test_a_key_repeated_within_a_table_goes_to_quarantine_with_all_its_rows(
    make_run: Make, small_world: Tables
) -> None:
    twice = pl.concat([small_world.declarations, small_world.declarations.head(3)])
    run = make_run(declarations=twice)
    # Within one table a repeated key goes to quarantine: which of the rows is right cannot be known.
    prepared = prepare(run, as_of=datetime(2030, 1, 1))
    assert prepared.quarantine["code"].to_list().count("duplicate_key") == 6


def test_a_damaged_pipeline_of_a_run_is_told_in_a_sentence(trained_run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "pipeline.json").write_text('{"programme": 1}')
    with pytest.raises(RunDirectoryError, match="written by another version, or changed by hand"):
        _ = RunFolder.open(tmp_path).pipeline


def test_a_run_that_does_not_say_which_texts_decided_is_told_to_be_run_again(
    finished: RunFolder, tmp_path: Path
) -> None:
    run = RunFolder(shutil.copytree(finished.path, tmp_path / "run"))
    selection = run.read_json("selection")
    del selection["criteria_in_force"]
    run.write_json("selection", selection)
    with pytest.raises(RunDirectoryError, match="Run the pipeline again"):
        export(run, tmp_path / "out")
