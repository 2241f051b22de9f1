"""score: a released data set and the champion in, encrypted predictions for its customers out."""

from __future__ import annotations

from prefect import flow

from models.values.dataset import DatasetRef
from models.values.stage import Scored
from tasks import intake, scoring


@flow(name="score", persist_result=False, log_prints=False)
def score(spec: str, use_case: str, released: DatasetRef | None = None, version: int | None = None) -> Scored:
    """Predict for the customers of a release (the newest unless named) with the champion of a use case."""
    pinned = intake.pin(spec)
    return scoring.score(pinned, use_case, released, version)
