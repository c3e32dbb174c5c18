"""Back-tests: what criteria would have hit in a period, what controls found there, what they would cost and add."""

from .results import FLAGS, TABLES, Backtest
from .run import backtest

__all__ = ["FLAGS", "TABLES", "Backtest", "backtest"]
