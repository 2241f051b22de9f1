"""audit: a released data set in, the proof or refutation of a claimed epsilon out."""

from __future__ import annotations

from prefect import flow

from models.values.dataset import DatasetRef
from models.values.stage import Audited
from tasks import auditing, budget, intake


@flow(name="audit", persist_result=False, log_prints=False)
def audit(spec: str, use_case: str, released: DatasetRef | None = None, canaries: int = 5000) -> Audited:
    """Train one use case with canaries among its customers, at the charge of a training, and keep the audit alone."""
    pinned = intake.pin(spec)
    released = auditing.release_of(pinned, use_case, released)
    reserved = budget.reserve(pinned, use_case, released, "audit")
    return auditing.audit(pinned, use_case, released, reserved, canaries)
