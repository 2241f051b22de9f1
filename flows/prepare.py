"""prepare: raw customer tables in, a released data set out, or nothing."""

from __future__ import annotations

from prefect import flow

from models.values.stage import Prepared
from tasks import curation, deidentification, gating, intake, landing, publishing, retention


@flow(name="prepare", persist_result=False, log_prints=False)
def prepare(spec: str) -> Prepared:
    """Let expired data go; land a shop's tables, check them, keep what consent allows, de-identify, gate, publish."""
    pinned = intake.pin(spec)
    retention.expire(pinned)
    landed = landing.land(pinned)
    curated = curation.curate(pinned, landed)
    draft = deidentification.deidentify_tables(pinned, curated.output)
    gate = gating.gate(pinned, draft)
    return publishing.publish(pinned, draft, gate, (landed, curated.contract, curated.consent))
