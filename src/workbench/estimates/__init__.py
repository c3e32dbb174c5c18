"""Estimates: what controls by design say of all goods, with intervals, and of policies that were not in force."""

from .compliance import Arm, Compliance, compliance
from .frame import Group
from .lift import lifts
from .nonresponse import NonResponse
from .policy_value import PolicyValue, policy_value
from .record import ControlRecord
from .revenue import Revenue
from .targets import TARGET, target_from_decisions, target_from_ranking
from .totals import LEAST_CONTROLS

__all__ = [
    "LEAST_CONTROLS",
    "TARGET",
    "Arm",
    "Compliance",
    "ControlRecord",
    "Group",
    "NonResponse",
    "PolicyValue",
    "Revenue",
    "compliance",
    "lifts",
    "policy_value",
    "target_from_decisions",
    "target_from_ranking",
]
