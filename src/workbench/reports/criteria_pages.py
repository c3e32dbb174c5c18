"""Stand-alone pages of the criteria lab: a back-test, a diff of two sets, a mining run, a sweep of parameters.

Each page is one folder: ``report.html`` and ``report.json`` (the page), and the tables themselves as JSON and Parquet.
"""

from __future__ import annotations

from collections.abc import Mapping

from workbench.criteria.backtest import TABLES, Backtest
from workbench.criteria.diff import Diff
from workbench.criteria.diff.results import TABLES as DIFF_TABLES
from workbench.criteria.mining import Mined
from workbench.criteria.sweep import Sweep
from workbench.reports.beside import MADE, NOTHING, Folder, facts, json_bytes, parquet_bytes
from workbench.reports.html import write_report
from workbench.reports.page import Fact, Page
from workbench.reports.sections import criteria, criteria_diff, criteria_mining, criteria_sweep
from workbench.reports.sections import criteria_words as words
from workbench.reports.sections.cells import Row, counted


def write_backtest_page(
    backtest: Backtest,
    folder: Folder,
    *,
    title: str = "Back-test of the criteria",
    states: Mapping[str, str] = NOTHING,
    sources: Mapping[str, str] = NOTHING,
) -> Page:
    """Write what a back-test found into `folder`: the page, ``backtest.json`` and one Parquet file a table.

    Parameters
    ----------
    backtest
        What was found.
    folder
        Where to; made if it does not exist. Pages of the same name in it are replaced, all files together.
    title
        What was tried, for people.
    states
        State of each criterion in its lifecycle, by id; one that is missing is told by its mode.
    sources
        Where the figures come from, such as ``{"Criteria": "data/criteria/declarations.toml"}``.

    Raises
    ------
    SelectivityError
        If the folder cannot be written; what was there is as it was.
    """
    found = backtest.to_dict()
    page = backtest_page(found, title=title, states=states, sources=sources)
    frames = {name: getattr(backtest, name) for name in TABLES}
    write_report(page, folder, beside={"backtest.json": json_bytes(found), **parquet_bytes(frames)})
    return page


def backtest_page(
    found: Row, *, title: str, states: Mapping[str, str] = NOTHING, sources: Mapping[str, str] = NOTHING
) -> Page:
    """Build the page of a back-test given as JSON; parameters as :func:`write_backtest_page`."""
    return Page(
        title,
        f"{words.number_of_criteria(len(found['criteria']))} on "
        f"{counted(found['items'], 'declaration item')}, {words.days(found)}",
        "Which of these criteria earn their controls?",
        words.answer(found),
        tuple(criteria.key_figures(found)),
        criteria.sections(found, states),
        tuple(words.next_steps(found)),
        (*facts(sources), *criteria.facts(found), MADE),
        criteria.DEFINITIONS,
    )


def write_diff_page(
    diff: Diff,
    folder: Folder,
    *,
    title: str = "What the new criteria would change",
    sources: Mapping[str, str] = NOTHING,
) -> Page:
    """Write what a comparison of two sets found into `folder`: the page, ``diff.json`` and one Parquet file a table.

    Parameters
    ----------
    diff
        What was found.
    folder, title, sources
        See :func:`write_backtest_page`.
    """
    found = diff.to_dict()
    page = diff_page(found, title=title, sources=sources)
    frames = {name: getattr(diff, name) for name in DIFF_TABLES}
    write_report(page, folder, beside={"diff.json": json_bytes(found), **parquet_bytes(frames)})
    return page


def diff_page(found: Row, *, title: str, sources: Mapping[str, str] = NOTHING) -> Page:
    """Build the page of a comparison given as JSON; parameters as :func:`write_diff_page`."""
    return Page(
        title,
        f"{counted(found['declarations'], 'declaration')}, {words.days(found)}, lanes given by both sets with the same "
        "draws",
        "Which declarations change lane, and at which offices?",
        criteria_diff.answer(found),
        tuple(criteria_diff.key_figures(found)),
        tuple(criteria_diff.sections(found)),
        tuple(criteria_diff.next_steps(found)),
        (*facts(sources), Fact("Period", words.days(found)), *_known(found), MADE),
        criteria_diff.DEFINITIONS,
    )


def write_mining_page(
    mined: Mined,
    folder: Folder,
    *,
    title: str = "Criteria that the past suggests",
    sources: Mapping[str, str] = NOTHING,
) -> Page:
    """Write what a mining run proposes into `folder`: the page and ``mined.json``.

    Parameters
    ----------
    mined
        What was found.
    folder, title, sources
        See :func:`write_backtest_page`.
    """
    found = mined.to_dict()
    page = mining_page(found, title=title, sources=sources)
    write_report(page, folder, beside={"mined.json": json_bytes(found)})
    return page


def mining_page(found: Row, *, title: str, sources: Mapping[str, str] = NOTHING) -> Page:
    """Build the page of a mining run given as JSON; parameters as :func:`write_mining_page`."""
    return Page(
        title,
        f"{counted(len(found['proposals']), 'proposal')}, each looked at once on a later period",
        "Which new criteria are worth an analyst's time?",
        criteria_mining.answer(found),
        tuple(criteria_mining.key_figures(found)),
        tuple(criteria_mining.sections(found)),
        tuple(criteria_mining.next_steps(found)),
        (*facts(sources), MADE),
        criteria_mining.DEFINITIONS,
    )


def write_sweep_page(sweep: Sweep, folder: Folder, *, title: str = "", sources: Mapping[str, str] = NOTHING) -> Page:
    """Write what a sweep of parameters found into `folder`: the page, ``sweep.json`` and ``points.parquet``.

    Parameters
    ----------
    sweep
        What was found.
    folder
        Where to; see :func:`write_backtest_page`.
    title
        What was tried, for people; the criterion's own title where none is given.
    sources
        Where the figures come from; see :func:`write_backtest_page`.
    """
    found = sweep.to_dict()
    page = sweep_page(found, title=title or sweep.criterion.title, sources=sources)
    write_report(page, folder, beside={"sweep.json": json_bytes(found), **parquet_bytes({"points": sweep.table})})
    return page


def sweep_page(found: Row, *, title: str, sources: Mapping[str, str] = NOTHING) -> Page:
    """Build the page of a sweep given as JSON; parameters as :func:`write_sweep_page`."""
    return Page(
        title,
        f"Criterion {found['criterion']} at {counted(len(found['points']), 'point')}",
        "Where should the thresholds lie?",
        criteria_sweep.answer(found),
        tuple(criteria_sweep.key_figures(found)),
        tuple(criteria_sweep.sections(found)),
        tuple(criteria_sweep.next_steps(found)),
        (*facts(sources), MADE),
        criteria_sweep.DEFINITIONS,
    )


def _known(found: Row) -> list[Fact]:
    return [Fact("What it rests on", sentence) for sentence in found["caveats"]]
