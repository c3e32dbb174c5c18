"""Daily cycle: decide a day's declarations once, take in results, refresh profiles, train challengers."""

from workbench.daily.bundles import InForce, adopt, init
from workbench.daily.cycle import Day, daily
from workbench.daily.desk import Desk
from workbench.daily.intake import Intake
from workbench.daily.ledger import DeskError
from workbench.daily.outcomes import known, outcomes
from workbench.daily.refreshing import Refreshed, refresh
from workbench.daily.report import Report, report
from workbench.daily.retraining import Retrained, retrain

__all__ = [
    "Day",
    "Desk",
    "DeskError",
    "InForce",
    "Intake",
    "Refreshed",
    "Report",
    "Retrained",
    "adopt",
    "daily",
    "init",
    "known",
    "outcomes",
    "refresh",
    "report",
    "retrain",
]
