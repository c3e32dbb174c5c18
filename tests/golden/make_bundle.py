"""Make the golden bundle of the present protocol: run it once when the protocol's number changes, never to mend a test.

A scorer must read every bundle that was ever exported and decide its golden rows as they were decided then.

    python tests/golden/make_bundle.py
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl

from workbench.bundle import bundle_files, write_bundle
from workbench.config import FeaturesConfig, ModelConfig
from workbench.model import train
from workbench.scorer.bundle import PROTOCOL
from workbench.scorer.criteria import CriteriaSet
from workbench.scorer.intake.mapping import Mapping
from workbench.scorer.lanes.policy import LaneLimit, SelectionPolicy
from workbench.scorer.schema import Lane
from workbench.scorer.scorer import Scorer
from workbench.synthetic.config import WorldConfig
from workbench.synthetic.world import simulate_world

ROOT = Path(__file__).parents[2]
T = datetime(2025, 5, 1)
CRITERIA = {
    "criterion": [
        {"id": "gross-below-net", "title": "Gross mass below net mass", "when": "gross_mass_kg < net_mass_kg",
         "lane": "yellow"},
        {"id": "cheap", "title": "Cheap", "when": "unit_value_usd_per_kg < 0.5 * hs4_median_unit_value_usd_per_kg",
         "lane": "orange", "hit_percentage": 50, "forced_after": 4, "reason": "Less than half of what is usual."},
        {"id": "no-duty", "title": "No duty", "when": "duty_rate = 0", "points": 20},
        {"id": "large", "title": "Large", "when": "customs_value_usd > 5000", "points": 15},
        {"id": "tried", "title": "Tried in shadow", "when": "net_mass_kg > 100", "lane": "red"},
    ],
    "points": {"yellow": 30},
    "shadow": ["tried"],
}  # fmt: skip


def main() -> None:
    """Train a small model and write it as ``tests/golden/protocol_<number>``."""
    world = simulate_world(rows=12_000, months=6, seed=1, config=WorldConfig(violation_rate=0.2, random_arm_rate=0.04))
    features = FeaturesConfig(
        folds=4,
        rates=(("hs4",), ("hs2", "origin_country_code")),
        prices=(("hs4",),),
        frequencies=(("office_id",),),
        codes=("regime_code",),
        numbers=("duty_rate", "customs_value_usd"),
    )
    model = ModelConfig(rounds=20, early_stopping_rounds=5, recovery_rounds=5, parameters={"eta": 0.2, "max_depth": 4})
    limits = (LaneLimit(Lane.RED, share=0.1), LaneLimit(Lane.YELLOW, share=0.2), LaneLimit(Lane.BLUE, share=0.1))
    scorer = Scorer(
        Mapping.from_toml(ROOT / "data" / "mappings" / "generated.toml"),
        train(world.declarations, world.outcomes, T, features, model).model,
        CriteriaSet.from_dict(CRITERIA),
        SelectionPolicy(limits, (Lane.RED, Lane.YELLOW), 0.3, Lane.RED, Lane.YELLOW, bytes(range(32)), (Lane.BLUE,)),
    )
    golden = world.declarations.filter(pl.col("lodged_at") >= T).head(60)
    broken = pl.int_range(pl.len()) == 7
    golden = golden.with_columns(net_mass_kg=pl.when(broken).then(-1.0).otherwise("net_mass_kg"))
    files = bundle_files(scorer, programme="golden", trained_as_of=T.isoformat(), golden=golden, facts={})
    write_bundle(files, Path(__file__).parent / f"protocol_{PROTOCOL}")


if __name__ == "__main__":
    main()
