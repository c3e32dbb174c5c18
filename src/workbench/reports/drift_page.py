"""Stand-alone page of a check for drift, with its findings, statistics and thresholds as files beside it."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.drift.report import DriftReport
from workbench.reports.beside import MADE, NOTHING, Folder, facts, json_bytes, parquet_bytes
from workbench.reports.html import write_report
from workbench.reports.page import Page
from workbench.reports.sections import drift
from workbench.reports.sections.cells import Row, counted, period

DATA_FILE = "drift.json"
"""The page as data; the folder of an earlier page of this kind is known by it."""


def write_drift_page(
    report: DriftReport, folder: Folder, *, title: str = "Drift", sources: Mapping[str, str] = NOTHING
) -> Page:
    """Write a check into `folder`: the page, ``drift.json``, ``thresholds.json`` and the two tables as Parquet.

    Parameters
    ----------
    report
        What was found.
    folder
        Where to; made if it does not exist. Pages of the same name in it are replaced, all files together.
    title
        What was checked, for people.
    sources
        Where the figures come from, such as ``{"Data": "runs/latest"}``.

    Raises
    ------
    SelectivityError
        If the folder cannot be written; what was there is as it was.
    """
    found = report.to_dict()
    page = drift_page(found, title=title, sources=sources)
    tables = parquet_bytes({"findings": report.table(), "statistics": report.statistics})
    told = {DATA_FILE: json_bytes(found), "thresholds.json": json_bytes(report.thresholds.to_dict())}
    write_report(page, folder, beside={**told, **tables})
    return page


def drift_page(found: Row, *, title: str, sources: Mapping[str, str] = NOTHING) -> Page:
    """Build the page of a check given as JSON; parameters as :func:`write_drift_page`."""
    return Page(
        title,
        f"{counted(found['weeks'], 'week')}, {period(found['start'], found['last_day'])}",
        "Do goods, scores and what controls find still behave as they did?",
        drift.answer(found),
        tuple(drift.key_figures(found)),
        tuple(drift.sections(found)),
        tuple(drift.next_steps(found)),
        (*facts(sources), *drift.facts(found), MADE),
        drift.DEFINITIONS,
    )
