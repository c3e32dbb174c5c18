"""A refusal: an estimate that the data cannot carry, as a result to show and not an error."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Refusal:
    """An estimate that was not made because the data cannot carry it.

    Parameters
    ----------
    code
        Stable name of the reason, for gates and tests.
    found, needed
        Size of what there was, and of what would do.
    advice
        What to do, in a sentence.
    """

    code: str
    found: int
    needed: int
    advice: str

    def describe(self) -> str:
        """Return the refusal in a sentence or two.

        >>> Refusal("random_arm_too_small", 7, 30, "Take a longer period.").describe()
        'Not estimated (random_arm_too_small): found 7, needed 30. Take a longer period.'
        """
        return f"Not estimated ({self.code}): found {self.found:,}, needed {self.needed:,}. {self.advice}"

    def to_dict(self) -> dict[str, Any]:
        """Return the refusal as plain JSON values, ``status`` "refused"."""
        return {"status": "refused", **asdict(self)}
