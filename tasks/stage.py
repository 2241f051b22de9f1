"""A stage: a Prefect task from which only references, counts and safe errors come out."""

from __future__ import annotations

import asyncio
import functools
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import prefect
from prefect.cache_policies import NO_CACHE
from prefect.exceptions import PrefectSignal

from models.values.errors import PrivetError
from tasks.fencing import fenced

P = ParamSpec("P")
R = TypeVar("R")
_SIGNALS = (KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError, PrefectSignal)
_HOUSE = Path(__file__).resolve().parent.parent


class StageFailed(PrivetError, RuntimeError):
    """A stage failed in a way that Privet did not foresee; what the fault said is withheld."""


def stage(*, timeout_seconds: float, tags: set[str]) -> Callable[[Callable[P, R]], prefect.Task[P, R]]:
    """Make a function a Prefect task: no result persisted, no caching, no prints logged, errors scrubbed, fenced.

    Faults of libraries quote data ("could not convert 'ann@...'"); of those only the kind and the place
    leave the stage. A `PrivetError` passes, without the chain of errors behind it.
    """

    def decorate(function: Callable[P, R]) -> prefect.Task[P, R]:
        as_task = prefect.task(
            name=function.__name__,
            tags=tags,
            timeout_seconds=timeout_seconds,
            persist_result=False,
            cache_policy=NO_CACHE,
            log_prints=False,
        )
        return as_task(scrubbed(fenced(function)))

    return decorate


def scrubbed(function: Callable[P, R]) -> Callable[P, R]:
    """The function, with every error made safe to show, log and store."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        failure: PrivetError
        try:
            return function(*args, **kwargs)
        except PrivetError as error:
            failure = error
        except _SIGNALS:
            raise
        # The one place where any fault may be caught: to withhold it. A panic in Rust is no Exception.
        except BaseException as error:  # noqa: BLE001
            failure = StageFailed(_describe(function.__name__, error))
        # raised outside the handler, so that nothing hangs on to the original and its locals
        failure.__cause__ = failure.__context__ = None
        raise failure.with_traceback(None)

    return guarded


def _describe(name: str, error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _of_the_house(frame.filename)]
    place = frames[-1]  # there is one: the stage itself
    where = Path(place.filename).relative_to(_HOUSE)
    return (
        f"stage '{name}' failed with {type(error).__name__} at {where}:{place.lineno}; its message is "
        "withheld since it may quote data. Nothing was published; run `privet doctor`, then try again"
    )


def _of_the_house(filename: str) -> bool:
    """Whether a source file is Privet's own; its environment may lie inside its folder."""
    return filename.startswith(f"{_HOUSE}{os.sep}") and "site-packages" not in filename
