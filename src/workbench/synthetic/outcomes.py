"""Outcomes: what controls found, and when that was known. Nobody looked into green, so nothing is known of it."""

from __future__ import annotations

import numpy as np
import polars as pl

from workbench.scorer.schema import KEY, SCHEMA, Role, names
from workbench.synthetic.config import SCHEMES
from workbench.synthetic.draws import Bools, Floats, Ints
from workbench.synthetic.history import LANES, Routing

COLUMNS = [*KEY, *names(Role.DECISION, Role.OUTCOME)]

# Probability that a control finds a scheme, in the order of SCHEMES. Documents show prices, codes and certificates;
# goods are seen by scanners and officers; auditors read books after release. Green: nobody looks.
DETECTION = {
    "green": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "blue": (0.75, 0.75, 0.75, 0.1, 0.1, 0.05, 0.0),
    "yellow": (0.62, 0.56, 0.54, 0.10, 0.08, 0.05, 0.03),
    "orange": (0.45, 0.40, 0.40, 0.45, 0.40, 0.65, 0.60),
    "red": (0.68, 0.80, 0.60, 0.88, 0.85, 0.92, 0.88),
}
# Median days until the result is recorded, and the spread of its logarithm, by lane.
DELAY_DAYS = {"green": (0.0, 0.0), "blue": (75.0, 0.4), "yellow": (1.5, 0.7), "orange": (2.0, 0.6), "red": (4.0, 0.7)}
FINDING_DELAY_FACTOR = 3.0  # a finding is disputed and assessed before it is recorded
CRITICAL_SCHEMES = ("undeclared_goods", "prohibited_goods")
CRITICAL_DUTY_USD = 10_000.0
RECOVERED_SHARE = (0.75, 1.0)


def outcomes_table(
    declarations: pl.DataFrame,
    of: Ints,
    routing: Routing,
    by_declaration: Ints,
    scheme: Ints,
    evaded_usd: Floats,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """Return lane, cause and, where a control took place, its result.

    Parameters
    ----------
    declarations
        The block's declarations.
    of
        Position of each item's declaration.
    by_declaration, scheme
        True scheme by declaration and by item; -1 for honest ones.
    evaded_usd
        True duty evaded, by item.
    """
    found_by = _found(routing.lane, by_declaration, rng)
    days = _delay_days(routing.lane, found_by, rng)
    controlled, found = (routing.lane > 0)[of], found_by[of] & (scheme >= 0)
    recovered = np.round(evaded_usd * rng.uniform(*RECOVERED_SHARE, len(of)), 2)
    critical = np.isin(scheme, [SCHEMES.index(name) for name in CRITICAL_SCHEMES]) | (evaded_usd > CRITICAL_DUTY_USD)
    delay_us = pl.Series(np.ceil(days[of] * 86_400) * 1e6).cast(pl.Int64).cast(pl.Duration("us"))
    frame = declarations.select(*KEY, "lodged_at").with_columns(
        lane=pl.Series([str(lane) for lane in LANES]).gather(routing.lane[of]),
        cause=pl.Series(routing.cause.tolist(), dtype=pl.String).gather(of),
        inclusion_probability=pl.Series(routing.inclusion_probability[of]),
        violation=pl.Series(found),
        critical_violation=pl.Series(found & critical),
        violation_kind=pl.Series([*SCHEMES, None]).gather(np.where(found, scheme, len(SCHEMES))),
        recovered_duty_usd=pl.Series(np.where(found, recovered, 0.0)),
        label_known_at=pl.col("lodged_at") + delay_us,
    )
    looked = pl.lit(pl.Series(controlled))
    known = [pl.when(looked).then(pl.col(name)) for name in names(Role.OUTCOME)]
    return frame.with_columns(known).select(pl.col(name).cast(SCHEMA[name].dtype) for name in COLUMNS)


def _found(lane: Ints, scheme: Ints, rng: np.random.Generator) -> Bools:
    chance: Floats = np.array([DETECTION[str(name)] for name in LANES])[lane, scheme]
    return (scheme >= 0) & (rng.random(len(lane)) < chance)


def _delay_days(lane: Ints, found: Bools, rng: np.random.Generator) -> Floats:
    median, spread = np.array([DELAY_DAYS[str(name)] for name in LANES])[lane].T
    days = median * np.exp(rng.normal(0, 1, len(lane)) * spread) * np.where(found, FINDING_DELAY_FACTOR, 1.0)
    floored: Floats = np.maximum(days, 0.05)
    return floored
