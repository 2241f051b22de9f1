"""Fencing: a run that was given up changes nothing, even if it lives and would finish later."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext

from models.values.errors import PrivetError

P = ParamSpec("P")
R = TypeVar("R")


class RunEnded(PrivetError, RuntimeError):
    """Prefect holds this run, or one above it, for crashed, failed or cancelled."""


def still_wanted() -> None:
    """Ask the server whether the running flow and the flows above it still count as running.

    Outside a flow nothing is asked. Between this answer and the next write there is a moment in which a run
    can be given up unseen: what it then publishes is whole and a version of its own.

    Raises:
        RunEnded: one of them was declared crashed, failed or cancelled.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(context.flow_run.id)
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
