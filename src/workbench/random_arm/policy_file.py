"""The policy that a day was decided by: the file beside its decisions, and the hash that its seal carries."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from workbench.errors import BundleError, SourceError
from workbench.scorer.lanes.policy import SelectionPolicy

POLICY_FILE = "policy.json"
"""File beside a day's decisions with the policy that was in force, without a key."""

_NO_KEY = "00" * 32


def policy_json(policy: SelectionPolicy) -> str:
    """Return what :func:`policy_beside` reads: the policy without its key."""
    content = {name: value for name, value in policy.to_dict().items() if name != "key"}
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def policy_sha256(policy: SelectionPolicy) -> str:
    """Return the SHA-256 of :func:`policy_json`, whatever the policy's key.

    >>> from workbench.scorer.schema import Lane
    >>> policy_sha256(SelectionPolicy((), (), 0.02, Lane.RED, Lane.YELLOW, bytes(32)))[:16]
    '1cdcb28044da3c3a'
    """
    return hashlib.sha256(policy_json(policy).encode()).hexdigest()


def policy_beside(decisions: str | Path) -> SelectionPolicy:
    """Return the policy that the daily cycle kept beside a day's decisions.

    Raises
    ------
    SourceError
        There is none, or it cannot be read.
    """
    file = Path(decisions).parent / POLICY_FILE
    try:
        return SelectionPolicy.from_dict(json.loads(file.read_bytes()) | {"key": _NO_KEY})
    except (OSError, ValueError, TypeError, BundleError) as error:
        raise SourceError(
            f"{file} says no policy ({error}). Give the pipeline whose [selection] was in force with --pipeline."
        ) from None
