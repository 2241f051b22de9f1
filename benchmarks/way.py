"""The whole way: a fresh clone with a fresh environment, timed as a new user would see it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.claims import claim, exit_code

REPOSITORY = Path(__file__).resolve().parent.parent
KEYS = {"shop", "stages", "gate", "models", "prefect_run", "released", "seconds"}


def main() -> int:
    """Clone, install, run twice, ask for help; print the claims."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "privet"
        subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(clone)], check=True)
        try:
            return exit_code(list(_claims(clone)))
        finally:
            subprocess.run(["make", "clean"], cwd=clone, check=False, capture_output=True)


def _claims(clone: Path):  # type: ignore[no-untyped-def]
    first = _seconds(["make", "run"], clone)
    yield claim(
        "make run on a fresh clone, installation included",
        asked="<= 360 s",
        measured=first,
        holds=first <= 360,
    )
    second = _seconds(["make", "run"], clone)
    yield claim("a second make run", asked="<= 180 s", measured=second, holds=second <= 180)
    privet = clone / ".venv/bin/privet"
    started = time.monotonic()
    output = _run([str(privet), "run", "--json"], clone)
    report = json.loads(output)
    model = report["models"][0]
    yield claim(
        "privet run --json prints one object with every stage and a model of its own version",
        asked="version 3",
        measured={"version": model["version"], "seconds": round(time.monotonic() - started, 1)},
        holds=set(report) >= KEYS and model["version"] == 3,
    )
    yield claim(
        "fraud: privately released AUC above the baseline",
        asked="> 0.5 and champion",
        measured={"released": model["utility"]["released"], "twin": model["utility"]["twin"]["value"]},
        holds=model["champion"] and model["utility"]["released"]["low"] > 0.5,
    )
    epsilon = model["privacy"]["epsilon"]
    yield claim("fraud: claimed epsilon", asked="<= 3", measured=epsilon, holds=epsilon <= 3)
    times = [_seconds([str(privet), "--help"], clone) for _ in range(9)]
    median = statistics.median(times)
    yield claim("privet --help, median of 9", asked="<= 0.5 s", measured=median, holds=median <= 0.5)


def _seconds(command: list[str], clone: Path) -> float:
    started = time.monotonic()
    _run(command, clone)
    return round(time.monotonic() - started, 2)


def _run(command: list[str], clone: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PRIVET_")}
    done = subprocess.run(command, cwd=clone, check=False, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise SystemExit(f"{command}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
