"""Privet: steps in the modes `private` (its public trainer, cryptographic noise) and `twin` (without privacy).

A private step is the trainer's whole step: sampling, lookup of the data, clipped sums, noise, optimiser, log. The
recommender's tables have lazy noise; the noise that all rows get once, before release, is not part of a step.
"""

from __future__ import annotations

import numpy as np

from benchmarks.rivals.jobs import ENCODER, MLP, Job, recommender
from benchmarks.rivals.protocol import Step, serve


def make(model: str, batch: int, mode: str) -> Step:
    """A step of `model` at `batch` customers."""
    job = _job(model)
    data = job.examples(1)
    if mode == "private":
        return job.private(data, batch).step
    twin, rng = job.twin(data), np.random.default_rng(0)
    return lambda: twin.step(rng.integers(data.customers, size=batch))


def _job(model: str) -> Job:
    if model.startswith("recommender-"):
        return recommender(int(model.removeprefix("recommender-")))
    return {"mlp": MLP, "encoder": ENCODER}[model]


if __name__ == "__main__":
    serve(make)
