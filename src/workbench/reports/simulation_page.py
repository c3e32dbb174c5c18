"""The page of a simulation: which policy, at which capacity, how sure."""

from __future__ import annotations

import os
from dataclasses import dataclass
from html import escape

from workbench.reports.beside import MADE
from workbench.reports.html import render, write_report
from workbench.reports.page import Page
from workbench.reports.sections import simulation
from workbench.reports.sections import simulation_advice as advice
from workbench.reports.sections import simulation_words as words
from workbench.reports.sections.cells import Row, counted, percent, period
from workbench.simulation.results import SimulationResults


def write_simulation_page(results: SimulationResults, folder: str | os.PathLike[str]) -> Page:
    """Write ``report.html`` and ``report.json`` of a simulation into `folder`.

    Parameters
    ----------
    results
        What was found.
    folder
        Where to; usually the folder of the results. Pages of the same name in it are replaced, both together.

    Raises
    ------
    SelectivityError
        If the folder cannot be written; what was there is as it was.
    """
    page = simulation_page(results.to_dict())
    write_report(page, folder)
    return page


def simulation_page(found: Row) -> Page:
    """Build the page of a simulation given as JSON, as :meth:`SimulationResults.to_dict` makes it."""
    settings = found["settings"]
    return Page(
        f"Simulation: {settings['title']}",
        f"{words.policies(len(found['policies']))}, {percent(settings['rate'])} of the goods controlled, "
        f"{counted(found['weeks'], 'week')}, "
        f"{period(found['first_day'], found['last_day'])}",
        "Which policy should choose the controls, and how sure is that?",
        words.answer(found),
        tuple(words.key_figures(found)),
        tuple(simulation.sections(found)),
        tuple(advice.next_steps(found)),
        (*simulation.facts(found), MADE),
        advice.DEFINITIONS,
    )


@dataclass(frozen=True)
class Framed:
    """A page as a notebook shows it: in a frame of its own, in which nothing runs.

    Parameters
    ----------
    page
        The page.

    Examples
    --------
    >>> Framed(Page("Simulation", "4 weeks", "Which policy?", "Nobody <knows>."))._repr_html_()[:34]
    '<iframe title="Simulation" sandbox'
    """

    page: Page

    def _repr_html_(self) -> str:
        style = "width: 100%; height: 60rem; border: 0"
        document = escape(render(self.page))
        return f'<iframe title="{escape(self.page.title)}" sandbox style="{style}" srcdoc="{document}"></iframe>'
