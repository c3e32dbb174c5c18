"""Criteria files changed in one place: comments, order and every other criterion stay as they are."""

from workbench.criteria.editing.changes import append_criterion, replace_criterion, save_draft, set_parameters
from workbench.criteria.editing.file import Edited

__all__ = ["Edited", "append_criterion", "replace_criterion", "save_draft", "set_parameters"]
