"""Whether a widget would be seen: only where a person's notebook page asked for the cell."""

from __future__ import annotations

from typing import Any


def has_page() -> bool:
    """Say whether the cell that runs now was sent by a notebook page, which can show widgets.

    JupyterLab, Notebook and VS Code name the cell in the metadata of each request. Papermill and nbconvert, through
    nbclient, send none: there nobody is at the other end of a widget, and its state would only swell the file.
    """
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return False
    kernel: Any = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return False
    metadata = kernel.get_parent("shell").get("metadata", {})
    return bool(metadata.get("cellId"))
