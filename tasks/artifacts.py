"""Artifacts: what a run shows of itself in the Prefect UI. Counts and rules, never rows."""

from __future__ import annotations

from prefect.artifacts import create_markdown_artifact
from prefect.context import FlowRunContext


def publish_markdown(key: str, text: str, description: str) -> None:
    """Show a text on the page of the running flow; outside a flow nothing is shown."""
    if FlowRunContext.get() is None:
        return
    create_markdown_artifact(key=key, markdown=text, description=description)
