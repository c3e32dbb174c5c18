"""The page over several simulations: which policy at which capacity, how sure."""

from __future__ import annotations

import os

from workbench.reports.beside import MADE, json_bytes, parquet_bytes
from workbench.reports.html import write_report
from workbench.reports.page import Fact, Page
from workbench.reports.sections import experiments
from workbench.reports.sections.cells import Row, counted, percent
from workbench.simulation.experiments import Experiments

DATA_FILE = "experiments.json"
"""The page as data; the folder of an earlier page of this kind is known by it."""


def write_experiments_page(found: Experiments, folder: str | os.PathLike[str]) -> Page:
    """Write the page, ``experiments.json`` and ``experiments.parquet`` (one row a simulation and policy) into `folder`.

    Parameters
    ----------
    found
        The simulations.
    folder
        Where to; made if it does not exist. Files of the same name in it are replaced, all together.

    Raises
    ------
    SelectivityError
        If the folder cannot be written; what was there is as it was.
    """
    data = found.to_dict()
    page = experiments_page(data)
    beside = {DATA_FILE: json_bytes(data), **parquet_bytes({"experiments": found.points})}
    write_report(page, folder, beside=beside)
    return page


def experiments_page(found: Row) -> Page:
    """Build the page of simulations given as JSON, as :meth:`Experiments.to_dict` makes it."""
    rates = ", ".join(dict.fromkeys(percent(row["rate"]) for row in found["simulations"]))
    folders = [Fact(f"{percent(row['rate'])} controlled", _where(row)) for row in found["simulations"]]
    return Page(
        f"Experiments: {found['simulations'][0]['title']}",
        f"{counted(len(found['simulations']), 'simulation')} of {len(found['policies'])} policies; controlled: {rates}",
        "Which policy at which capacity, and how sure is that?",
        experiments.answer(found),
        tuple(experiments.key_figures(found)),
        tuple(experiments.sections(found)),
        tuple(experiments.next_steps(found)),
        (*folders, MADE),
        experiments.DEFINITIONS,
    )


def _where(row: Row) -> str:
    weeks = f"{counted(row['weeks'], 'week')}, {counted(row['replications'], 'replication')}, plan {row['plan']}"
    return f"{row['name']}: {row['pipeline']}, {weeks}"
