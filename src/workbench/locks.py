"""Locks of files and folders: one process at a time, and a sentence for the one that has to wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.errors import RunDirectoryError, SelectivityError

LOCK_FILE = ".lock"
"""Name of the lock in a folder that is held as a whole."""


@contextmanager
def held(
    lock: Path, *, seconds: float, error: Callable[[str], SelectivityError], busy: str, advice: str
) -> Iterator[None]:
    """Hold `lock` for this process alone.

    Parameters
    ----------
    lock
        The lock file; it is made, and stays.
    seconds
        How long to wait for another process.
    error, busy
        Makes the error from its text; the text where another process holds the lock for that long.
    advice
        What to do where the file cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with held(Path(folder) / LOCK_FILE, seconds=0, error=SelectivityError, busy="Held.", advice="Mend it."):
    ...         print("at work")
    at work
    """
    from filelock import FileLock, Timeout

    waiting = FileLock(lock, timeout=seconds)
    try:
        waiting.acquire()
    except Timeout:
        raise error(busy) from None
    except OSError as cause:
        raise error(f"{lock.parent} cannot be written: {cause.strerror}. {advice}") from None
    try:
        yield
    finally:
        waiting.release()


@contextmanager
def folder_held(folder: Path) -> Iterator[None]:
    """Hold the folder of a run or a study, which is made where it is absent; refuse at once if another process does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise RunDirectoryError(f"{folder} cannot be written: {cause.strerror}. Give another --out.") from None
    busy = f"Another process is running in {folder}. Wait until it has ended, or give another --out."
    with held(folder / LOCK_FILE, seconds=0, error=RunDirectoryError, busy=busy, advice="Give another --out."):
        yield
