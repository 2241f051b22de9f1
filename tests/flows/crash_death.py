"""The death of a stage: SIGKILL at a point, after noting what every call had confirmed until then."""

from __future__ import annotations

import importlib
import os
import pickle
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.flows.crash_points import CREATE, DELETE, PUT, TRAIN, Point
from tests.flows.crash_way import LATER_DAYS, believe, few_steps, stages_of


def die(folder: Path, point: Point) -> None:
    kept = pickle.loads((folder / "kept.pickle").read_bytes())
    if point.torn:
        with (folder / "home" / "audit.jsonl").open("ab") as log:
            log.write(b'{"n":9,"time":"20')
    if point.stage in TRAIN:
        few_steps()
    if point.stage == "expire":
        believe(LATER_DAYS)
    if point.refused:
        _refuse()
    _note_what_is_promised(folder)
    _arm(point)
    stages_of(kept)[point.stage]()


def _arm(point: Point) -> None:
    running = [not point.within]
    calls = 0

    def passing(real: Callable[..., Any]) -> Callable[..., Any]:
        def passed(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            hit = running[-1] and point.of in str((args, kwargs))
            calls += hit
            if not hit or calls != point.call:
                return real(*args, **kwargs)
            if point.when == "half":
                real(args[0], bytes(args[1])[: len(args[1]) // 2])
            elif point.when == "after":
                real(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)

        return passed

    def outer(real: Callable[..., Any]) -> Callable[..., Any]:
        def passed(*args: Any, **kwargs: Any) -> Any:
            running.append(True)
            try:
                return real(*args, **kwargs)
            finally:
                running.pop()

        return passed

    if point.within:
        _wrap(point.within, outer)
    if point.at == "sql":
        _watch_sql(passing)
    else:
        _wrap(point.at, passing)


def _wrap(target: str, make: Callable[[Any], Any]) -> None:
    module, _, path = target.partition(":")
    owner: Any = importlib.import_module(module)
    *way, name = path.split(".")
    for part in way:
        owner = getattr(owner, part)
    setattr(owner, name, make(getattr(owner, name)))


def _watch_sql(passing: Callable[[Any], Any]) -> None:
    """Every statement of the key store and the ledger passes the point."""
    execute = passing(sqlite3.Connection.execute)

    class Watched(sqlite3.Connection):
        def execute(self, *args: Any) -> Any:
            return execute(self, *args)

    connect = sqlite3.connect
    sqlite3.connect = lambda *args, **kwargs: connect(*args, **kwargs, factory=Watched)


def _refuse() -> None:
    from models.values.dataset import GateCheck, GateResult

    no = GateResult(checks=(GateCheck(table="customer_profiles", rule="none", passed=False),))
    _wrap("tasks.gating:run_gate", lambda _: lambda *args, **kwargs: no)


def _note_what_is_promised(folder: Path) -> None:
    """Write down, in a file of its own, whatever a call confirmed to its caller before the death."""
    descriptor = os.open(folder / "known.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def noting(kind: str, of: Callable[[Any, tuple[Any, ...]], list[str]]) -> Callable[[Any], Any]:
        def make(real: Any) -> Any:
            def noted(*args: Any, **kwargs: Any) -> Any:
                done = real(*args, **kwargs)
                os.write(descriptor, "".join(f"{kind} {what}\n" for what in of(done, args)).encode())
                return done

            return noted

        return make

    _wrap("infra.ledger:Ledger.reserve", noting("reserved", lambda done, args: [done.id]))
    _wrap("infra.ledger:Ledger.commit", noting("committed", lambda done, args: [args[1]]))
    _wrap("infra.auditlog:AuditLog.append", noting("logged", lambda done, args: [done]))
    _wrap("infra.keys:KeyStore.create", noting("key", lambda done, args: list(done)))
    _wrap("infra.keys:KeyStore.destroy", noting("nokey", lambda done, args: list(args[3])))
    for method in (CREATE, PUT):
        _wrap(method, noting("object", lambda done, args: [args[1]]))
    _wrap(DELETE, noting("noobject", lambda done, args: [args[1]]))
