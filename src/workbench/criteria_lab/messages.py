"""What the page may send: every message is looked at before anything is done with it."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any, TypeAlias

from workbench.errors import SelectivityError

Fields: TypeAlias = Mapping[str, tuple[type, ...]]

_TEXT, _NUMBER = (str,), (int, float)
PERIOD: Fields = {"start": _TEXT, "end": _TEXT}
"""First and last day of lodgement."""

PAGE: Fields = {
    "sort": (str, NoneType),
    "descending": (bool, NoneType),
    "text": (str, NoneType),
    "kind": (str, NoneType),
    "page": (int, NoneType),
}
"""Which hits are wanted; what is missing has its default."""

FORM: Fields = {
    **dict.fromkeys(("base", "id", "title", "lane", "reason", "when", "owner", "legal_basis", "instruction"), _TEXT),
    "hit_percentage": (*_TEXT, *_NUMBER),
    "parameters": (list,),
    "page": (dict, NoneType),
}
"""The form as it is filled in, with the page of hits that is shown beside its answer."""

_PARAMETER: Fields = {
    "name": _TEXT,
    "value": (*_TEXT, *_NUMBER, list, dict, NoneType),
    "low": (*_NUMBER, NoneType),
    "high": (*_NUMBER, NoneType),
}


class MessageError(SelectivityError):
    """The page sent what it never sends: it is of another version than the kernel, or something is between them."""


def checked(message: Any, fields: Fields) -> Mapping[str, Any]:
    """Return a message whose fields are of the types that they have to be.

    Parameters
    ----------
    message
        What came from the page.
    fields
        The types that each field may have; ``NoneType`` also where it may be missing.

    Raises
    ------
    MessageError
        The message is no table of fields, or a field is missing or of another type.

    Examples
    --------
    >>> checked({"start": "2025-01-01", "end": ""}, PERIOD)["start"]
    '2025-01-01'
    """
    if not isinstance(message, Mapping):
        raise _unexpected(f"a message is {_kind(message)}")
    for name, kinds in fields.items():
        if name not in message and NoneType not in kinds:
            raise _unexpected(f"its message has no {name!r}")
        # To Python a truth value is a number; to a reader it is not.
        if type(value := message.get(name)) not in kinds:
            raise _unexpected(f"{name!r} is {_kind(value)}")
    return message


def form_in(message: Any) -> Mapping[str, Any]:
    """Return the form that the page sent, as :func:`checked` does; its parameters and its page of hits are seen too."""
    form = checked(message, FORM)
    for one in form["parameters"]:
        checked(one, _PARAMETER)
    checked(form.get("page") or {}, PAGE)
    return form


def _unexpected(found: str) -> MessageError:
    return MessageError(
        f"The page asked for something that the kernel does not understand: {found}. Run the notebook's cells again, "
        "so that both are of the same version."
    )


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"of the type {type(value).__name__}"
