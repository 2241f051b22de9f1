"""Planted bugs: small changes to correct code, each of which must fail the test that is there for it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_FOLDERS = ("models", "tests", "tasks", "infra", "expectations", "flows")
# How pytest sums up a test that found something wrong; what merely broke is summed up by another exception.
_ASSERTED = re.compile(r" - (?:assert |AssertionError|Failed: DID NOT RAISE)")


@dataclass(frozen=True, kw_only=True)
class Bug:
    """`old` becomes `new` in a file of the project; `caught_by` is the test that must then fail."""

    file: str
    old: str
    new: str
    caught_by: str


def check(
    folder: Path, bugs: Mapping[str, Bug], capsys: pytest.CaptureFixture[str], *, by_assertion: bool
) -> None:
    """Apply the bugs one at a time to a copy of the project in `folder` and print a table: bug, test, how it failed.

    Every test must pass without a bug and fail with its own; `by_assertion`: and not by an exception of spoilt code.
    """
    for name in _FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    assert _failing(folder, sorted({bug.caught_by for bug in bugs.values()})) == ""
    missed = []
    for name, bug in bugs.items():
        path = folder / bug.file
        correct = path.read_text()
        assert correct.count(bug.old) == 1, f"{name}: the code to change is not there once"
        path.write_text(correct.replace(bug.old, bug.new))
        failed = _failing(folder, [bug.caught_by])
        path.write_text(correct)
        caught = _ASSERTED.search(failed) if by_assertion else failed
        missed += [] if caught else [name]
        with capsys.disabled():
            print(f"| {name} | {bug.caught_by} | {'' if caught else 'MISSED: '}{failed} |", flush=True)
    assert missed == []


def _failing(folder: Path, tests: Sequence[str]) -> str:
    """The summary of the first of `tests` that failed; empty if all passed."""
    options = ("-q", "-x", "-rfE", "--tb=line", "-p", "no:cacheprovider", "--hypothesis-profile=planted")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout[-2000:] + done.stderr[-1000:]
    if done.returncode == 0:
        return ""
    lines = done.stdout.splitlines()
    return next((line for line in lines if line.startswith(("FAILED ", "ERROR "))), lines[-1])
