"""The synthetic world: what it promises about schema, calibration, difficulty, determinism and files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from workbench.scorer.schema import DERIVED, KEY, SCHEMA, Lane, Role, derive, names
from workbench.synthetic import SCHEMES, GenerationError, SchemeChange, Tables, WorldConfig, generate, simulate_world
from workbench.synthetic.calendar import TET, day_weight
from workbench.synthetic.config import Extent
from workbench.synthetic.descriptions import HOSTILE
from workbench.synthetic.generate import FORMAT_VERSION
from workbench.synthetic.hs_codes import build_hs_codes
from workbench.synthetic.traders import GROUPS
from workbench.synthetic.world import build_world

DECLARATION_COLUMNS = names(Role.IDENTITY, Role.LODGEMENT)
OUTCOME_COLUMNS = [*KEY, *names(Role.DECISION, Role.OUTCOME)]
TRUTH_COLUMNS = [*KEY, "fraudulent", "scheme", "duty_evaded_usd", "trader_group", "ring"]
HEADER_COLUMNS = [
    *("lodged_at", "flow", "office_id", "declarant_id", "importer_id", "seller_id", "carrier_id", "regime_code"),
    *("process_code", "use_code", "payment_code", "transport_mode_code", "departure_country_code"),
]


@pytest.fixture(scope="module")
def world() -> Tables:
    """The world with the published shares, at the size at which shares are steady."""
    return simulate_world(rows=150_000, months=12, seed=11)


@pytest.fixture(scope="module")
def sinful_world() -> Tables:
    """A world with ten times the fraud, in which each scheme can be looked at."""
    return simulate_world(rows=60_000, months=12, seed=12, config=WorldConfig(violation_rate=0.05))


@pytest.fixture(scope="module")
def by_declaration(world: Tables) -> pl.DataFrame:
    """Lane, cause and finding of every declaration."""
    lane_and_cause = pl.col("lane", "cause", "inclusion_probability").first()
    return world.outcomes.group_by("declaration_id").agg(lane_and_cause, pl.col("violation").max())


def area_under_curve(positive: np.ndarray, score: np.ndarray) -> float:
    """Return the probability that a positive outranks a negative, ties counting half."""
    rank = pl.Series(score).rank("average").to_numpy()
    count = positive.sum()
    return float((rank[positive].sum() - count * (count + 1) / 2) / (count * (len(positive) - count)))


def separation(positive: np.ndarray, score: np.ndarray) -> float:
    """Return the area under the curve in the better of both directions."""
    area = area_under_curve(positive, score)
    return max(area, 1 - area)


class TestTables:
    def test_columns_and_types_are_the_schemas(self, world: Tables) -> None:
        assert world.declarations.schema == {name: SCHEMA[name].dtype for name in DECLARATION_COLUMNS}
        assert world.outcomes.schema == {name: SCHEMA[name].dtype for name in OUTCOME_COLUMNS}
        assert world.truth.columns == TRUTH_COLUMNS

    def test_every_table_has_the_rows_asked_for_and_the_same_keys(self, world: Tables) -> None:
        assert world.declarations.height == 150_000
        assert not world.declarations.select(KEY).is_duplicated().any()
        assert world.outcomes.select(KEY).equals(world.declarations.select(KEY))
        assert world.truth.select(KEY).equals(world.declarations.select(KEY))

    def test_no_lodgement_value_is_missing_or_impossible(self, world: Tables) -> None:
        assert world.declarations.null_count().sum_horizontal().item() == 0
        impossible = world.declarations.filter(
            (pl.col("customs_value_usd") <= 0)
            | (pl.col("net_mass_kg") <= 0)
            | (pl.col("gross_mass_kg") < pl.col("net_mass_kg"))
            | (pl.col("quantity") <= 0)
            | (pl.col("package_count") < 1)
            | ~pl.col("duty_rate").is_between(0, 1)
            | ~pl.col("hs_code").str.contains(r"^\d{6}$")
        )
        assert impossible.height == 0

    def test_items_of_a_declaration_share_its_header(self, world: Tables) -> None:
        different = world.declarations.group_by("declaration_id").agg(pl.col(HEADER_COLUMNS).n_unique())
        assert different.select(pl.col(HEADER_COLUMNS).max()).row(0) == (1,) * len(HEADER_COLUMNS)
        routed = world.outcomes.group_by("declaration_id").agg(pl.col("lane", "cause").n_unique())
        assert routed.select(pl.col("lane", "cause").max()).row(0) == (1, 1)

    def test_items_are_numbered_from_one_and_mostly_few(self, world: Tables) -> None:
        items = world.declarations.group_by("declaration_id").agg(
            pl.len(), first=pl.col("item_no").min(), last=pl.col("item_no").max()
        )
        assert items["first"].max() == 1
        assert (items["last"] == items["len"]).all()
        assert (items["len"] <= 3).mean() > 0.9

    def test_rows_are_in_order_of_lodgement_within_the_period(self, world: Tables) -> None:
        lodged_at = world.declarations["lodged_at"]
        assert lodged_at.is_sorted()
        assert lodged_at.min() >= datetime(2025, 1, 1)
        assert lodged_at.max() < datetime(2026, 1, 1)

    def test_truth_is_nowhere_but_in_its_table(self, world: Tables) -> None:
        latent = set(TRUTH_COLUMNS) - set(KEY)
        tables = [world.declarations, world.outcomes, *build_world(Extent(500, 1, 1)).dimensions().values()]
        assert not latent & {column for table in tables for column in table.columns}
        honest_labels = world.outcomes.filter(~world.truth["fraudulent"])["violation"]
        assert honest_labels.max() == 0

    def test_hostile_texts_are_a_few_in_ten_thousand(self, world: Tables) -> None:
        share = world.declarations["goods_description"].is_in(HOSTILE).mean()
        assert 0.0002 < share < 0.0006


class TestOutcomes:
    def test_they_are_null_exactly_where_nobody_looked(self, world: Tables) -> None:
        looked = world.outcomes["lane"] != "green"
        for column in ("violation", "critical_violation", "recovered_duty_usd", "label_known_at"):
            assert (world.outcomes[column].is_not_null() == looked).all(), column
        assert (
            world.outcomes["violation_kind"].is_not_null() == (world.outcomes["violation"] == 1).fill_null(False)
        ).all()

    def test_findings_name_the_scheme_and_recover_at_most_what_was_evaded(self, world: Tables) -> None:
        both = world.outcomes.join(world.truth, on=KEY).filter(violation=1)
        assert both.height > 30
        assert (both["violation_kind"] == both["scheme"]).all()
        assert (both["recovered_duty_usd"] <= both["duty_evaded_usd"] + 0.01).all()
        assert world.outcomes.filter(violation=0)["recovered_duty_usd"].max() == 0

    def test_labels_are_known_after_lodgement_and_audits_last_longest(self, world: Tables) -> None:
        delays = world.outcomes.select(
            "lane", days=(pl.col("label_known_at") - world.declarations["lodged_at"]).dt.total_seconds() / 86_400
        ).drop_nulls()
        assert delays["days"].min() > 0
        median = dict(delays.group_by("lane").agg(pl.col("days").median()).iter_rows())
        assert median["yellow"] < median["red"] < 14 < 30 < median["blue"]

    def test_controls_miss_some_fraud(self, sinful_world: Tables) -> None:
        seen = sinful_world.outcomes.filter(sinful_world.truth["fraudulent"])
        found = dict(seen.drop_nulls("violation").group_by("lane").agg(pl.col("violation").mean()).iter_rows())
        assert 0.2 < found["yellow"] < 0.55 < found["red"] < 0.95

    def test_documents_seldom_show_what_only_goods_show(self, sinful_world: Tables) -> None:
        yellow = sinful_world.outcomes.join(sinful_world.truth, on=KEY).filter(pl.col("fraudulent"), lane="yellow")
        found = dict(yellow.group_by("scheme").agg(pl.col("violation").mean()).iter_rows())
        assert min(found["undervaluation"], found["misclassification"], found["false_origin"]) > 0.4
        assert max(found["short_weight"], found["undeclared_goods"], found["prohibited_goods"]) < 0.25


class TestCalibration:
    """Tolerances are about three standard errors at this size; the lanes' shares are drawn exactly."""

    def test_lanes(self, by_declaration: pl.DataFrame) -> None:
        share = {lane: (by_declaration["lane"] == lane).mean() for lane in Lane}
        assert share[Lane.GREEN] == pytest.approx(0.5753, abs=0.005)
        assert share[Lane.YELLOW] == pytest.approx(0.3746, abs=0.005)
        assert share[Lane.RED] == pytest.approx(0.0501, abs=0.0015)
        assert 0 < share[Lane.BLUE] < 0.005
        assert 0.002 < share[Lane.ORANGE] < 0.005

    def test_officers_switches(self, by_declaration: pl.DataFrame) -> None:
        switched = by_declaration.filter(cause="officer")
        assert switched.height / by_declaration.height == pytest.approx(0.0063, abs=0.0002)
        assert (switched["lane"] == "red").mean() == pytest.approx(48_353 / 49_206, abs=0.01)
        assert set(switched["lane"].unique()) == {"red", "yellow"}

    def test_random_arm_is_one_percent_and_inspected(self, by_declaration: pl.DataFrame) -> None:
        drawn = by_declaration.filter(cause="random")
        assert drawn.height / by_declaration.height == pytest.approx(0.01, abs=0.001)
        assert drawn["lane"].unique().to_list() == ["red"]

    def test_hit_rates(self, by_declaration: pl.DataFrame) -> None:
        assert by_declaration["violation"].mean() == pytest.approx(0.0024, abs=0.0008)
        assert by_declaration.filter(lane="red")["violation"].mean() == pytest.approx(0.0066, abs=0.0036)
        assert by_declaration.filter(cause="officer")["violation"].mean() == pytest.approx(0.0214, abs=0.018)

    def test_inclusion_probabilities_add_up_to_the_controls(self, by_declaration: pl.DataFrame) -> None:
        probability = by_declaration["inclusion_probability"]
        assert probability.min() >= 0.01
        assert probability.max() <= 1
        assert probability.mean() == pytest.approx((by_declaration["lane"] != "green").mean(), abs=0.006)

    def test_inclusion_probabilities_are_frequencies(self, by_declaration: pl.DataFrame) -> None:
        bands = by_declaration.with_columns(pl.col("inclusion_probability").round(1).alias("band"))
        table = bands.group_by("band").agg(
            pl.len(), stated=pl.col("inclusion_probability").mean(), seen=(pl.col("lane") != "green").mean()
        )
        large = table.filter(pl.col("len") > 2_000)
        assert large.height >= 3
        assert (large["stated"] - large["seen"]).abs().max() < 0.03

    def test_violations_are_planted_at_the_rate_asked_for(self, world: Tables, sinful_world: Tables) -> None:
        for tables, rate in ((world, 0.0044), (sinful_world, 0.05)):
            guilty = tables.truth.filter("fraudulent")["declaration_id"].n_unique()
            assert guilty / tables.truth["declaration_id"].n_unique() == pytest.approx(rate, rel=0.2)

    def test_causes_are_the_workbenchs(self, by_declaration: pl.DataFrame) -> None:
        kinds = set(by_declaration["cause"].str.split(":").list.first())
        assert kinds == {"none", "random", "officer", "criterion"}
        assert by_declaration.filter(cause="none")["lane"].unique().to_list() == ["green"]


class TestDifficulty:
    """The world is no toy: one column does not tell, the importer's past tells a part."""

    def test_no_number_separates_fraud(self, world: Tables) -> None:
        table, guilty = derive(world.declarations), world.truth["fraudulent"].to_numpy()
        for name in [*names(Role.LODGEMENT), *DERIVED]:
            if table[name].dtype.is_numeric():
                assert separation(guilty, table[name].fill_null(0).to_numpy()) < 0.8, name

    def test_no_code_separates_fraud_by_its_rate_in_other_rows(self, world: Tables) -> None:
        table, guilty = derive(world.declarations), world.truth["fraudulent"].to_numpy()
        fold = np.random.default_rng(1).integers(0, 5, len(guilty))
        for name in [*names(Role.LODGEMENT), *DERIVED]:
            if table[name].dtype == pl.String:
                assert separation(guilty, rate_in_other_folds(table[name], guilty, fold)) < 0.8, name

    def test_importers_past_tells_a_part(self, world: Tables) -> None:
        guilty = world.truth["fraudulent"].to_numpy()
        assert 0.6 < area_under_curve(guilty, past_true_rate(world)) < 0.75
        assert 0.56 < area_under_curve(guilty, past_known_rate(world)) < 0.75

    def test_non_compliant_groups_cheat_more(self, world: Tables) -> None:
        rate = dict(world.truth.group_by("trader_group").agg(pl.col("fraudulent").mean()).iter_rows())
        assert [rate[group] for group in GROUPS] == sorted(rate.values())
        assert rate["compliant"] > 0

    def test_traders_are_heavy_tailed(self, world: Tables) -> None:
        sizes = world.declarations["importer_id"].value_counts()["count"].sort(descending=True)
        assert sizes.head(len(sizes) // 10).sum() > 0.4 * sizes.sum()
        assert sizes[0] < 0.02 * sizes.sum()


def rate_in_other_folds(values: pl.Series, guilty: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Return each row's smoothed rate of its value, taken from the other folds."""
    frame = pl.DataFrame({"value": values, "fold": fold, "guilty": guilty.astype(np.int64)})
    hits = pl.col("guilty").sum().over("value") - pl.col("guilty").sum().over("value", "fold")
    count = pl.len().over("value") - pl.len().over("value", "fold")
    return frame.select((hits + 20 * guilty.mean()) / (count + 20)).to_series().to_numpy()


def past_true_rate(world: Tables) -> np.ndarray:
    """Return the smoothed true rate of each importer over the rows before."""
    frame = pl.DataFrame({"importer": world.declarations["importer_id"], "guilty": world.truth["fraudulent"].cast(int)})
    hits = (pl.col("guilty").cum_sum() - pl.col("guilty")).over("importer")
    before = pl.int_range(pl.len()).over("importer")
    prior = world.truth["fraudulent"].mean()
    return frame.select((hits + 20 * prior) / (before + 20)).to_series().to_numpy()


def past_known_rate(world: Tables) -> np.ndarray:
    """Return the smoothed rate of found violations among the labels known before each lodgement."""
    importer = world.declarations.select("importer_id", at="lodged_at")
    labels = importer.with_columns(at=world.outcomes["label_known_at"], found=world.outcomes["violation"].cast(int))
    known = (
        labels.drop_nulls()
        .sort("at", maintain_order=True)
        .select(
            "importer_id",
            "at",
            hits=pl.col("found").cum_sum().over("importer_id"),
            count=pl.int_range(1, pl.len() + 1).over("importer_id"),
        )
    )
    joined = importer.join_asof(
        known, on="at", by="importer_id", allow_exact_matches=False, check_sortedness=False
    ).fill_null(0)
    return joined.select((pl.col("hits") + 0.05) / (pl.col("count") + 20)).to_series().to_numpy()


class TestSchemes:
    def test_every_scheme_occurs(self, world: Tables) -> None:
        assert set(world.truth["scheme"].drop_nulls()) == set(SCHEMES)

    def test_scheme_and_evaded_duty_belong_to_the_fraudulent(self, world: Tables) -> None:
        assert (world.truth["scheme"].is_not_null() == world.truth["fraudulent"]).all()
        assert world.truth.filter(~pl.col("fraudulent"))["duty_evaded_usd"].max() == 0
        for_duty = world.truth.filter(pl.col("scheme").is_in(["undervaluation", "false_origin"]))
        assert (for_duty["duty_evaded_usd"] > 0).mean() > 0.95

    @pytest.mark.parametrize(("scheme", "first_month"), [("false_origin", 4), ("short_weight", 7)])
    def test_new_schemes_come_up_later(self, sinful_world: Tables, scheme: str, first_month: int) -> None:
        months = sinful_world.declarations.filter(sinful_world.truth["scheme"].eq_missing(scheme))[
            "lodged_at"
        ].dt.month()
        assert months.min() == first_month

    def test_rings_begin_over_time_and_change_their_scheme(self, sinful_world: Tables) -> None:
        month = sinful_world.declarations["lodged_at"].dt.month()
        rings = sinful_world.truth.with_columns(month=month).drop_nulls("ring").group_by("ring")
        seen = rings.agg(first=pl.col("month").min(), schemes=pl.col("scheme").drop_nulls().n_unique())
        assert seen["first"].n_unique() >= 3
        assert seen["schemes"].max() == 2

    def test_events_change_the_schemes_from_their_month(self) -> None:
        ended = WorldConfig(violation_rate=0.05, events=(SchemeChange(6, "undervaluation", 0.0),))
        tables = simulate_world(rows=20_000, months=12, seed=3, config=ended)
        months = tables.declarations.filter(tables.truth["scheme"].eq_missing("undervaluation"))["lodged_at"].dt.month()
        assert months.max() == 6

    @pytest.mark.parametrize(
        ("scheme", "trace", "least", "most"),
        [
            ("undervaluation", "price", 0.7, 0.95),
            ("misclassification", "price", 0.55, 0.95),
            ("misclassification", "seller_is_strange_to_goods", 0.52, 0.95),
            ("false_origin", "route_differs_with_preference", 0.6, 0.97),
            ("short_quantity", "mass_per_unit", 0.65, 0.97),
            ("short_weight", "tare", 0.52, 0.95),
            ("undeclared_goods", "tare", 0.6, 0.95),
            ("prohibited_goods", "words_say_nothing", 0.55, 0.9),
        ],
    )
    def test_each_leaves_a_trace_and_none_is_sure(
        self, sinful_world: Tables, scheme: str, trace: str, least: float, most: float
    ) -> None:
        comparable = (sinful_world.truth["scheme"] == scheme).fill_null(True)
        guilty = sinful_world.truth["fraudulent"].filter(comparable).to_numpy()
        signal = TRACES[trace](sinful_world.declarations).filter(comparable).fill_null(0.0).to_numpy()
        assert least < separation(guilty, signal) < most

    def test_misclassification_declares_less_duty(self, sinful_world: Tables) -> None:
        wrong = sinful_world.truth["scheme"].eq_missing("misclassification")
        table = build_hs_codes(12).table
        assert sinful_world.truth.filter(wrong)["duty_evaded_usd"].mean() > 0
        assert sinful_world.declarations.filter(wrong)["hs_code"].is_in(table["hs_code"].to_list()).all()


def _deviation(value: pl.Expr, *keys: str) -> Callable[[pl.DataFrame], pl.Series]:
    return lambda table: table.select((value.log() - value.log().median().over(keys)).alias("trace")).to_series()


_unit_value = pl.col("customs_value_usd") / pl.col("net_mass_kg")
_claims = ~pl.col("preference_code").is_in(["MFN", "EXEMPT"])
_strange_route = pl.col("origin_country_code") != pl.col("departure_country_code")
TRACES: dict[str, Callable[[pl.DataFrame], pl.Series]] = {
    "price": _deviation(_unit_value, "hs_code", "origin_country_code"),
    "mass_per_unit": _deviation(pl.col("net_mass_kg") / pl.col("quantity"), "hs_code"),
    "tare": _deviation(pl.col("gross_mass_kg") / pl.col("net_mass_kg"), "hs_code"),
    "route_differs_with_preference": lambda table: table.select(
        (_claims & _strange_route).cast(pl.Float64)
    ).to_series(),
    "seller_is_strange_to_goods": lambda table: table.select(
        pl.len().over("seller_id", "hs_code") / pl.len().over("seller_id")
    ).to_series(),
    "words_say_nothing": lambda table: table.select(
        pl.col("goods_description")
        .str.contains("(?i)general|spare parts|assorted|samples|accessories")
        .cast(pl.Float64)
    ).to_series(),
}


class TestTime:
    def test_new_traders_appear_in_every_later_month(self, world: Tables) -> None:
        first_seen = world.declarations.group_by("importer_id").agg(pl.col("lodged_at").min().dt.month())
        established = build_world(Extent(150_000, 12, 11)).traders.table().filter("established")["trader_id"]
        newcomers = first_seen.filter(~pl.col("importer_id").is_in(established.to_list()))
        assert set(newcomers["lodged_at"]) == set(range(1, 13))

    def test_offices_nearly_close_at_tet(self, world: Tables) -> None:
        days = world.declarations.unique("declaration_id")["lodged_at"].dt.date().value_counts()
        per_day = dict(days.iter_rows())
        assert per_day.get(date(2025, 1, 30), 0) < 0.2 * per_day[date(2025, 1, 16)]

    def test_weekends_are_quiet_and_the_years_end_is_busy(self) -> None:
        first = date(2025, 1, 1)
        assert day_weight(date(2025, 6, 8), first) < 0.2 * day_weight(date(2025, 6, 9), first)
        assert day_weight(date(2025, 12, 17), first) > 1.2 * day_weight(date(2025, 6, 11), first)

    def test_trade_grows(self) -> None:
        first = date(2025, 1, 1)
        assert day_weight(date(2027, 7, 7), first) > 1.2 * day_weight(date(2025, 7, 2), first)

    def test_tet_is_a_new_moon_between_late_january_and_february(self) -> None:
        assert [day.year for day in TET] == list(range(2017, 2036))
        assert all(date(day.year, 1, 21) <= day <= date(day.year, 2, 20) for day in TET)


def folder_bytes(folder: Path) -> dict[str, bytes]:
    """Return every file below `folder`."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestGenerate:
    def test_same_seed_same_bytes(self, tmp_path: Path) -> None:
        for name in "ab":
            generate(tmp_path / name, rows=4_000, months=3, seed=5)
        assert folder_bytes(tmp_path / "a") == folder_bytes(tmp_path / "b")

    def test_a_seed_gives_the_tables_of_this_format_version(self) -> None:
        """Raise FORMAT_VERSION where this digest has to change: a folder of the old tables must not be reused."""
        tables = simulate_world(rows=3_000, months=3, seed=9)
        row = pl.concat_str(pl.all().cast(pl.String).fill_null("-"), separator="|")
        kept = (tables.declarations, tables.outcomes.drop("inclusion_probability"), tables.truth)
        lines = ["\n".join(table.select(row).to_series()) for table in kept]
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        assert (FORMAT_VERSION, digest) == (
            1,
            "e1248f546027265aca78fdd7ec0b5830a7dc6096a23951a13a2ba9c6b45b57ae",
        )

    def test_other_seed_other_tables(self) -> None:
        one, other = (simulate_world(rows=1_000, months=3, seed=seed) for seed in (1, 2))
        assert not one.declarations.equals(other.declarations)

    def test_chunks_change_the_files_and_never_the_rows(self, tmp_path: Path) -> None:
        parts = [
            generate(tmp_path / name, rows=60_000, months=6, seed=5, chunk_rows=chunk_rows).parts
            for name, chunk_rows in (("small", 20_000), ("large", 1_000_000))
        ]
        assert parts[0] > parts[1] == 1
        for table in ("declarations", "outcomes", "truth"):
            small, large = (pl.read_parquet(tmp_path / name / table / "*.parquet") for name in ("small", "large"))
            assert small.equals(large), table
        for name in ("traders", "hs_codes", "offices"):
            file = f"{name}.parquet"
            assert (tmp_path / "small" / file).read_bytes() == (tmp_path / "large" / file).read_bytes()

    def test_memory_and_files_hold_the_same(self, tmp_path: Path) -> None:
        generate(tmp_path / "w", rows=3_000, months=2, seed=9)
        assert pl.read_parquet(tmp_path / "w/declarations/*.parquet").equals(
            simulate_world(rows=3_000, months=2, seed=9).declarations
        )

    def test_summary_is_what_the_record_says(self, tmp_path: Path) -> None:
        summary = generate(tmp_path / "w", rows=3_000, months=2, seed=9)
        record = json.loads((tmp_path / "w/generation.json").read_text())
        assert record["summary"]["lane_shares"] == summary.lane_shares
        assert sum(summary.lane_shares.values()) == pytest.approx(1)
        assert sum(summary.cause_shares.values()) == pytest.approx(1)
        assert record["parameters"]["seed"] == 9

    def test_progress_counts_the_rows(self, tmp_path: Path) -> None:
        seen: list[tuple[int, int]] = []
        generate(tmp_path / "w", rows=60_000, seed=1, chunk_rows=20_000, on_chunk=lambda *rows: seen.append(rows))
        assert seen[-1] == (60_000, 60_000)
        assert seen == sorted(seen)

    def test_the_same_generation_is_reused(self, tmp_path: Path) -> None:
        assert not generate(tmp_path / "w", rows=300, months=1, seed=1).reused
        before = (tmp_path / "w/generation.json").stat().st_mtime_ns
        assert generate(tmp_path / "w", rows=300, months=1, seed=1).reused
        assert (tmp_path / "w/generation.json").stat().st_mtime_ns == before

    def test_another_generation_is_refused(self, tmp_path: Path) -> None:
        generate(tmp_path / "w", rows=300, months=1, seed=1)
        with pytest.raises(GenerationError, match="another generation"):
            generate(tmp_path / "w", rows=300, months=1, seed=2)

    def test_a_folder_with_other_files_is_refused_and_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("mine")
        with pytest.raises(GenerationError, match="not a generation"):
            generate(tmp_path, rows=300, months=1, seed=1)
        assert folder_bytes(tmp_path) == {"notes.txt": b"mine"}

    def test_an_incomplete_generation_is_refused(self, tmp_path: Path) -> None:
        generate(tmp_path / "w", rows=300, months=1, seed=1)
        (tmp_path / "w/truth/part-00000.parquet").unlink()
        with pytest.raises(GenerationError, match=r"truth/part-00000\.parquet is missing"):
            generate(tmp_path / "w", rows=300, months=1, seed=1)

    def test_a_file_in_the_way_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "w").write_text("")
        with pytest.raises(GenerationError, match="is a file"):
            generate(tmp_path / "w", rows=300, months=1, seed=1)

    def test_an_empty_folder_is_filled(self, tmp_path: Path) -> None:
        (tmp_path / "w").mkdir()
        assert generate(tmp_path / "w", rows=300, months=1, seed=1).rows == 300

    def test_nothing_is_left_when_it_fails_half_way(self, tmp_path: Path) -> None:
        def interrupt(done: int, total: int) -> None:
            raise OSError(28, "No space left on device")

        with pytest.raises(GenerationError, match="No space left"):
            generate(tmp_path / "w", rows=300, months=1, seed=1, on_chunk=interrupt)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"rows": 0}, "rows is 0"),
            ({"rows": 9, "months": 0}, "months is 0"),
            ({"rows": 9, "seed": -1}, "seed is -1"),
            ({"rows": 9, "start": date(2025, 1, 15)}, "first day of a month"),
            ({"rows": 9, "chunk_rows": 0}, "chunk_rows is 0"),
        ],
    )
    def test_impossible_numbers_are_named(self, tmp_path: Path, arguments: dict[str, object], words: str) -> None:
        with pytest.raises(GenerationError, match=words):
            generate(tmp_path / "w", **arguments)  # type: ignore[arg-type]

    def test_impossible_dials_are_all_named(self) -> None:
        with pytest.raises(GenerationError, match=r"violation_rate is 2.*rows_per_trader is 0"):
            WorldConfig(violation_rate=2, rows_per_trader=0)

    def test_an_unknown_scheme_is_refused(self) -> None:
        with pytest.raises(GenerationError, match="No scheme is called 'smuggling'"):
            SchemeChange(3, "smuggling", 1.0)

    @pytest.mark.parametrize(("rows", "months"), [(1, 1), (2, 120), (17, 3)])
    def test_tiny_worlds_are_whole(self, rows: int, months: int) -> None:
        tables = simulate_world(rows=rows, months=months, seed=4)
        assert (tables.declarations.height, tables.outcomes.height, tables.truth.height) == (rows, rows, rows)
