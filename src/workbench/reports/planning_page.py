"""Page of a plan: what each rate of inspection finds, what keeps detection, and a path over years."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.planning import Plan
from workbench.reports.beside import MADE, NOTHING, Folder, facts, json_bytes, parquet_bytes
from workbench.reports.html import write_report
from workbench.reports.page import Fact, Page
from workbench.reports.sections import planning
from workbench.reports.sections.cells import Row, counted, period

DATA_FILE = "plan.json"
"""The page as data; the folder of an earlier page of this kind is known by it."""


def write_planning_page(plan: Plan, folder: Folder, *, sources: Mapping[str, str] = NOTHING) -> Page:
    """Write a plan into `folder`: the page, ``plan.json``, ``frontier.parquet`` and ``path.parquet``.

    Parameters
    ----------
    plan
        What was planned.
    folder
        Where to; made if it does not exist. Files of the same name in it are replaced, all together.
    sources
        Where the figures come from, such as ``{"Data": "runs/latest"}``.
    """
    found = plan.to_dict()
    page = planning_page(found, sources=sources)
    tables = parquet_bytes({"frontier": plan.frontier.table, "path": plan.path})
    write_report(page, folder, beside={DATA_FILE: json_bytes(found), **tables})
    return page


def planning_page(found: Row, *, sources: Mapping[str, str] = NOTHING) -> Page:
    """Build the page of a plan given as JSON."""
    days, today = period(*found["period"]), found["today"]
    return Page(
        "How much to inspect",
        f"{counted(today['declarations'], 'declaration')}, {days}",
        "How far can inspections fall without finding less?",
        planning.answer(found),
        tuple(planning.key_figures(found)),
        tuple(planning.sections(found)),
        tuple(planning.next_steps(found)),
        (*facts(sources), Fact("Period", days), MADE),
        planning.DEFINITIONS,
    )
