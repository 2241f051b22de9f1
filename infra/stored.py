"""Stored: a model as MLflow's files, and what it must fit."""

from __future__ import annotations

import json
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.report.facts import RegistryError
from infra.served import DATA, MODEL, Service, serve

if TYPE_CHECKING:
    import keras
    from mlflow import MlflowClient

KERAS_FILE = f"{DATA}/{MODEL}"
_PINNED = ("tensorflow", "keras", "numpy")


def check_plan(plan_json: str) -> None:
    """Raise RegistryError for what is no plan: it is public, and a run log with its lists is not."""
    try:
        plan = json.loads(plan_json)
    except ValueError as broken:
        raise RegistryError("the plan is no JSON; give the canonical text of a privacy plan") from broken
    if not isinstance(plan, dict) or any(isinstance(part, list) for part in plan.values()):
        raise RegistryError("the plan is no JSON object without lists; a run log stays in the evidence")


def check_inputs(name: str, model: keras.Model, named: tuple[str, ...]) -> None:
    """Raise RegistryError if evidence names neither the model's inputs nor the columns of its only one."""
    taken = [each.name for each in model.inputs]
    shapes = [tuple(each.shape) for each in model.inputs]
    if sorted(taken) != sorted(named) and shapes != [(None, len(named))]:
        raise RegistryError(
            f"model {name!r} takes {', '.join(taken)} of shape {', '.join(map(str, shapes))}, its evidence names "
            f"{len(named)} features; register the model with the evidence of its own run"
        )


def save(
    client: MlflowClient, name: str, model: keras.Model, run_id: str, folder: Path, service: Service | None
) -> tuple[str, str]:
    """Save `model` to `folder`, then upload it; returns its address and MLflow's id of it."""
    import mlflow.keras
    from mlflow.models import Model

    experiment = client.get_run(run_id).info.experiment_id
    logged = client.create_logged_model(experiment, name=name, source_run_id=run_id)
    location, model_id = str(logged.artifact_location), str(logged.model_id)
    mlflow.keras.save_model(
        model,
        str(folder),
        signature=_signature(model),
        mlflow_model=Model(artifact_path=location, run_id=run_id, model_id=model_id),
        pip_requirements=[f"{package}=={installed(package)}" for package in _PINNED],
    )
    if service is not None:
        serve(folder, service)
    client.log_model_artifacts(model_id, str(folder))
    client.finalize_logged_model(model_id, "READY")
    return location, model_id


def _signature(model: keras.Model) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import Schema

    several = len(model.inputs) > 1
    inputs = [_tensor(each, each.name if several else None) for each in model.inputs]
    return ModelSignature(Schema(inputs), Schema([_tensor(each, None) for each in model.outputs]))


def _tensor(each: Any, name: str | None) -> Any:
    import numpy as np
    from mlflow.types import TensorSpec

    shape = (-1, *(-1 if size is None else int(size) for size in each.shape[1:]))
    return TensorSpec(np.dtype(each.dtype), shape, name)
