"""Several simulations side by side: which policy found most at which capacity, and how sure that is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from workbench.errors import ParameterError

from .compared import METRICS
from .results import SimulationResults

_ALIKE = {
    "pipeline": "pipeline",
    "world": "kind of goods",
    "first_day": "first day",
    "weeks": "weeks",
    "goods": "goods",
}
"""What simulations must share to be set side by side."""

_DIALS = {
    "plan": "the plan of the rate",
    "start_rate": "the rate that the plan starts from",
    "mask": "the labels known at the start",
    "seed": "the seed of the lots",
    "replications": "the replications",
}
"""What else than the rate may differ; whoever reads the figures is told."""

_ESTIMATE = ("value", "low_95", "high_95")
_MOST_NAMED = 4
_FOUND = (
    *("weeks", "replications", "first_day", "last_day", "goods", "base_rate", "headline", "has_revenue", "reacts"),
    "fewest_weeks",
)


@dataclass(frozen=True)
class Experiments:
    """Simulations in the order of their rates.

    Parameters
    ----------
    simulations
        One row a simulation, as :func:`_simulation` makes it: ``name``, ``rate``, ``weeks``, ``best``, ``rivals``...
    points
        One row a simulation and policy: ``simulation``, ``rate``, ``policy``, ``explored``, each metric with
        ``_low_95`` and ``_high_95``, its normalised value, and ``behind`` (difference to the best in the headline
        metric, with ends; at most 0; null for the best).
    """

    simulations: Sequence[Mapping[str, Any]]
    points: pl.DataFrame

    @classmethod
    def read(cls, folders: Sequence[str | os.PathLike[str]]) -> Experiments:
        """Read folders of finished simulations.

        Raises
        ------
        ParameterError
            If fewer than two folders are given, one is given twice, or they were not simulated over the same weeks of
            the same goods.
        SourceError
            If a folder holds no finished simulation.
        """
        paths = [Path(folder) for folder in folders]
        if len({path.resolve() for path in paths}) < len(paths):
            raise ParameterError("A folder is given twice. Give each simulation once.")
        return cls.of(dict(zip(_names(paths), map(SimulationResults.read, paths), strict=True)))

    @classmethod
    def of(cls, results: Mapping[str, SimulationResults]) -> Experiments:
        """Compare results by name; errors as :meth:`read`."""
        if len(results) < 2:
            raise ParameterError(
                "There is nothing to set side by side: give two folders of finished simulations or more. What one "
                "found stands in its own report.html."
            )
        found = sorted(
            ((name, one.to_dict()) for name, one in results.items()), key=lambda pair: pair[1]["settings"]["rate"]
        )
        simulations = [_simulation(name, one) for name, one in found]
        _refuse_unlike(simulations)
        points = [point for name, one in found for point in _points(name, one)]
        return cls(simulations, pl.DataFrame(points, infer_schema_length=None))

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain JSON values."""
        return {
            "simulations": [dict(row) for row in self.simulations],
            "points": self.points.to_dicts(),
            "policies": self._by_rank(),
            "differing": self._differing(),
        }

    def describe(self) -> str:
        """Return a line a simulation for a terminal."""
        return "\n".join(_line(row) for row in self.simulations)

    def _by_rank(self) -> list[str]:
        """Return the policies, those first that were best on average over the simulations that have them."""
        ranked = self.points.with_columns(place=pl.int_range(pl.len()).over("simulation"))
        means = ranked.group_by("policy").agg(pl.col("place").mean(), count=pl.len())
        return means.sort("count", "place", "policy", descending=[True, False, False])["policy"].to_list()

    def _differing(self) -> list[str]:
        """Return what else than the rate is not the same in all simulations, in words."""
        return [what for name, what in _DIALS.items() if len({row[name] for row in self.simulations}) > 1]


def _refuse_unlike(simulations: Sequence[Mapping[str, Any]]) -> None:
    differing = {name: label for name, label in _ALIKE.items() if len({row[name] for row in simulations}) > 1}
    if differing:
        named = "; ".join(
            f"{row['name']} has {', '.join(f'{label} {row[name]}' for name, label in differing.items())}"
            for row in simulations[:_MOST_NAMED]
        )
        raise ParameterError(
            f"Only simulations of the same weeks of the same goods can be set side by side: {named}. Give those that "
            "agree, or simulate again with the same pipeline, parameters, --weeks and --start-weeks."
        )


def _names(paths: Sequence[Path]) -> list[str]:
    """Return the folders' own names, or as much of their paths as tells them apart."""
    names = [path.resolve().name for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def _simulation(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    settings, best = found["settings"], found["policies"][0]
    headline = found["headline"]
    return {
        "name": name,
        **{key: settings.get(key) for key in ("rate", "title", "pipeline", "world", *_DIALS)},
        **{key: found[key] for key in _FOUND},
        "best": best["policy"],
        "best_value": best["totals"]["whole"][headline],
        "rivals": [row["policy"] for row in found["policies"][1:] if not _is_behind(row, headline)],
        "others": len(found["policies"]) - 1,
    }


def _is_behind(row: Mapping[str, Any], headline: str) -> bool:
    high = row["totals"]["whole"]["less_best"][headline]["high_95"]
    return high is not None and high < 0


def _points(name: str, found: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "simulation": name,
            "rate": float(found["settings"]["rate"]),
            "policy": row["policy"],
            "explored": row["exploration_share"],
            **_flat({metric: whole[metric] for metric in METRICS}),
            **{f"normalised_{metric}": whole[f"normalised_{metric}"]["value"] for metric in METRICS},
            **_flat({"behind": whole.get("less_best", {}).get(found["headline"], dict.fromkeys(_ESTIMATE))}),
        }
        for row in found["policies"]
        for whole in [row["totals"]["whole"]]
    ]


def _flat(estimates: Mapping[str, Mapping[str, float | None]]) -> dict[str, float | None]:
    return {
        name if part == "value" else f"{name}_{part}": estimate[part]
        for name, estimate in estimates.items()
        for part in _ESTIMATE
    }


def _line(row: Mapping[str, Any]) -> str:
    value = row["best_value"]["value"]
    found = "nothing was controlled" if value is None else f"{100 * value:.1f} % {row['headline']}"
    too_short = value is not None and row["best_value"]["low_95"] is None
    unsure = f"; its lead over {', '.join(row['rivals'])} may be chance" if row["rivals"] and not too_short else ""
    unsure += "; too few weeks to say how sure that is" if too_short else ""
    most = "came out first" if row["rivals"] else "found most"
    return f"{row['name']}, {100 * row['rate']:g} % controlled: {row['best']} {most}, {found}{unsure}"
