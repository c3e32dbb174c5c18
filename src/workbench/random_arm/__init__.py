"""Random arm: daily secrets of the lots, committed to ahead and revealed afterwards, so that all can be checked."""

from workbench.random_arm.entries import Entry, Kind, RandomArmError, commitment
from workbench.random_arm.policy_file import POLICY_FILE, policy_beside, policy_json
from workbench.random_arm.publishing import Published, commit, key_of_day, reveal, seal
from workbench.random_arm.record import PublicRecord, read
from workbench.random_arm.replay import Replay, replay
from workbench.random_arm.status import Status, status
from workbench.random_arm.verifying import Verification, verify

__all__ = [
    "POLICY_FILE",
    "Entry",
    "Kind",
    "PublicRecord",
    "Published",
    "RandomArmError",
    "Replay",
    "Status",
    "Verification",
    "commit",
    "commitment",
    "key_of_day",
    "policy_beside",
    "policy_json",
    "read",
    "replay",
    "reveal",
    "seal",
    "status",
    "verify",
]
