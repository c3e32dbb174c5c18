"""The key of the draws from outside a bundle: whoever holds a bundle could otherwise foresee its lots."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .errors import ConfigError, SelectivityError, SourceError
from .lanes.draw import KEY_BYTES

KEY_VARIABLE = "WORKBENCH_RANDOM_KEY"
"""Environment variable that holds a key, in hexadecimal."""

_REMEDY = f"Make one with: python -c 'import secrets; print(secrets.token_hex({KEY_BYTES}))'"


def given_key(file: str | Path | None = None) -> bytes | None:
    """Return the key that a file gives, else the environment, else ``None``.

    Parameters
    ----------
    file
        File of one line with the 32 bytes in hexadecimal; it goes before `WORKBENCH_RANDOM_KEY`.

    Raises
    ------
    SourceError
        The file cannot be read, is open to others than its owner, or holds no key.
    ConfigError
        The environment's text is no key. Neither message shows what was found: it may be a part of one.
    """
    return key_from_environment() if file is None else key_in(Path(file), _REMEDY, SourceError)


def key_in(file: Path, remedy: str, error: type[SelectivityError]) -> bytes:
    """Return the key that a file holds: one line of hexadecimal digits that its owner alone may read.

    Parameters
    ----------
    file
        The file.
    remedy
        What to do about a file that is none, as a sentence.
    error
        What is raised then; its message never shows what was found.
    """
    try:
        if os.name != "nt" and stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise error(f"{file} is open to others, so it is no secret. Run: chmod 600 {file}")
        # More than a key and its line's end is no key, whatever it is: nothing is read to its end.
        with file.open(encoding="ascii") as lines:
            text = lines.read(4 * KEY_BYTES)
    except OSError as refused:
        raise error(f"{file} cannot be read: {refused.strerror}. {remedy}") from None
    except ValueError:
        text = ""
    if (key := _key(text.rstrip("\r\n"))) is None:
        raise error(f"{file} holds no key: expected one line of {2 * KEY_BYTES} hexadecimal digits. {remedy}")
    return key


def key_from_environment() -> bytes | None:
    """Return the key that `WORKBENCH_RANDOM_KEY` gives, ``None`` where it is not set.

    Raises
    ------
    ConfigError
        It is set and is no key.
    """
    text = os.environ.get(KEY_VARIABLE)
    if text is None:
        return None
    if (key := _key(text)) is None:
        raise ConfigError(f"{KEY_VARIABLE} must be {2 * KEY_BYTES} hexadecimal digits; found something else. {_REMEDY}")
    return key


def _key(text: str) -> bytes | None:
    try:
        # fromhex passes over spaces: the length is that of the text.
        return bytes.fromhex(text) if len(text) == 2 * KEY_BYTES and text.isalnum() else None
    except ValueError:
        return None
