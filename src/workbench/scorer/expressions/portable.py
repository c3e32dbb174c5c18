"""The regular expressions that Polars, PostgreSQL, Oracle and Spark read alike, by an allow-list of their parts.

Allowed are characters, the point, sets with ranges, groups, alternatives, ``* + ? {n} {n,} {n,m}`` and the ends ``^``
and ``$``. Sources: PostgreSQL 15 manual, 9.7.3; Oracle Database 19c, appendix on regular expressions;
``java.util.regex.Pattern``; the ``regex`` crate.
"""

from __future__ import annotations

import re

MAX_COUNT = 255
"""PostgreSQL's limit of one counted repetition."""

_SETS = {"alpha": "A-Za-z", "digit": "0-9", "alnum": "A-Za-z0-9", "upper": "A-Z", "lower": "a-z"}
_NAMED = rf"\[:(?:{'|'.join(_SETS)}):\]"
_MEMBER = r"[^\[\]\\^-]"
_PART = re.compile(
    rf"(?P<atom>[^][\\(){{}}|^$*+?]|\[\^?-?(?:{_NAMED}|{_MEMBER}-{_MEMBER}|{_MEMBER})+-?\])"
    r"|(?P<repeat>[*+?]|\{\d{1,3}(?:,\d{0,3})?\})|(?P<anchor>[\^$])|(?P<open>\()|(?P<close>\))|(?P<bar>\|)"
)
# Operations on sets of characters in Java and in the regex crate.
_SET_OPERATION = re.compile(r"&&|~~")


def portable_fault(pattern: str) -> str | None:
    r"""Return why `pattern` may mean different things in different databases, ``None`` for one that does not.

    >>> portable_fault("^[[:upper:]]{2}[0-9]+$") is None
    True
    >>> portable_fault(r"^\d+$")
    "'\\\\d+$' at character 2 means different things in different databases; write [0-9] for a digit"
    """
    if found := _SET_OPERATION.search(pattern):
        return f"{found.group()!r} means different things in different databases"
    place, previous = 0, "open"
    while place < len(pattern):
        part = _PART.match(pattern, place)
        if part is None or part.lastgroup is None:
            shown = f"{pattern[place : place + 8]!r} at character {place + 1}"
            return f"{shown} means different things in different databases; write [0-9] for a digit"
        if fault := _fault_after(previous, part.lastgroup, part.group()):
            return f"{fault} at character {place + 1}"
        place, previous = part.end(), part.lastgroup
    return "it has an empty alternative at its end" if previous in {"open", "bar"} else None


def _fault_after(previous: str, kind: str, text: str) -> str | None:
    if kind == "repeat" and previous not in {"atom", "close"}:
        return f"it has nothing to repeat before {text!r}"
    if kind == "repeat" and any(int(count) > MAX_COUNT for count in re.findall(r"\d+", text)):
        return f"{text!r} repeats more than {MAX_COUNT} times"
    return "it has an empty alternative" if kind in {"bar", "close"} and previous in {"open", "bar"} else None


def spelled_out(pattern: str, end: str = "$") -> str:
    """Return `pattern` with named sets as ranges, since they follow the locale in PostgreSQL and Java has none.

    Parameters
    ----------
    pattern
        One without a :func:`portable_fault`.
    end
        What stands for the end of the text.

    >>> spelled_out("[$[:digit:]]+$", end="(?!.)")
    '[$0-9]+(?!.)'
    """
    parts = (end if part.group() == "$" else part.group() for part in _PART.finditer(pattern))
    return re.sub(r"\[:(\w+):\]", lambda named: _SETS[named.group(1)], "".join(parts))
