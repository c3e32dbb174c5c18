"""The text of a policy: ``model+criteria:0.2+random:0.1`` read, checked and made into a policy."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from workbench.errors import ParameterError, did_you_mean, quoted
from workbench.simulation.policies.arm import Arm, Ranking, Turn
from workbench.simulation.policies.blend import Blend
from workbench.simulation.policies.mixture import Mixture
from workbench.simulation.policies.registry import arms, described, policies
from workbench.simulation.policy import Policy

# No more decimals than the canonical text keeps: what it names must be what was asked for.
_NUMBER = re.compile(r"0?\.[0-9]{1,4}")
_MOST_CHARACTERS, _MOST_FAULTS = 500, 8
_CLOSE_TO_ONE = 1e-9


def parse_policy(text: str) -> Policy:
    """Make the policy that `text` describes, new and without a memory.

    Parameters
    ----------
    text
        Either one policy, such as ``drift``, or arms joined by ``+``: one without a share, which takes the rest of the
        seats, and any others each with ``:share``, in (0, 1), together below 1. An arm is a name or
        ``blend(name=weight,...)`` with weights that add up to 1; shares and weights have up to four decimals. Spaces
        play no part. Names: :func:`help_text`.

    Raises
    ------
    ParameterError
        The text is no policy, or longer than 500 characters; the first faults are named, each with its place and what
        was perhaps meant.

    Examples
    --------
    >>> canonical_text("random : 0.10 + model + criteria:.2")
    'model+criteria:0.2+random:0.1'
    >>> parse_policy("modle+random:0.1")
    Traceback (most recent call last):
    ...
    workbench.errors.ParameterError: --policy 'modle+random:0.1' is no policy.
      at 1: there is no arm 'modle' (did you mean 'model'?).
    """
    return _Reader(text).policy()


def canonical_text(text: str) -> str:
    """Return the one way to write the policy of `text`: it names the policy in tables; errors as `parse_policy`."""
    return parse_policy(text).text


def help_text() -> str:
    """Return the grammar of `parse_policy`, then one line about each arm and policy, for the command line."""
    alone = ", ".join(policies())
    lines = [f"  {name}: {sentence}" for name, sentence in described().items()]
    return "\n".join(
        [
            "ARM, ARM+ARM:SHARE or ARM+ARM:SHARE+ARM:SHARE...: the arm without a share takes the rest of the seats.",
            f"An arm is a name, or blend(NAME=WEIGHT,...) with weights that add up to 1. To be given alone: {alone}.",
            *lines,
        ]
    )


@dataclass(frozen=True)
class _Part:
    """A piece of the text and its place in it, from 1."""

    text: str
    place: int

    @classmethod
    def of(cls, text: str, place: int) -> _Part:
        return cls(text.strip(), place + len(text) - len(text.lstrip()))

    def split(self, separator: str) -> list[_Part]:
        """Cut at each `separator` that stands outside parentheses."""
        depth, begin, parts = 0, 0, []
        for at, sign in enumerate(self.text):
            depth += (sign == "(") - (sign == ")")
            if sign == separator and depth == 0:
                parts.append(_Part.of(self.text[begin:at], self.place + begin))
                begin = at + 1
        return [*parts, _Part.of(self.text[begin:], self.place + begin)]

    def cut(self, separator: str) -> tuple[_Part, _Part | None]:
        """Cut at the first `separator` outside parentheses, if there is one."""
        first, *rest = self.split(separator)
        return first, _Part.of(self.text[rest[0].place - self.place :], rest[0].place) if rest else None


@dataclass
class _Reader:
    """Reads one text and collects its faults."""

    text: str
    faults: list[str] = field(default_factory=list)

    def policy(self) -> Policy:
        if len(self.text) > _MOST_CHARACTERS:
            raise ParameterError(
                f"--policy {quoted(self.text)} has {len(self.text):,} characters; expected at most {_MOST_CHARACTERS}."
            )
        whole = _Part.of(self.text, 1)
        if whole.text in policies():
            return policies()[whole.text]()
        parts = [(part, *self._arm_and_share(part)) for part in whole.split("+")]
        main = self._main(parts)
        others = [(arm, share) for _, arm, share in parts if arm is not None and share is not None]
        if self.faults or main is None:
            raise ParameterError("\n  ".join([f"--policy {self.text!r} is no policy.", *self._first_faults()]))
        return Mixture(main, others)

    def _arm_and_share(self, part: _Part) -> tuple[Arm | None, float | None]:
        name, share = part.cut(":")
        return self._arm(name), None if share is None else self._number(share, "share")

    def _main(self, parts: list[tuple[_Part, Arm | None, float | None]]) -> Arm | None:
        """Return the arm without a share; there must be one, no arm twice, and something left for it."""
        rest = [(part, arm) for part, arm, share in parts if ":" not in part.text]
        if not rest:
            self._fault(parts[0][0], "every arm has a share, and one must have none: it takes the rest of the seats")
        for part, _ in rest[1:]:
            self._fault(
                part,
                f"{quoted(part.text)} has no share, and {quoted(rest[0][0].text)} takes the rest: add such as ':0.1'",
            )
        seen: set[str] = set()
        for part, arm, _ in parts:
            if arm is not None and arm.name in seen:
                self._fault(part, f"{arm.name!r} is there twice: give it one share")
            seen |= {arm.name} if arm is not None else set()
        total = sum(share for _, _, share in parts if share is not None)
        if total >= 1.0 - _CLOSE_TO_ONE:
            self._fault(
                parts[-1][0], f"the shares add up to {total:g}, which leaves no seats for the arm without a share"
            )
        return rest[0][1] if rest else None

    def _arm(self, part: _Part) -> Arm | None:
        if part.text.startswith(f"{Blend.name}("):
            return self._blend(part)
        known = arms()
        if part.text in known:
            return known[part.text]()
        if not part.text:
            self._fault(part, f"an arm is missing; arms are {', '.join([*known, 'blend(...)'])}")
        elif part.text in policies():
            self._fault(part, f"{quoted(part.text)} chooses all the seats itself: give it alone, or leave it out")
        elif part.text == Blend.name:
            self._fault(part, "a blend needs its rankings: blend(model=0.7,importer=0.3)")
        else:
            near = did_you_mean(part.text, [*known, *policies(), Blend.name])
            self._fault(part, f"there is no arm {quoted(part.text)}{near or '; arms are ' + ', '.join(known)}")
        return None

    def _blend(self, part: _Part) -> Blend | None:
        """Read ``blend(name=weight,...)``."""
        inner = _Part.of(part.text[len(Blend.name) + 1 : -1], part.place + len(Blend.name) + 1)
        if not part.text.endswith(")"):
            self._fault(part, "the blend's parenthesis is not closed")
            return None
        found = [self._weighted(one) for one in inner.split(",")]
        parts = [(arm, weight) for arm, weight in found if arm is not None and weight is not None]
        if len(parts) < len(found):
            return None
        total = sum(weight for _, weight in parts)
        if abs(total - 1.0) > _CLOSE_TO_ONE:
            self._fault(inner, f"the weights add up to {total:g}; expected 1")
        if len({arm.name for arm, _ in parts}) < len(parts):
            self._fault(inner, "a ranking is there twice: give it one weight")
        return Blend(sorted(parts, key=lambda one: (-one[1], one[0].name)))

    def _weighted(self, part: _Part) -> tuple[Ranking | None, float | None]:
        name, weight = part.cut("=")
        if weight is None:
            self._fault(part, f"{quoted(part.text)} has no weight; expected such as 'model=0.7'")
        rankings = {one: kind for one, kind in arms().items() if issubclass(kind, Ranking) and kind.turn < Turn.LOT}
        if name.text not in rankings:
            near = did_you_mean(name.text, rankings) or f"; rankings are {', '.join(rankings)}"
            self._fault(name, f"there is no ranking {quoted(name.text)} to blend{near}")
        kind = rankings.get(name.text)
        return kind() if kind else None, None if weight is None else self._number(weight, "weight")

    def _number(self, part: _Part, what: str) -> float | None:
        value = float(part.text) if _NUMBER.fullmatch(part.text) else None
        if value is None or not 0.0 < value < 1.0:
            self._fault(
                part,
                f"the {what} {quoted(part.text)} is no number between 0 and 1 with up to four decimals, such as 0.1",
            )
            return None
        return value

    def _fault(self, part: _Part, said: str) -> None:
        self.faults.append(f"at {part.place}: {said}.")

    def _first_faults(self) -> list[str]:
        more = len(self.faults) - _MOST_FAULTS
        return [*self.faults[:_MOST_FAULTS], *([f"and {more} more."] if more > 0 else [])]
