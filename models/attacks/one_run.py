"""The audit of a run: what its canaries prove of its epsilon, and of what ran, from its final weights alone.

The canaries of models/attacks/dirac.py train in one run of the real trainer under the plan's own sampling, clipping,
noise and steps. Alone (no customer, nothing charged) they audit mechanism and code; among a use case's customers, in
a run of its own that is charged, also the model and its data. The attacker sees the final weights.

* A lower bound of epsilon, from guesses which canaries were included: the better of two bounds, each at half of the
  error (models/attacks/guesses.py). The second asks which of this plan's mechanisms, under any noise multiplier, are
  refuted, by the accountant's own trade-off functions; the one with the least noise gives the bound.
* What contradicts the plan (models/attacks/spreads.py), or the run log (models/privacy/runlog.py). Sampler and clipping
  show little beside the planned noise, so a second run of canaries alone, with little noise, tells more about them.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Final

import numpy as np

from models.attacks import guesses as bounds
from models.attacks.dirac import CanaryRun, Company, run_alone, run_among
from models.attacks.guessing import POWER, Guessing, allowed, chosen, least_refuted, right
from models.attacks.spreads import Spread
from models.privacy.errors import PrivacyError
from models.privacy.mechanism import Mechanism
from models.privacy.plan import PrivacyPlan
from models.privacy.runlog import differences
from models.values.risk import EpsilonAudit

FALSE_ALARM: Final = 1e-4  # of all that an audit calls a contradiction, besides epsilon
_LEAST: Final = 500
_LITTLE_NOISE: Final = 0.3
_MOST: Final = 20_000  # canaries of the run with little noise
_HALF: Final = 0.5
_PARTS: Final = 8  # steps that each of them takes part in, on average


def audit_one_run(
    plan: PrivacyPlan,
    *,
    audited: str,
    claimed: float,
    canaries: int = 5000,
    audits: int = 1,
    confidence: float = 0.95,
    company: Company | None = None,
    seed: int | None = None,
) -> EpsilonAudit:
    """Audit a run of `plan` whose claim is epsilon `claimed` at the target's delta.

    In `company` the canaries train among its customers, which spends the plan's epsilon on them. This bound has one
    part in `audits` of the error: bounds whose parts add up to 1 at most hold together at `confidence`. `seed` is of
    the audit's coins, never of the trainer. Raises PrivacyError for too few canaries, and for adaptive clipping.
    """
    if canaries < _LEAST:
        raise PrivacyError(f"{canaries} canaries prove next to nothing; plant {_LEAST} at least")
    started, rng = time.monotonic(), np.random.default_rng(seed)
    plan = plan.model_copy(update={"statistics": {}})  # of the training alone: canaries give to no statistic
    included = rng.random(canaries) < 0.5
    run = run_alone(plan, included) if company is None else run_among(plan, included, company)
    error, alarm = (1 - confidence) / audits, FALSE_ALARM / audits
    low, guessed, correct, power = _bound(plan, claimed, run, error)
    spread, little = Spread.of(plan, run, alarm / 2), with_little_noise(plan, canaries, alarm / 2)
    beside = run_alone(little.plan, rng.permutation(np.arange(little.canaries) < little.inside))
    found = little.contradictions(beside) | spread.contradictions(run)
    logged = (*differences(plan, run.log), *differences(little.plan, beside.log))
    return EpsilonAudit(
        kind="one run" if company is None else "one run among customers",
        audited=audited,
        claimed=claimed,
        epsilon_low=low,
        confidence=1 - error,
        audits=audits,
        canaries=canaries,
        guesses=guessed,
        correct=correct,
        contradictions=tuple(dict.fromkeys((*logged, *found.values()))),
        power=f"{said(spread, little)}; {power}",
        seconds=round(time.monotonic() - started, 2),
        scope="public" if company is None else "internal",
    )


def with_little_noise(plan: PrivacyPlan, canaries: int, error: float) -> Spread:
    """The run of canaries alone that tells whether `plan`'s sampler is Poisson's with a chance of POWER.

    As many canaries as that needs, and only if those would be too many, a higher sampling rate. Where most customers
    take part in every step, the sampler adds little to protect them, and shows little.
    """
    rate = plan.sampling_rate
    while True:
        changed = {"noise_multiplier": _LITTLE_NOISE, "steps": round(_PARTS / rate), "sampling_rate": rate}
        copy = plan.model_copy(update=changed)
        spread = Spread(plan=copy, inside=canaries // 2, outside=canaries - canaries // 2, error=error)
        if rate >= _HALF or spread.shuffling_found >= POWER:
            return spread
        if canaries < _MOST:
            canaries = min(_MOST, 2 * canaries)
        else:
            rate *= 1.2


@lru_cache(maxsize=16)
def guessings(
    mechanism: Mechanism, *, claimed: float, delta: float, canaries: int, error: float, part: float = 1.0
) -> tuple[Guessing, Guessing]:
    """How many guesses each of the two bounds is made of, and what they can show: decided by the plan alone."""
    blow_up = allowed(mechanism)

    def by_claim(number: int, correct: int) -> bool:
        counts = {"canaries": canaries, "guesses": number, "correct": correct}
        return bounds.p_value(claimed, delta, **counts) < error / 2

    def by_family(number: int, correct: int) -> bool:
        counts = {"canaries": canaries, "guesses": number, "correct": correct}
        return bounds.refuted(blow_up, **counts, error=error / 2)

    first, second = (
        chosen(judge, mechanism, canaries=canaries, part=part) for judge in (by_claim, by_family)
    )
    return first, second


def said(spread: Spread, little: Spread) -> str:
    """In words, what the tests on a run and on one with little noise would have found."""
    most = min(spread.count_found, little.count_found)
    words = (
        f"a noise multiplier below {spread.noise_found:.2f} of the planned one and a customer who counts for more than "
        f"{most:.2f} times the clipping norm would have been found with a chance of {POWER:g}"
    )
    if not little.sampling_variance:
        return f"{words}; all customers take part in every step, so there is no sampler to test"
    chance = _chance(little.shuffling_found)
    return (
        f"{words}, shuffled batches with a chance {chance} (at sampling rate {little.plan.sampling_rate:.2g})"
    )


def _chance(value: float) -> str:
    return "above 0.999" if value > 0.999 else f"of {value:.3f}"


def _bound(plan: PrivacyPlan, claimed: float, run: CanaryRun, error: float) -> tuple[float, int, int, str]:
    """The better lower bound of epsilon with its guesses and how many were right, and the power in words."""
    mechanism, canaries = Mechanism.of(plan), len(run.scores)
    made = guessings(
        mechanism, claimed=claimed, delta=plan.target.delta, canaries=canaries, error=error, part=run.part
    )
    counts = [
        {"canaries": canaries, "guesses": each.guesses, "correct": int(correct)}
        for each, correct in zip(
            made, right(run.scores, run.included, [e.guesses for e in made]), strict=True
        )
    ]
    first = bounds.epsilon_low(plan.target.delta, **counts[0], error=error / 2)
    most = least_refuted(mechanism, lambda blow_up: bounds.refuted(blow_up, **counts[1], error=error / 2))
    second = 0.0 if most is None else most.epsilon_low(plan.target.delta)
    best = counts[0] if first > second else counts[1]
    share = max((each.share for each in made if each.share), default=None)
    return max(first, second), best["guesses"], best["correct"], _shown(mechanism, share, plan.target.delta)


def _shown(mechanism: Mechanism, share: float | None, delta: float) -> str:
    if share is None:
        return "from guesses alone an epsilon above the claim would not have been shown"
    less = mechanism._replace(noise=share * mechanism.noise)
    return (
        f"from guesses alone an epsilon above {less.epsilon_low(delta):.2f} ({share:g} of the noise) would have been "
        f"shown to be above the claim with a chance of {POWER:g}"
    )
