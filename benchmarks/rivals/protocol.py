"""The line protocol between the race and a contender: JSON on standard input and output.

The contender is started with model, batch and mode. It answers `{"ready": true, ...}` when it is warm, and every
line `N` with `{"seconds": [N numbers], "peak_mib": ...}`: the times of N private steps, and the highest memory of
the process so far. A contender that cannot do what was asked answers `{"failed": "why"}` and ends. Nothing but the
standard library is imported here: each contender runs in an environment of its own.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

Step = Callable[[], None]
Make = Callable[[str, int, str], Step]
"""`make(model, batch, mode)` gives a private step; a call returns when the step is done."""

WARM_STEPS, WARM_SECONDS = 20, 3.0


def serve(make: Make) -> None:
    """Speak the protocol until standard input ends; the arguments are model, batch and mode."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not stand among the answers

    def answer(line: dict[str, object]) -> None:
        print(json.dumps(line), file=answers, flush=True)

    model, batch, mode = sys.argv[1:]
    try:
        step = make(model, int(batch), mode)
        seconds = _warm(step)
    except Exception as fault:  # noqa: BLE001  whatever a rival raises is its answer
        answer({"failed": f"{type(fault).__name__}: {fault}".splitlines()[0][:200]})
        return
    answer({"ready": True, "seconds": seconds, "peak_mib": _peak_mib()})
    for line in sys.stdin:
        answer({"seconds": [_timed(step) for _ in range(int(line))], "peak_mib": _peak_mib()})


def _warm(step: Step) -> float:
    """Compile and warm up; the seconds of the fastest step after the first."""
    started = time.perf_counter()
    step()
    taken = [_timed(step)]
    while len(taken) < WARM_STEPS and time.perf_counter() - started < WARM_SECONDS:
        taken.append(_timed(step))
    return min(taken)


def _timed(step: Step) -> float:
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


def _peak_mib() -> int:
    """The highest memory of this process; `ru_maxrss` would count the parent's, which a child takes over."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024
