"""Alerting: which runs failed or crashed, told in the Prefect UI and by `privet status`."""

from __future__ import annotations

from uuid import UUID

from prefect.client.orchestration import get_client

from models.values.errors import PrivetError
from tasks.artifacts import publish_markdown
from tasks.stage import scrubbed


class NoSuchFlowRun(PrivetError, LookupError):
    """The server knows no run of this identifier."""


@scrubbed
def tell(run: str) -> None:
    """Show the name and end of a run as an artifact. What it said stays on its own page."""
    try:
        identifier = UUID(run)
    except ValueError:
        raise NoSuchFlowRun("the run to tell of is no identifier; give the one on its page") from None
    with get_client(sync_client=True) as client:
        found = client.read_flow_run(identifier)
        flow = client.read_flow(found.flow_id)
    state = (found.state and found.state.name) or "unknown"
    publish_markdown(
        "alert", _text(flow.name, found.name, state, identifier), f"{flow.name} {found.name}: {state}"
    )


def _text(flow: str, name: str, state: str, run: UUID) -> str:
    return (
        f"**{state}:** run [{name}](/runs/flow-run/{run}) of the flow `{flow}`.\n\n"
        "Its page says in which stage and why. Nothing unfinished was published; budget that a training had "
        "reserved stays spent. Mend the cause, then run it again.\n"
    )
