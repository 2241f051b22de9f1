"""Private training against the same training without privacy, and against its rivals: step times and memory.

Private and not are timed alternating in one process; the rivals (`benchmarks/rivals`) in processes of their own.
How good a privately trained model is, is measured by `fashion_mnist`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from statistics import median

import numpy as np

from benchmarks.claims import claim, exit_code
from benchmarks.rivals import race
from benchmarks.rivals.jobs import ADAPTED, ENCODER, MINILM, MLP, Job, recommender
from models.privacy.noise import KEYSTREAM, PHILOX, NoiseSource

ITEMS = 1_000_000
BLOCK = 5


def main() -> int:
    """Time every job and compare."""
    return exit_code(list(_claims()))


def _claims() -> Iterator[dict[str, object]]:
    for batch, asked, with_philox in ((256, 1.5, 1.25), (1024, 1.2, 1.15)):
        yield _ratio(f"MLP, batch {batch}, keystream noise", MLP, batch, asked)
        yield _ratio(f"MLP, batch {batch}, Philox noise", MLP, batch, with_philox, source=PHILOX)
    yield _ratio(
        f"recommender, {ITEMS:,} items, lazy noise, batch 256, sparse twin", recommender(ITEMS), 256, 1.3
    )
    yield _ratio("text encoder, all weights, batch 32", ENCODER, 32, 1.2)
    yield _ratio("text encoder with LoRA, batch 32", ADAPTED, 32, 1.05)
    yield _ratio("MiniLM with LoRA, batch 32", MINILM, 32, 1.05)
    one, eight = MLP.private(MLP.examples(1), 256), MLP.private(MLP.examples(8), 32)
    seconds = _in_turns({"single": one.step, "grouped": eight.step}, MLP.steps)
    measured = round(seconds["grouped"] / seconds["single"], 2)
    yield claim(
        "MLP: 32 customers with 8 examples each / 256 single examples, both private",
        asked="<= 1.3",
        measured=measured,
        holds=measured <= 1.3,
    )
    yield from race.claims()


def _ratio(
    name: str, job: Job, batch: int, asked: float, source: NoiseSource = KEYSTREAM
) -> dict[str, object]:
    seconds = _step_seconds(job, batch, source=source)
    ratio = round(seconds["private"] / seconds["twin"], 2)
    milliseconds = {which: round(1000 * value, 2) for which, value in seconds.items()}
    return claim(
        f"private / non-private step: {name}",
        asked=f"<= {asked}",
        measured={"ratio": ratio, "milliseconds": milliseconds},
        holds=ratio <= asked,
    )


def _step_seconds(job: Job, batch: int, *, source: NoiseSource) -> dict[str, float]:
    """Median seconds of a private step and of one without privacy."""
    data = job.examples(1)
    private, twin = job.private(data, batch, source=source), job.twin(data)
    rng = np.random.default_rng(0)
    steps = {"private": private.step, "twin": lambda: twin.step(rng.integers(data.customers, size=batch))}
    return _in_turns(steps, job.steps)


def _in_turns(steps: dict[str, Callable[[], None]], count: int) -> dict[str, float]:
    """Median seconds of each of `steps`, by blocks in turns: what a step prepares for the next one is its own."""
    taken: dict[str, list[float]] = {which: [] for which in steps}
    for _ in range(count // BLOCK):
        for which, step in steps.items():
            step()
            started = time.perf_counter()
            for _ in range(BLOCK):
                step()
            taken[which].append((time.perf_counter() - started) / BLOCK)
    return {which: median(seconds[len(seconds) // 5 :]) for which, seconds in taken.items()}


if __name__ == "__main__":
    sys.exit(main())
