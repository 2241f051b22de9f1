"""Artifacts: what a run shows of itself in the Prefect UI. Counts and rules, never rows."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import httpx
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.context import FlowRunContext
from prefect.events import emit_event

from models.values.dataset import DatasetRef

UPDATE_SECONDS = 2.0
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!])")
Shown = Callable[[float, str], None]


def publish_markdown(key: str, text: str, description: str) -> None:
    """Show a text on the page of the running flow; outside a flow nothing is shown."""
    if FlowRunContext.get() is None:
        return
    create_markdown_artifact(key=key_of(key), markdown=text, description=description)


def plain(text: str) -> str:
    """A text in which Markdown sees no mark, such as a header of a user's file."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def announce(released: DatasetRef) -> None:
    """Tell Prefect by an event, which starts trainings, that a release exists; it holds the reference only."""
    if FlowRunContext.get() is None:
        return
    emit_event(
        "privet.release.published",
        resource={
            "prefect.resource.id": f"privet.release.{released.name}",
            "prefect.resource.name": str(released),
        },
        payload={"zone": released.zone, "name": released.name, "version": released.version},
    )


def key_of(name: str) -> str:
    """The name as a key of an artifact: Prefect takes a-z, 0-9 and -."""
    return name.replace("_", "-")


@contextmanager
def progress(key: str) -> Iterator[Shown]:
    """A bar on the page of the running flow: call it with a share of 1 and a note of public facts only.

    It asks the server at most every two seconds, and a server that does not answer does not stop the work.
    """
    if FlowRunContext.get() is None:
        yield lambda share, note: None
        return
    artifact = create_progress_artifact(0.0, key=key_of(key), description="starting")
    told = 0.0

    def show(share: float, note: str) -> None:
        nonlocal told
        if share < 1 and time.monotonic() - told < UPDATE_SECONDS:
            return
        told = time.monotonic()
        with suppress(httpx.HTTPError):
            update_progress_artifact(artifact, 100 * share, description=note)  # type: ignore[arg-type]

    yield show
