"""The file of hits passed over: what forced selection goes on from when declarations come a file a day."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import SourceError

_FIELDS = {"programme", "hits_passed_over"}
_MOST_BYTES = 16 << 20
_REMEDY = "Give the file that the last batch wrote, or name a new one to start every count at zero."


def read_counters(path: Path, programme: str) -> dict[str, int]:
    """Return, by criterion, the hits passed over in a row before the next batch; empty where there is no file yet.

    Parameters
    ----------
    path
        JSON as :func:`counters_json` writes it.
    programme
        The selection problem that the counts must belong to.

    Raises
    ------
    SourceError
        It is no such file, is not whole, belongs to another programme, or a count is no whole number from 0.
    """
    if not path.exists():
        return {}
    data = _content(path)
    if data["programme"] != programme:
        raise SourceError(f"{path} counts for the programme {data['programme']!r}, not for {programme!r}. {_REMEDY}")
    for name, count in data["hits_passed_over"].items():
        if type(count) is not int or count < 0:
            raise SourceError(f"{path} counts {count!r} hits of {name!r}; expected a whole number from 0. {_REMEDY}")
    return dict(data["hits_passed_over"])


def counters_json(programme: str, passed_over: Mapping[str, int]) -> str:
    """Return the file's text.

    >>> print(counters_json("imports", {"cheap": 3}), end="")
    {
     "hits_passed_over": {
      "cheap": 3
     },
     "programme": "imports"
    }
    """
    return json.dumps({"programme": programme, "hits_passed_over": dict(passed_over)}, indent=1, sort_keys=True) + "\n"


def _content(path: Path) -> dict[str, Any]:
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            raise ValueError("no plain file of that kind")
        data = json.loads(path.read_bytes())
        if not isinstance(data, dict) or data.keys() != _FIELDS or not isinstance(data["hits_passed_over"], dict):
            raise ValueError(f"it must hold {' and '.join(sorted(_FIELDS))}")
    except (OSError, ValueError, RecursionError) as error:
        raise SourceError(f"{path} is no whole file of hits passed over ({error}). {_REMEDY}") from None
    return data
