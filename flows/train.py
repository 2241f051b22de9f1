"""train: a released data set in, a private model with its dossier in the registry out."""

from __future__ import annotations

from prefect import flow

from models.values.dataset import DatasetRef
from models.values.stage import Trained
from tasks import audit, budget, intake, release, training


@flow(name="train", persist_result=False, log_prints=False)
def train(spec: str, use_case: str, released: DatasetRef) -> Trained:
    """Train one use case under its privacy target and publish it with its evidence."""
    pinned = intake.pin(spec)
    reserved = budget.reserve(pinned, use_case, released)
    fitted = training.fit(pinned, use_case, released, reserved)
    evidence = audit.assess(pinned, use_case, fitted)
    return release.publish(pinned, use_case, fitted, evidence)
