"""Audits of the trainer: planted bugs that each finds, correct runs that none calls broken, and the power of each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from statistics import median
from typing import Any, Final
from unittest.mock import patch
from weakref import WeakKeyDictionary

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from numpy.typing import NDArray

from benchmarks.claims import claim
from models.attacks.curves import clopper_pearson
from models.attacks.one_run import audit_one_run
from models.cases.fraud import FRAUD
from models.privacy import gradients
from models.privacy.noise import GaussianNoise
from models.privacy.sampler import PoissonSampler
from models.privacy.step_audit import audit_epsilon
from models.values.risk import OWN_PARTS, EpsilonAudit
from models.values.target import PrivacyTarget

CLAIMED, CANARIES, CUSTOMERS = 2.0, 5000, 10_000
REPEATS, CORRECT = 30, 100  # planted, correct runs
POWER, SURE = 0.9, 0.95
ASKED: Final = f"found with a chance of {POWER:g} at least, {SURE:.0%} sure (one-sided)"
Audit = Callable[[], EpsilonAudit]


def claims() -> Iterator[dict[str, object]]:
    """All of them as every training has them, on the recipe of fraud detection, under the claim epsilon 2."""
    plan = FRAUD.recipe.plan(PrivacyTarget(epsilon=CLAIMED, delta=1e-5, n_public=CUSTOMERS))

    def one_run() -> EpsilonAudit:
        return audit_one_run(plan, audited="benchmark", claimed=CLAIMED, canaries=CANARIES, audits=OWN_PARTS)

    def steps() -> EpsilonAudit:
        return audit_epsilon(plan, audited="benchmark", claimed=CLAIMED, audits=OWN_PARTS)

    yield _found(
        f"one-run audit, {CANARIES:,} canaries, guesses fixed beforehand: noise x 0.25 shows more than the claim",
        _less_noise(0.25), one_run, lambda audit: audit.epsilon_low > CLAIMED,
    )  # fmt: skip
    yield _found("audit of steps: noise x 0.9", _less_noise(0.9), steps, _broken)
    yield _found("one-run audit: noise x 0.9", _less_noise(0.9), one_run, _said("the noise that ran"))
    yield _found(
        "one-run audit: shuffling accounted as Poisson sampling",
        _shuffled(),
        one_run,
        _said("Poisson sampling"),
    )
    yield _found("one-run audit: clipping off", _unclipped(), one_run, _said("a customer counted for"))
    yield _silent("one-run audit: correct runs", one_run)
    yield _silent("audit of steps: correct runs", steps)


def _found(
    text: str, bug: AbstractContextManager[Any], audit: Audit, finds: Callable[[EpsilonAudit], bool]
) -> dict[str, object]:
    with bug:
        audits = [audit() for _ in range(REPEATS)]
    found = sum(map(finds, audits))
    low = float(clopper_pearson(found, REPEATS, error=1 - SURE).low)
    measured = {
        "found": found / REPEATS,
        "chance at least": round(low, 3),
        "runs": REPEATS,
        **_facts(audits),
    }
    return claim(text, asked=ASKED, measured=measured, holds=low >= POWER)


def _silent(text: str, audit: Audit) -> dict[str, object]:
    audits = [audit() for _ in range(CORRECT)]
    broken = sum(each.broken for each in audits)
    measured = {"broken": broken, "runs": CORRECT, **_facts(audits)}
    return claim(text, asked=f"never above the claim in {CORRECT} runs", measured=measured, holds=broken == 0)


def _facts(audits: list[EpsilonAudit]) -> dict[str, object]:
    shown = [each.epsilon_low for each in audits]
    return {
        "epsilon shown, least": round(min(shown), 2),
        "median": round(median(shown), 2),
        "most": round(max(shown), 2),
        "guesses": audits[0].guesses,
        "seconds": round(median(each.seconds for each in audits), 2),
        "power": audits[0].power,
    }


def _broken(audit: EpsilonAudit) -> bool:
    return audit.broken


def _said(words: str) -> Callable[[EpsilonAudit], bool]:
    return lambda audit: any(words in each for each in audit.contradictions)


def _less_noise(share: float) -> AbstractContextManager[Any]:
    """The noise shrinks after it was noted in the log."""
    flat = GaussianNoise.flat
    return patch.object(
        GaussianNoise, "flat", lambda self, shapes, *, stddev: share * flat(self, shapes, stddev=stddev)
    )


def _unclipped() -> AbstractContextManager[Any]:
    engine = gradients.clipped_sums
    return patch.object(
        gradients, "clipped_sums", lambda *args, clip, **more: engine(*args, clip=1e6 * clip, **more)
    )


def _shuffled() -> AbstractContextManager[Any]:
    """Epochs of shuffled batches; their sizes vary as under Poisson sampling, so that no log can tell."""
    left: WeakKeyDictionary[PoissonSampler, NDArray[np.int64]] = WeakKeyDictionary()

    def sample(self: PoissonSampler, customers: int) -> NDArray[np.int64]:
        rng = np.random.default_rng()
        size, deck = rng.binomial(customers, self.rate), left.get(self, np.arange(0))
        while len(deck) < size:
            deck = np.concatenate([deck, rng.permutation(customers)])
        left[self] = deck[size:]
        return np.sort(np.unique(deck[:size]))

    return patch.object(PoissonSampler, "sample", sample)
