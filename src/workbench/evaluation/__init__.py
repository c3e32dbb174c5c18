"""Evaluation: what a ranking, a lane or a method of selection was worth, and how sure that is.

Compute only: results are tidy Polars frames, or small frozen dataclasses with ``to_dict``; nothing here draws.
"""

from .calibration import calibration_table, expected_calibration_error
from .difference import difference
from .discrimination import RankingSummary, auc, average_precision, ranking_summary
from .intervals import Estimate, bootstrap, wilson_interval
from .methods import RandomArmEstimate, Refusal, decision_table, hit_rates, random_arm_estimate
from .ranked import RankedOutcomes
from .slices import by_group
from .tables import Coverage
from .top import SHARES, cumulative_gain, metrics_at, violations_in_top

__all__ = [
    "SHARES",
    "Coverage",
    "Estimate",
    "RandomArmEstimate",
    "RankedOutcomes",
    "RankingSummary",
    "Refusal",
    "auc",
    "average_precision",
    "bootstrap",
    "by_group",
    "calibration_table",
    "cumulative_gain",
    "decision_table",
    "difference",
    "expected_calibration_error",
    "hit_rates",
    "metrics_at",
    "random_arm_estimate",
    "ranking_summary",
    "violations_in_top",
    "wilson_interval",
]
