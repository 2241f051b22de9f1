"""A run that is killed (kill -9) at any of many points: whole and as without the fault, or never published."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.flows.crash_points import POINTS

ROOT = Path(__file__).resolve().parents[2]
TELLING = ("release verified, no manifest", "ledger committed, nobody told")


def _findings(folder: Path, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """What the runner found at the points. Temporary files of killed processes stay in the test's folder."""
    (folder / "tmp").mkdir()
    quiet = {"TMPDIR": str(folder / "tmp"), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with (folder / "errors.txt").open("w") as errors:
        done = subprocess.run(
            [sys.executable, "-m", "tests.flows.crashing", str(folder), *names],
            env=os.environ | quiet,
            cwd=ROOT,
            stdout=errors,
            stderr=errors,
            timeout=1500,
        )
    assert done.returncode == 0, (folder / "errors.txt").read_text()[-2000:]
    return [json.loads(line) for line in (folder / "findings.jsonl").read_text().splitlines()]


def _are_well(findings: list[dict[str, Any]], names: tuple[str, ...]) -> None:
    assert [found["point"] for found in findings] == list(names)
    assert {found["point"]: found["wrong"] for found in findings if found["wrong"]} == {}


def test_killed_at_telling_points_nothing_is_half_there(tmp_path: Path) -> None:
    _are_well(_findings(tmp_path, TELLING), TELLING)


@pytest.mark.prove
def test_killed_at_every_point_nothing_is_half_there_and_nothing_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = tuple(POINTS)
    assert len(names) >= 20
    findings = _findings(tmp_path, names)
    with capsys.disabled():
        _print_table(findings)
    _are_well(findings, names)


def _print_table(findings: list[dict[str, Any]]) -> None:
    print(
        "\n| killed at | stage | newly visible | unpublished files | log | epsilon spent | models | wrong |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for found in findings:
        new = ", ".join(found.get("new", ())) or "nothing"
        shown = [found.get(key, "?") for key in ("unpublished", "log", "spent", "models")]
        row = [found["point"], found.get("stage", "?"), new, *shown, "; ".join(found["wrong"]) or "nothing"]
        print("| " + " | ".join(map(str, row)) + " |")
