"""Failing: a program that runs the canary's shop as it is, and then once for every stage with a fault in it.

All in one process, for the imports are slow. Stages before the faulty one are answered from the good run.
Usage: failing.py SPEC FOLDER; writes FOLDER/outcomes.json and, of every fault, what lay on the disk then.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.flows.planting import EMAIL, PHONE, SPOILS, STEM, TEXT, spoil

# Stage -> the tasks that really run, and what fails below it.
PREPARE = {
    "pin": "tasks.intake:read_spec",
    "expire": "tasks.retention:expired",
    "land": "tasks.landing:columns_of",
    "curate": "tasks.curation:compile_rules",
    "deidentify_tables": "tasks.deidentification:anonymise",
    "gate": "tasks.gating:run_gate",
    "publish": "tasks.publishing:publish_manifest",
}
TRAIN = {
    "reserve": "tasks.budget:made_under",
    "fit": "models.privacy.trainer:fit",
    "assess": "models.privacy.accounting:claim",
    "release": "tasks.release:render",
}
PLACES = {
    "pin": "tasks.intake:pin",
    "expire": "tasks.retention:expire",
    "land": "tasks.landing:land",
    "curate": "tasks.curation:curate",
    "deidentify_tables": "tasks.deidentification:deidentify_tables",
    "gate": "tasks.gating:gate",
    "publish": "tasks.publishing:publish",
    "reserve": "tasks.budget:reserve",
    "fit": "tasks.training:fit",
    "assess": "tasks.audit:assess",
    "release": "tasks.release:publish",
    "report": "tasks.summary:report",
}
# A stage that needs another one to run for real: the gate discards the draft that it judges.
WITH = {"gate": ("deidentify_tables",)}


class Panic(BaseException):
    """What a library written in Rust raises when it panics: no `Exception`, but a message all the same."""


def main(spec: str, folder: Path) -> None:
    """The good run, then a run with a fault in each stage, then faults of other kinds."""
    _open(spec)
    known: dict[str, Any] = {}
    outcomes = {"": _observed(spec, folder, lambda: _recording(known))}
    for stage, target in (PREPARE | TRAIN).items():
        outcomes[stage] = _observed(
            spec, folder, lambda s=stage, t=target: _faulty(known, s, t, _bomb(folder, s))
        )
    for name, stage, target, fault in (
        ("panic", "assess", "models.privacy.accounting:claim", _bomb(folder, "panic", Panic)),
        ("group", "reserve", "tasks.budget:made_under", _bomb(folder, "group", _group)),
        ("report", "report", "tasks.summary:read_spec", _bomb(folder, "report")),
        (
            "unredacted",
            "gate",
            "models.anonymity.policy:redacted",
            lambda table, names, *_: (table, dict(zip(names, names, strict=True))),
        ),
    ):
        outcomes[name] = _observed(spec, folder, lambda s=stage, t=target, f=fault: _faulty(known, s, t, f))
    for name in SPOILS:
        spoilt = spoil(Path(spec).parent, Path(spec).parent.parent / "spoilt" / name, name)
        outcomes[name] = _observed(str(spoilt), folder, contextlib.nullcontext)
    (folder / "outcomes.json").write_text(json.dumps(outcomes, indent=1))


def _open(spec: str) -> None:
    """What the command does before its first import of Prefect."""
    from infra.settings import Settings
    from tasks import opening, operate

    settings = Settings.load()
    operate.prepare_environment(settings)
    opening.open_shop(settings, spec)


def _observed(spec: str, folder: Path, condition: Callable[[], Any]) -> dict[str, Any]:
    """The command under a condition: exit status, what it printed, and what was published before and after."""
    from flows import cli

    before = _published()
    out, err = io.StringIO(), io.StringIO()
    with condition(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = cli.main(["run", spec, "--json"])
        except (Exception, Panic):  # noqa: BLE001  # the program would end so, and show this
            traceback.print_exc()
            status = 70
    return {
        "status": status,
        "out": out.getvalue(),
        "err": err.getvalue(),
        "before": before,
        "after": _published(),
    }


def _published() -> Any:
    from flows import cli

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert cli.main(["status", "--json"]) == 0
    return json.loads(out.getvalue())


@contextlib.contextmanager
def _recording(known: dict[str, Any]) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for stage, place in PLACES.items():
            stack.enter_context(_replaced(place, lambda real, s=stage: _recorder(known, s, real)))
        yield


def _recorder(known: dict[str, Any], stage: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def recorded(*args: Any) -> Any:
        known[stage] = real(*args)
        return known[stage]

    return recorded


@contextlib.contextmanager
def _faulty(known: dict[str, Any], stage: str, target: str, fault: Callable[..., Any]) -> Iterator[None]:
    """Every other stage answers what it did in the good run; below this one something fails."""
    real = {stage, *WITH.get(stage, ())}
    with contextlib.ExitStack() as stack:
        for other in PLACES.keys() - real:
            stack.enter_context(_replaced(PLACES[other], lambda _, o=other: lambda *args: known[o]))
        stack.enter_context(_replaced(target, lambda _: fault))
        yield


@contextlib.contextmanager
def _replaced(target: str, make: Callable[[Any], Any]) -> Iterator[None]:
    module, _, name = target.partition(":")
    owner = importlib.import_module(module)
    before = getattr(owner, name)
    setattr(owner, name, make(before))
    try:
        yield
    finally:
        setattr(owner, name, before)


def _bomb(
    folder: Path, stage: str, kind: Callable[[str], BaseException] = RuntimeError
) -> Callable[..., Any]:
    """Fails as libraries do: the value in the message, a local variable, an argument, a note and the cause."""

    def fail(*_: Any, **__: Any) -> Any:
        from infra.settings import Settings

        row = {"email": EMAIL, "phone": PHONE, "text": TEXT}
        for number, place in enumerate((Settings.load().work_dir, Path(tempfile.gettempdir()))):
            shutil.copytree(place, folder / "then" / stage / str(number))
        try:
            raise ValueError(f"could not convert {row}", row)
        except ValueError as cause:
            fault = kind(f"near {STEM}: {row['email']}")
            fault.add_note(f"row {row}")
            raise fault from cause

    return fail


def _group(message: str) -> BaseException:
    return ExceptionGroup(message, [KeyError(message), UnicodeEncodeError("ascii", message, 0, 1, message)])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
