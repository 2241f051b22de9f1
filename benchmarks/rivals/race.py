"""The race: private steps of Privet against those of its rivals, in turns, medians; and the memory of private training.

Every contender is a process of its own with float32, all cores and the same protocol. Of each rival every mode is
started; one that is much slower than the rival's best already when warm does not run in the turns, and its time when
warm is stated. The first steps of a turn are not counted. Run it on a quiet machine: what else runs hurts long steps
more than short ones, and torch most; each claim states the machine's load before its race.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from benchmarks.claims import claim
from benchmarks.rivals.contender import Contender, Failed
from benchmarks.rivals.environments import HERE, NoEnvironment, python

TURNS, TURN_SECONDS = 7, 0.5
FEWEST_TURNS, ENOUGH_SECONDS = 3, 10.0
TOO_SLOW = 2.5
RIVALS = {"opacus": "Opacus", "jax_privacy": "JAX-Privacy", "tf_privacy": "tensorflow-privacy"}
MODES = {
    "opacus": ("ghost", "hooks"),
    "jax_privacy": ("1", "8", "whole"),
    "tf_privacy": ("fast", "fast-xla", "vectorised"),
}
# Left out, since a step takes ten seconds and more: JAX-Privacy on tables with more than one example at a time, and
# with 1,000,000 rows at all; gradients of each example at that size (34 GB); `vectorised` on the encoder.
SMALL_TABLES = MODES | {"jax_privacy": ("1",)}
LARGE_TABLES = {"opacus": ("ghost",), "tf_privacy": ("fast", "fast-xla")}
ENCODER = MODES | {"tf_privacy": ("fast", "fast-xla")}


@dataclass(frozen=True, kw_only=True)
class Race:
    """A `model` at `batch` examples; a rival's step must take at least `asked` times as long as Privet's."""

    name: str
    model: str
    batch: int
    asked: float
    modes: dict[str, tuple[str, ...]]


RACES = (
    Race(name="MLP 128-256-128-10, batch 256", model="mlp", batch=256, asked=2, modes=MODES),
    Race(name="MLP 128-256-128-10, batch 1024", model="mlp", batch=1024, asked=2, modes=MODES),
    Race(
        name="recommender, 50,000 x 32 and 10,000 x 32, batch 256",
        model="recommender-10000",
        batch=256,
        asked=10,
        modes=SMALL_TABLES,
    ),
    Race(
        name="recommender, 50,000 x 32 and 1,000,000 x 32, batch 256",
        model="recommender-1000000",
        batch=256,
        asked=10,
        modes=LARGE_TABLES,
    ),
    Race(name="text encoder, batch 32", model="encoder", batch=32, asked=1, modes=ENCODER),
)
MEMORY = (RACES[0], RACES[3], RACES[4])


def claims(*only: str) -> Iterator[dict[str, object]]:
    """All claims, or those of the models named."""
    for race in RACES:
        if not only or race.model in only:
            yield from _race(race)
    for race in MEMORY:
        if not only or race.model in only:
            yield _memory(race)


@dataclass
class Field:
    """Who takes part in a race: the contenders by name, what became of the rest, and the machine's load before."""

    load: float
    running: dict[tuple[str, str], Contender]
    left_out: dict[tuple[str, str], str]

    def stop(self) -> None:
        """End all processes."""
        for contender in self.running.values():
            contender.stop()


def _race(race: Race) -> Iterator[dict[str, object]]:
    load = round(os.getloadavg()[0], 1)
    field = Field(load, {("privet", "private"): Contender(_command("privet", race, "private"))}, {})
    try:
        for rival, modes in race.modes.items():
            _enter(field, rival, modes, race)
        for turn in range(TURNS):
            for who, contender in list(field.running.items()):
                if turn < FEWEST_TURNS or sum(contender.times) < ENOUGH_SECONDS:
                    _turn(field, who, contender)
        medians = {who: median(contender.times) for who, contender in field.running.items()}
    finally:
        field.stop()
    yield from (_claim(race, rival, medians, field) for rival in race.modes)


def _enter(field: Field, rival: str, modes: tuple[str, ...], race: Race) -> None:
    """Start the modes of a rival, and stop those that are much slower than its best."""
    for mode in modes:
        try:
            field.running[rival, mode] = Contender(_command(rival, race, mode))
        except (Failed, NoEnvironment) as fault:
            field.left_out[rival, mode] = str(fault)
            continue
        warm = {who: contender.warm for who, contender in field.running.items() if who[0] == rival}
        for who, seconds in warm.items():
            if seconds > TOO_SLOW * min(warm.values()):
                field.running.pop(who).stop()
                field.left_out[who] = f"{1000 * seconds:.0f} ms when warm, too slow for the turns"


def _turn(field: Field, who: tuple[str, str], contender: Contender) -> None:
    count = max(1, min(100, int(TURN_SECONDS / contender.warm)))
    try:
        contender.steps(count, untimed=1 + count // 10 if contender.warm < 2 * TURN_SECONDS else 0)
    except Failed as fault:
        field.running.pop(who)
        field.left_out[who] = str(fault)


def _claim(race: Race, rival: str, medians: dict[tuple[str, str], float], field: Field) -> dict[str, object]:
    text = f"private step, {RIVALS[rival]}'s best mode / Privet: {race.name}"
    asked = f">= {race.asked:g}" if race.asked > 1 else "> 1"
    out = {mode: why for (name, mode), why in field.left_out.items() if name == rival}
    own = {mode: seconds for (name, mode), seconds in medians.items() if name == rival}
    if not own:
        return claim(text, asked=asked, measured=out, holds=None)
    ratio = min(own.values()) / medians["privet", "private"]
    shown = {f"{name} {mode}": round(1000 * seconds, 2) for (name, mode), seconds in medians.items()}
    return claim(
        text,
        asked=asked,
        measured={"ratio": round(ratio, 2), "milliseconds": shown, "left_out": out, "load": field.load},
        holds=ratio >= race.asked and ratio > 1,
    )


def _memory(race: Race) -> dict[str, object]:
    """The highest memory of a private training against its twin, each in a process of its own."""
    peaks = {}
    for mode in ("private", "twin"):
        contender = Contender(_command("privet", race, mode))
        try:
            contender.steps(100 if contender.warm < TURN_SECONDS / 5 else 5)
            peaks[mode] = contender.peak_mib
        finally:
            contender.stop()
    ratio = round(peaks["private"] / peaks["twin"], 2)
    return claim(
        f"peak memory, private / non-private training: {race.name}",
        asked="<= 1.3",
        measured={"ratio": ratio, "mib": peaks},
        holds=ratio <= 1.3,
    )


def _command(who: str, race: Race, mode: str) -> list[str]:
    arguments = [race.model, str(race.batch), mode]
    if who == "privet":
        return [sys.executable, "-m", "benchmarks.rivals.privet_steps", *arguments]
    return [str(python(who)), str(HERE / f"{who}_steps.py"), *arguments]
