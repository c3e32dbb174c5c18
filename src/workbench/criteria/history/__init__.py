"""History: declarations of a period as they were known at lodgement, with what controls found later."""

from .opening import Opened, open_history, profiles_used, read_tables, train_as_of
from .table import History

__all__ = ["History", "Opened", "open_history", "profiles_used", "read_tables", "train_as_of"]
