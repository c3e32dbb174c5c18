"""The life of a criterion: signed steps in a hash-chained journal, and what is in force because of them."""

from workbench.criteria.lifecycle.audit import Audit, CriterionStatus, audit
from workbench.criteria.lifecycle.desk import Taken
from workbench.criteria.lifecycle.force import InForce, in_force, in_words
from workbench.criteria.lifecycle.keys import NewKey, new_key
from workbench.criteria.lifecycle.places import head_file, journal_file
from workbench.criteria.lifecycle.states import LifecycleError, State
from workbench.criteria.lifecycle.steps import (
    activate,
    approve,
    check,
    draft,
    expire,
    record_backtest,
    retire,
    shadow,
)

__all__ = [
    "Audit",
    "CriterionStatus",
    "InForce",
    "LifecycleError",
    "NewKey",
    "State",
    "Taken",
    "activate",
    "approve",
    "audit",
    "check",
    "draft",
    "expire",
    "head_file",
    "in_force",
    "in_words",
    "journal_file",
    "new_key",
    "record_backtest",
    "retire",
    "shadow",
]
