"""One line of a journal: who took which step on which text, when, signed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from workbench.chain import canonical_json
from workbench.criteria.lifecycle.states import State

_TEXTS = ("set", "at", "criterion", "text_sha256", "step", "by", "key", "previous", "text", "approval", "signature")


@dataclass(frozen=True)
class Entry:
    """A signed step.

    Parameters
    ----------
    seq
        Number of the line, from 1.
    set
        Name of the criteria file without its suffix: a line of another set's journal does not count here.
    at
        Moment of the step, UTC, ISO 8601 to the second.
    criterion, text_sha256
        The criterion and the hash of its canonical text.
    step
        The state that was reached.
    by, key
        Name of the signer and fingerprint of the key.
    previous
        SHA-256 of the line before, :data:`~workbench.chain.NO_LINE` for the first.
    detail
        What belongs to the step: evidence of a back-test, reason of a retirement, last day of validity.
    text
        The canonical text itself, on a ``draft`` only: what was approved stays known after the file was edited.
    approval
        The approver's signature over the canonical text, on an ``approved`` only.
    signature
        The signer's signature over all the rest.
    """

    seq: int
    set: str
    at: str
    criterion: str
    text_sha256: str
    step: str
    by: str
    key: str
    previous: str
    detail: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    approval: str = ""
    signature: str = ""

    @classmethod
    def from_line(cls, line: bytes) -> Entry:
        """Read a line; anything that is not, to the byte, what :meth:`line` writes is a ``ValueError``."""
        try:
            data = json.loads(line)
            entry = cls(**data)
            sound = entry._is_typed() and entry.line() == line and entry.moment and State(entry.step)
        except (TypeError, ValueError, RecursionError):
            sound = False
        if not sound:
            raise ValueError("this is no line that the workbench writes")
        return entry

    def _is_typed(self) -> bool:
        texts: list[Any] = [*(getattr(self, name) for name in _TEXTS)]
        if not isinstance(self.detail, dict):
            return False
        return type(self.seq) is int and all(isinstance(text, str) for text in [*texts, *self.detail.values()])

    @property
    def moment(self) -> datetime:
        """`at` as a moment; a ``ValueError`` where it is not written as :func:`written_moment` does."""
        moment = datetime.fromisoformat(self.at)
        if written_moment(moment) != self.at:
            raise ValueError(f"{self.at!r} is not in UTC to the second")
        return moment

    @property
    def state(self) -> State:
        """The state that the step reached."""
        return State(self.step)

    def payload(self) -> bytes:
        """Return what is signed: everything but the signature."""
        return canonical_json({name: value for name, value in self._content().items() if name != "signature"}).encode()

    def line(self) -> bytes:
        """Return the line without its line feed, ASCII."""
        return canonical_json(self._content()).encode()

    def sha256(self) -> str:
        """Return the hash that the next line names as its `previous`."""
        return hashlib.sha256(self.line()).hexdigest()

    def _content(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value not in ("", {})}


def written_moment(moment: datetime) -> str:
    """Return a moment as journals write it.

    >>> written_moment(datetime(2026, 3, 1, 12, 0, 5, 999, tzinfo=UTC))
    '2026-03-01T12:00:05+00:00'
    """
    return moment.astimezone(UTC).isoformat(timespec="seconds")
