"""shop: the main job. Prepare a shop's data, then train each of its use cases."""

from __future__ import annotations

from prefect import flow

from flows.prepare import prepare
from flows.train import train
from models.values.stage import ShopReport
from tasks import intake, summary


@flow(name="shop", persist_result=False, log_prints=False)
def shop(spec: str) -> ShopReport:
    """From raw tables to registered private models, with proof at every step."""
    prepared = prepare(spec)
    trained = [train(spec, use_case, prepared.released) for use_case in intake.use_cases(spec)]
    return summary.report(spec, prepared, trained)
