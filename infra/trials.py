"""Trials: the trainings of a search, kept in MLflow as child runs of one run.

What MLflow keeps is read by many: public choices, and measures that are public or DP-released, or whatever public data
shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.registry import Registry
from infra.tracking import private_files
from models.values.balance import Point
from models.values.scope import Measure

_PARENT = "mlflow.parentRunId"


class Trials:
    """The runs of one search at the registry's tracking address, in the experiment `name`."""

    def __init__(self, registry: Registry, name: str) -> None:
        self._client, self._experiment = registry.client(), registry.experiment(name)

    def begin(self, title: str, facts: Mapping[str, str]) -> str:
        """A new parent run; returns its identifier."""
        with private_files():
            run = self._client.create_run(self._experiment, run_name=title, tags=dict(facts))
        return str(run.info.run_id)

    def note(self, parent: str, point: Point, *, public: bool, title: str) -> str:
        """One trial as a child run of `parent`."""
        from mlflow.entities import Metric, Param

        with private_files():
            run = self._client.create_run(self._experiment, run_name=title, tags={_PARENT: parent})
        now = int(run.info.start_time)
        metrics = [Metric(name, value, now, 0) for name, value in _measures(point, public).items()]
        params = [Param(name, str(value)) for name, value in point.choices.items()]
        self._client.log_batch(run.info.run_id, metrics=metrics, params=params)
        self._client.set_terminated(run.info.run_id)
        return str(run.info.run_id)

    def noted(self, parent: str, title: str) -> bool:
        """Whether `parent` has a child run of that title."""
        wanted = f"tags.{_PARENT} = '{parent}' and attributes.run_name = '{title}'"
        return bool(self._client.search_runs([self._experiment], wanted, max_results=1))

    def end(self, parent: str, files: Mapping[str, str]) -> None:
        """Finish the parent run with the texts that it shows."""
        with private_files():
            for name, text in files.items():
                self._client.log_text(parent, text, name)
        self._client.set_terminated(parent)


def _measures(point: Point, public: bool) -> dict[str, float]:
    """What may be seen of a point."""
    names = ("epsilon", "upper_bits", "unmet", *(["seconds"] if public else []))
    shown: dict[str, Any] = {name: getattr(point, name) for name in names}
    measures: dict[str, Measure] = {
        "utility": point.utility,
        "risk_bits": point.risk,
        "membership_advantage": point.advantage,
    }
    for name, measure in measures.items():
        if public or measure.scope != "internal":
            shown |= {name: measure.value, f"{name}_low": measure.low, f"{name}_high": measure.high}
    return shown
