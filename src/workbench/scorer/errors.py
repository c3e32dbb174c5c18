"""Errors that speak: what was found, what was expected, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_MOST_CHARACTERS = 60
_MOST_NAMES, _WIDEST_NAME = 40, 30


def quoted(text: str) -> str:
    """Quote what a stranger wrote, of a long text only the beginning.

    >>> quoted("modle"), len(quoted("m" * 100_000))
    ("'modle'", 65)
    """
    return repr(text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}...")


class SelectivityError(Exception):
    """Base of every error that a user's input or environment can cause.

    The command line prints the message without a stack trace and exits with :attr:`exit_code`.
    """

    exit_code = 2


class SourceError(SelectivityError):
    """A file, folder or database could not be read: missing, truncated, of a mixed encoding."""


class SchemaError(SelectivityError):
    """A table lacks a column it needs, or a column has another type than the schema states."""

    @classmethod
    def missing_columns(cls, missing: Iterable[str], available: Iterable[str], where: str) -> SchemaError:
        """Build the error for columns that `where` needs and the table does not have."""
        known = list(available)
        named = "; ".join(f"{name!r}{did_you_mean(name, known)}" for name in missing)
        # Of a file given by mistake, a key of 64 digits for one, the first line must not be told whole.
        shown = ", ".join(
            name if len(name) <= _WIDEST_NAME else f"{name[:_WIDEST_NAME]}..." for name in known[:_MOST_NAMES]
        )
        shown += f" and {len(known) - _MOST_NAMES} more" * (len(known) > _MOST_NAMES)
        return cls(f"{where} needs the column(s) {named}, which the table does not have. It has: {shown}.")


class MappingError(SelectivityError):
    """A mapping names columns, units or types that the source or the schema does not have."""


class ConfigError(SelectivityError):
    """A pipeline's TOML is not what the workbench expects."""


class CriterionError(SelectivityError):
    """A criterion was refused when it was read, or failed when it was evaluated; it is named."""


class LabelError(SelectivityError):
    """The labels cannot teach or judge a model: none known in the window, or all of one class."""


class BundleError(SelectivityError):
    """A scoring bundle is incomplete, was changed after export, or does not reproduce its golden rows."""


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the nearest of `allowed`, or the empty string.

    >>> did_you_mean("importer", ["importer_id", "office_id"])
    " (did you mean 'importer_id'?)"
    """
    near = get_close_matches(word, list(allowed), n=1, cutoff=0.6)
    return f" (did you mean {near[0]!r}?)" if near else ""
