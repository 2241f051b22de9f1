"""Fronts of the embedded shop: found in time, kept by the choice, moved by a tighter bound.

The command is the one that a user runs; the shop's data are prepared before. `python -m benchmarks._fronts FOLDER`
writes the fronts that are shipped (models/balance/fronts) into FOLDER.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from benchmarks.claims import claim
from models.balance.objectives import violations
from models.values.balance import Constraint, Point

CASES = ("fraud", "recommender")
FIRST = (Constraint(what="upper_bits", at_most=1.0), Constraint(what="unmet", at_most=0.2))
TRIALS, MINUTES = 30, 15


def claims() -> Iterator[dict[str, object]]:
    """For both use cases: the front, and the choice under the spec's bounds and under a tighter one."""
    with tempfile.TemporaryDirectory() as folder:
        shop = _Shop(Path(folder))
        try:
            for case in CASES:
                yield from _case(shop, case)
        finally:
            shop.privet("down")


def _case(shop: _Shop, case: str) -> Iterator[dict[str, object]]:
    shop.bound(case, FIRST)
    found, seconds = shop.balance(case)
    chosen = _point(found, found["choice"]["number"])
    yield claim(
        f"{case}, embedded shop: a front of {len(found['points'])} trials, minutes on this machine",
        asked=f">= {TRIALS} trials, <= {MINUTES} min",
        measured={
            "minutes": round(seconds / 60, 1),
            "front": len(found["front"]),
            "hypervolume": round(found["hypervolume"][-1], 3),
            "reason": found["choice"]["reason"]["en"],
        },
        holds=len(found["points"]) >= TRIALS and seconds <= 60 * MINUTES,
    )
    kept = [_point(found, number)["upper_bits"] for number in found["front"]]
    bound = max((bits for bits in kept if bits < chosen["upper_bits"]), default=chosen["upper_bits"] / 2)
    tighter = Constraint(what="upper_bits", at_most=bound)
    shop.bound(case, (tighter, FIRST[1]))
    moved, again = shop.balance(case)
    unkept = [_unkept(found, FIRST), _unkept(moved, (tighter, FIRST[1]))]
    other = _point(moved, moved["choice"]["number"]) if moved["choice"] else chosen
    yield claim(
        f"{case}: the choice keeps every constraint, and moves with a tighter one, without another training",
        asked=f"{_bounds(FIRST)}; then upper_bits <= {bound:.3g}",
        measured={
            "upper_bits": [round(chosen["upper_bits"], 4), round(other["upper_bits"], 4)],
            "not kept": unkept,
            "trial": [chosen["number"], other["number"]],
            "seconds": round(again),
        },
        holds=unkept == [[], []] and other["number"] != chosen["number"],
    )


def _bounds(constraints: tuple[Constraint, ...]) -> str:
    return ", ".join(f"{each.what} <= {each.at_most:g}" for each in constraints)


def _unkept(front: dict[str, Any], asked: tuple[Constraint, ...]) -> list[str]:
    """Of the constraints `asked` for, which the front lacks, and which its chosen point breaks by its worse side."""
    held = tuple(Constraint.model_validate(each) for each in front["constraints"])
    lacking = [f"the front lacks the constraint on {each.what}" for each in asked if each not in held]
    if not front["choice"]:
        return [*lacking, "nothing was chosen"]
    chosen = Point.model_validate(_point(front, front["choice"]["number"]))
    return [*lacking, *violations(chosen, held)]


def _point(front: dict[str, Any], number: int) -> dict[str, Any]:
    found: dict[str, Any] = next(point for point in front["points"] if point["number"] == number)
    return found


class _Shop:
    """The embedded shop with its data prepared, in a home of its own."""

    def __init__(self, folder: Path) -> None:
        self._environment = os.environ | {"PRIVET_HOME": str(folder / "home")}
        self._spec = folder / "shop" / "shop.yaml"
        self.privet("shop", "make", "--out", str(self._spec.parent))
        prepared = "import sys; from flows.cli import _settings; _settings(); from tasks import opening; "
        prepared += "from infra.settings import Settings; opening.open_shop(Settings.load(), sys.argv[1]); "
        prepared += "from flows.prepare import prepare; prepare(sys.argv[1])"
        self._run(sys.executable, "-c", prepared, str(self._spec))

    def balance(self, case: str) -> tuple[dict[str, Any], float]:
        """The front of a use case as `privet balance --json` prints it, and its seconds."""
        started = time.perf_counter()
        said = self.privet("balance", str(self._spec), "--case", case, "--trials", str(TRIALS), "--json")
        seconds = time.perf_counter() - started
        front: dict[str, Any] = json.loads(said[said.index("{") :])
        return front, seconds

    def bound(self, case: str, constraints: tuple[Constraint, ...]) -> None:
        """Write the constraints of a use case into the spec."""
        written = yaml.safe_load(self._spec.read_text())
        bounds = [each.model_dump(exclude_none=True) for each in constraints]
        written["use_cases"][case]["balance"] = {"constraints": bounds}
        self._spec.write_text(yaml.safe_dump(written, allow_unicode=True, sort_keys=False))

    def privet(self, *arguments: str) -> str:
        """One command, as a user gives it; what it printed."""
        return self._run(sys.executable, "-m", "flows.cli", *arguments)

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, env=self._environment, check=False)
        if done.returncode != 0:
            raise SystemExit(done.stderr[-2000:])
        return done.stdout


def _ship(folder: Path) -> None:
    """Write the fronts of both use cases as they are shipped: without the ways of this machine."""
    with tempfile.TemporaryDirectory() as place:
        shop = _Shop(Path(place))
        try:
            for case in CASES:
                front = shop.balance(case)[0]
                kept = {
                    name: value for name, value in front.items() if name not in ("page", "picture", "output")
                }
                (folder / f"{case}.json").write_text(json.dumps(kept, ensure_ascii=False) + "\n")
        finally:
            shop.privet("down")


if __name__ == "__main__":
    _ship(Path(sys.argv[1]))
