"""Crashing: a program that ends stages of prepare and train with kill -9 at named points, and looks at what is left.

A process forks a child for every point: one that dies (SIGKILL, so that nothing is tidied up) and one that looks,
runs the stage again and sweeps. Both work on a copy of one home that a fault-free run made.
Usage: crashing.py FOLDER NAME...; writes FOLDER/findings.jsonl: of every point what was found and what is wrong.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.flows.crash_death import die
from tests.flows.crash_look import look, tell
from tests.flows.crash_points import POINTS, TRAIN
from tests.flows.crash_way import fault_free, make_tiny_shop


def main(folder: Path, names: list[str]) -> None:
    """Make the shop and the fault-free home, then die at each of the points."""
    trains = any(POINTS[name].stage in TRAIN for name in names)
    _import(trains)
    spec = make_tiny_shop(folder / "shop")
    os.environ["PRIVET_HOME"], os.environ["PRIVET_THREADS"] = str(folder / "home"), "2"
    if status := _forked(partial(fault_free, folder, str(spec), trains)):
        raise SystemExit(f"the fault-free run ended with {status}; see {folder / 'errors.txt'}")
    (folder / "home").rename(folder / "saved")
    for name in names:
        _copy_home(folder)
        died = _forked(partial(die, folder, POINTS[name]))
        looked = _forked(partial(look, folder, name, died))
        if looked:
            tell(folder, {"point": name, "wrong": [f"the look ended with {looked}; see errors.txt"]})


def _import(trains: bool) -> None:
    """Everything slow, before the first fork; no engine and no model is started here."""
    stages = ("budget", "curation", "deidentification", "gating", "landing", "publishing", "retention")
    slow = ["great_expectations", "pandera.pandas", *(f"tasks.{stage}" for stage in stages)]
    if trains:
        slow += ["mlflow.keras", "models.privacy.trainer", "tasks.audit", "tasks.release", "tasks.training"]
    for module in slow:
        importlib.import_module(module)


def _forked(work: Callable[[], None]) -> int:
    """Do the work in a child; its exit status, below zero for a signal."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001  # the child must not go on as its parent
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        sys.stderr.flush()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _copy_home(folder: Path) -> None:
    """The saved home again, at its own place: MLflow keeps absolute paths."""
    shutil.rmtree(folder / "home", ignore_errors=True)
    shutil.copytree(folder / "saved", folder / "home")
    (folder / "known.log").unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or list(POINTS))
