"""alert: a run that failed or crashed is told in the Prefect UI."""

from __future__ import annotations

from prefect import flow

from tasks import alerting


@flow(name="alert", persist_result=False, log_prints=False)
def alert(run: str) -> None:
    """Say which run failed; started by an automation."""
    alerting.tell(run)
