"""Fencing: a run that was given up changes nothing, even if it lives and would finish later."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext

from models.values.errors import PrivetError

P = ParamSpec("P")
R = TypeVar("R")
PATIENCE_SECONDS = 120.0


class RunEnded(PrivetError, RuntimeError):
    """Prefect holds this run, or one above it, for crashed, failed or cancelled."""


class NoAnswer(PrivetError, ConnectionError):
    """The server did not say whether the run still counts."""


def still_wanted() -> None:
    """Ask the server whether the running flow and the flows above it still count as running.

    Outside a flow nothing is asked. A server that is started again meanwhile is waited for. Between its answer and
    the next write there is a moment in which a run can be given up unseen: what it then publishes is whole and
    a version of its own.

    Raises:
        RunEnded: one of them was declared crashed, failed or cancelled.
        NoAnswer: the server has not answered for two minutes.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return _refuse_ended(context.flow_run.id)
        except httpx.TransportError:
            if time.monotonic() > deadline:
                break
        time.sleep(1)
    raise NoAnswer(
        f"the Prefect server has not answered for {PATIENCE_SECONDS:.0f} s, so the run stops and publishes nothing "
        "more; start the server with `privet up`, then the run again"
    )


def _refuse_ended(identifier: UUID) -> None:
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(identifier)
        while True:
            if run.state is not None and (run.state.is_final() or run.state.is_cancelling()):
                raise RunEnded(
                    f"run {run.name!r} was declared {run.state.type.value.lower()} while it still worked; it stops "
                    "and publishes nothing more. Start it again"
                )
            if run.parent_task_run_id is None:
                return
            above = client.read_task_run(run.parent_task_run_id).flow_run_id
            if above is None:
                return
            run = client.read_flow_run(above)


def fenced(function: Callable[P, R]) -> Callable[P, R]:
    """The function, refused before its first step if its run was given up."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        still_wanted()
        return function(*args, **kwargs)

    return guarded
