"""Evaluation: what a ranking, a lane or a method of selection was worth, and how sure that is.

Compute only: results are tidy Polars frames, or small frozen dataclasses with ``to_dict``; nothing here draws.
"""

from .calibration import calibration_table, expected_calibration_error
from .difference import difference
from .discrimination import RankingSummary, auc, average_precision, ranking_summary
from .intervals import Estimate, bootstrap, wilson_interval
from .methods import decision_table, hit_rates
from .ranked import RankedOutcomes
from .refusal import Refusal
from .slices import by_group
from .tables import Coverage
from .top import SHARES, cumulative_gain, metrics_at, violations_in_top

__all__ = [
    "SHARES",
    "Coverage",
    "Estimate",
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
    "ranking_summary",
    "violations_in_top",
    "wilson_interval",
]
