"""Where the lab runs: in IPython or in plain Python, and whether a person's page would show a widget."""

from __future__ import annotations

from typing import Any


def running_shell() -> Any:
    """Return IPython's shell where it runs this code, else ``None``."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return None
    return get_ipython()


def has_page() -> bool:
    """Say whether the cell that runs now was sent by a notebook page, which can show widgets.

    JupyterLab, Notebook and VS Code name the cell in the metadata of each request. Papermill and nbconvert, through
    nbclient, send none: there nobody is at the other end of a widget, and its state would only swell the file.
    """
    kernel: Any = getattr(running_shell(), "kernel", None)
    if kernel is None:
        return False
    metadata = kernel.get_parent("shell").get("metadata", {})
    return bool(metadata.get("cellId"))
