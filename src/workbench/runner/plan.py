"""The plan of a run: pipeline, contracts and parameters, checked as a whole before anything starts."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.config import Pipeline, Step, load_pipeline
from workbench.errors import ParameterError, did_you_mean
from workbench.runner.contracts import Contract, read_contract

# A password by the name of its environment variable, as sources take it, is no secret.
_SECRET_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:(?!\$\{\w+\}@)[^/\s@]+@", re.IGNORECASE)


@dataclass(frozen=True)
class Plan:
    """A checked run; build it with :func:`make_plan`.

    `steps` are the pipeline's with every parameter checked and overridden as given, `contracts` those of their
    notebooks in the same order.
    """

    pipeline: Pipeline
    given: Mapping[str, str]
    steps: list[Step]
    contracts: list[Contract]


def make_plan(pipeline_path: Path, given: Mapping[str, str], notebooks: Path) -> Plan:
    """Read the pipeline and its notebooks' contracts, put the `given` values in their places and check all of it.

    Raises
    ------
    ParameterError, ConfigError, SourceError
        What is wrong, with the nearest name that would be right.
    """
    declared = _declared(pipeline_path)
    pipeline = _load(pipeline_path, given, declared)
    refuse_secrets(pipeline.model_dump(mode="json"), "pipeline")
    refuse_secrets(dict(given), "-p")
    contracts = read_contracts(pipeline.steps, notebooks)
    overrides = {name: text for name, text in given.items() if name not in declared}
    return Plan(pipeline, given, fill_steps(pipeline.steps, contracts, overrides, declared), contracts)


def _declared(pipeline_path: Path) -> list[str]:
    """Return the names under [parameters]; what is wrong with the file itself `load_pipeline` says."""
    try:
        return list(tomllib.loads(pipeline_path.read_text(encoding="utf-8")).get("parameters", {}))
    except (OSError, ValueError, TypeError):
        return []


def _load(pipeline_path: Path, given: Mapping[str, str], declared: list[str]) -> Pipeline:
    try:
        return load_pipeline(pipeline_path, {name: text for name, text in given.items() if name in declared})
    except ParameterError as error:
        # A parameter may be missing only because its name was misspelt.
        near = [f"{name!r}{hint}" for name in given if name not in declared and (hint := did_you_mean(name, declared))]
        raise ParameterError(f"{error} You gave {', '.join(near)}." if near else str(error)) from None


def read_contracts(steps: Iterable[Step], notebooks: Path) -> list[Contract]:
    """Return the contract of each step's notebook in the folder `notebooks`, or one error that names every fault."""
    contracts: list[Contract] = []
    faults: list[str] = []
    for step in steps:
        try:
            contracts.append(read_contract(_notebook_file(step.notebook, notebooks)))
        except ParameterError as error:
            faults.append(str(error))
    if faults:
        raise ParameterError("\n".join(dict.fromkeys(faults)))
    return contracts


def _notebook_file(name: str, notebooks: Path) -> Path:
    file = notebooks / f"{name}.ipynb"
    if Path(name).name != name or not file.is_file():
        near = did_you_mean(name, (other.stem for other in notebooks.glob("*.ipynb")))
        raise ParameterError(f"There is no notebook {name!r} in {notebooks}{near}. Mend [[steps]] of the pipeline.")
    return file


def fill_steps(
    steps: Iterable[Step], contracts: Iterable[Contract], overrides: Mapping[str, str], declared: Iterable[str] = ()
) -> list[Step]:
    """Return the steps with checked parameters: the pipeline's own, and over them the `overrides` given as text.

    `declared` names what the pipeline itself takes, for the message about a name that nothing takes.

    Raises
    ------
    ParameterError
        An override that no notebook of the pipeline takes, or a value of another type; every fault is listed.
    """
    pairs = list(zip(steps, contracts, strict=True))
    faults = _unknown_overrides(overrides, {*declared, *(name for _, c in pairs for name in c.settable)})
    filled: list[Step] = []
    for step, contract in pairs:
        values, found = contract.fill(step.parameters, overrides)
        faults += [f"{step.notebook}: {fault}" for fault in found]
        filled.append(Step(notebook=step.notebook, parameters=values))
    if faults:
        raise ParameterError("Parameters refused, nothing was started:\n  " + "\n  ".join(faults))
    return filled


def _unknown_overrides(overrides: Mapping[str, str], known: set[str]) -> list[str]:
    listed = ", ".join(sorted(known)) or "none"
    return [
        f"unknown parameter {name!r}{did_you_mean(name, known)}; the pipeline and its notebooks take: {listed}"
        for name in overrides
        if name not in known
    ]


def refuse_secrets(value: Any, place: str) -> None:
    """Refuse a URL that holds a password anywhere in `value`: parameters are saved in clear in every run.

    Raises
    ------
    ParameterError
        Names the place, never the value.
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            refuse_secrets(item, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            refuse_secrets(item, f"{place}[{number}]")
    elif isinstance(value, str) and _SECRET_URL.search(value):
        raise ParameterError(
            f"{place} holds a URL with a password, which would be saved in clear with the run. "
            "Put it into the environment and write ${NAME} in its place."
        )
