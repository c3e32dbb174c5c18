"""What is wrong with a criterion, where, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from ..errors import CriterionError


@dataclass(frozen=True)
class Fault:
    """One thing wrong with an expression or a criterion.

    Parameters
    ----------
    code
        Stable name of the kind of fault (``unknown_column``).
    message
        What was found and what was expected, as a sentence.
    line, column
        Place in the expression's text, from 1; 0 where a fault belongs to no place in it.
    suggestion
        What to write instead, ``None`` where nothing can be suggested.
    criterion
        Id of the criterion, ``None`` for an expression on its own or for the set.
    warning
        True where the set can still be evaluated, as with a list entry that has expired.
    key
        Where in the set's data: names and numbers from the top (``("criterion", 0, "when")``), a list under its
        dotted name; empty for an expression on its own.

    Examples
    --------
    >>> print(Fault("unknown_column", "There is no column 'hs'.", 1, 5, "hs_code"))
    line 1, column 5: There is no column 'hs'. Try: hs_code [unknown_column]
    """

    code: str
    message: str
    line: int = 0
    column: int = 0
    suggestion: str | None = None
    criterion: str | None = None
    warning: bool = False
    key: tuple[str | int, ...] = ()

    def __str__(self) -> str:
        """Return place, message, suggestion and code in one line."""
        owner = f"criterion {self.criterion!r}" if self.criterion else ""
        place = f"line {self.line}, column {self.column}" if self.line else ""
        where = ", ".join(part for part in (owner, place) if part)
        advice = f" Try: {self.suggestion}" if self.suggestion else ""
        return f"{where}{': ' if where else ''}{self.message}{advice} [{self.code}]"


class RefusedCriterionError(CriterionError):
    """Criteria were refused; `faults` holds every reason, not only the first."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def nearest(word: str, allowed: Iterable[str]) -> str | None:
    """Return the word of `allowed` that is most like `word`, ``None`` where none is alike.

    >>> nearest("importer", ["importer_id", "office_id"])
    'importer_id'
    """
    near = get_close_matches(word, list(allowed), n=1, cutoff=0.6)
    return near[0] if near else None
