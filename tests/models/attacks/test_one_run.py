"""Audits of the real trainer: silent where it is right, loud on each planted bug that a final model can show."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from models.attacks.dirac import Company, run_alone
from models.attacks.guessing import POWER
from models.attacks.one_run import FALSE_ALARM, audit_one_run, guessings, with_little_noise
from models.cases.fraud import FRAUD
from models.privacy.errors import PrivacyError
from models.privacy.examples import CustomerExamples
from models.privacy.mechanism import Mechanism
from models.privacy.plan import PrivacyPlan
from models.values.risk import OWN_PARTS, EpsilonAudit, parts_of_charged
from models.values.target import PrivacyTarget
from tests.models.attacks.broken_trainers import Patch, no_clipping, short_noise, shuffling

REPEATS = 100
STRICT = 1000  # audits, of which this is one: false alarms of what contradicts the plan have a chance of 1e-7


@lru_cache
def _plan(
    clipping: Any = "flat", *, rate: float = 0.05, steps: int = 100, epsilon: float = 2.0
) -> PrivacyPlan:
    return PrivacyPlan.calibrate(
        PrivacyTarget(epsilon=epsilon, delta=1e-5, n_public=2000),
        expected_batch=rate * 2000,
        steps=steps,
        max_examples=1,
        clipping_norm=0.7,
        clipping=clipping,
    )


def _audit(plan: PrivacyPlan, **more: Any) -> EpsilonAudit:
    return audit_one_run(plan, audited="run-7", claimed=plan.target.epsilon, **more)


def test_a_plan_with_statistics_is_audited_for_its_training() -> None:
    """The recommender's popularity is released of customers, whom a run of canaries alone has none of."""
    plan = PrivacyPlan.calibrate(
        PrivacyTarget(epsilon=2.0, delta=1e-5, n_public=2000),
        expected_batch=100,
        steps=50,
        max_examples=1,
        clipping_norm=0.7,
        statistics={"popularity": 0.2},
    )
    assert not _audit(plan, audits=STRICT).broken


BUGS: dict[str, tuple[Callable[[Patch], None], str]] = {
    "noise x 0.25": (short_noise, "the noise that ran was 0.2"),
    "noise x 0.9": (lambda patch: short_noise(patch, 0.9), "the noise that ran was 0."),
    "clipping off": (no_clipping, "a customer counted for"),
    "shuffling": (shuffling, "varied 0.* as under Poisson sampling"),
}


@pytest.mark.parametrize("clipping", ["flat", "per-layer"])
def test_a_correct_run_passes(clipping: str) -> None:
    """It is called broken with a chance of 1e-7, since no bound comes near the claim."""
    audit = _audit(_plan(clipping), audits=STRICT)
    assert not audit.broken
    assert (audit.audited, audit.canaries, audit.scope) == ("run-7", 5000, "public")
    assert 0 < audit.epsilon_low < audit.claimed


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str, monkeypatch: Patch) -> None:
    plant, said = BUGS[bug]
    plant(monkeypatch)
    audit = _audit(_plan())
    assert any(_matches(said, each) for each in audit.contradictions)
    assert audit.broken
    if bug == "noise x 0.25":
        assert audit.epsilon_low > audit.claimed == 2.0


def _matches(said: str, sentence: str) -> bool:
    first, _, second = said.partition("*")
    return first in sentence and second in sentence


def test_per_layer_clipping_to_the_whole_norm_is_found(monkeypatch: Patch) -> None:
    """Each of four layers to C instead of C / 2: a customer counts for twice as much."""
    from models.privacy.clipping import bookkeeping

    scales = bookkeeping.scales
    monkeypatch.setattr(
        bookkeeping,
        "scales",
        lambda squared, groups, clip: scales(squared, groups, clip * (1 + max(groups)) ** 0.5),
    )
    assert any("a customer counted for" in each for each in _audit(_plan("per-layer")).contradictions)


def test_scores_are_distributed_as_stated() -> None:
    plan, rng = _plan(), np.random.default_rng(0)
    run = run_alone(plan, rng.random(5000) < 0.5)
    noise, took_part = plan.steps * plan.noise_multiplier**2, plan.steps * plan.sampling_rate
    inside, outside = run.scores[run.included], run.scores[~run.included]
    error = 6 * (noise / 2500) ** 0.5
    assert inside.mean() == pytest.approx(took_part, abs=error)
    assert outside.mean() == pytest.approx(0, abs=error)
    assert outside.var() == pytest.approx(noise, rel=0.2)
    assert inside.var() == pytest.approx(noise + took_part * (1 - plan.sampling_rate), rel=0.2)


def test_canaries_among_customers_audit_the_cases_own_model() -> None:
    rng, count = np.random.default_rng(0), 200
    customers = CustomerExamples(
        features=rng.normal(size=(count, 8, len(FRAUD.inputs))).astype(np.float32),
        labels=(rng.random((count, 8)) < 0.1).astype(np.float32),
        mask=rng.random((count, 8)) < 0.7,
    )
    recipe = FRAUD.recipe.model_copy(update={"steps": 40})
    plan = recipe.plan(PrivacyTarget(epsilon=2, delta=1e-5, n_public=3000))
    audit = _audit(
        plan, company=Company(case=FRAUD, facts={}, customers=customers), canaries=2000, audits=STRICT
    )
    assert not audit.broken
    assert (audit.kind, audit.scope) == ("one run among customers", "internal")


def test_the_bound_is_corrected_for_the_number_of_audits() -> None:
    once, often = (
        guessings(Mechanism.of(_plan()), claimed=2.0, delta=1e-5, canaries=5000, error=0.05 / audits)[1]
        for audits in (1, 1000)
    )
    assert once.guesses != often.guesses or once.needed < often.needed
    assert _audit(_plan(), audits=20).confidence == pytest.approx(0.9975)


def test_a_models_own_audits_and_all_charged_ones_of_its_use_case_hold_together() -> None:
    charged = sum(1 / parts_of_charged(number) for number in range(1, 100_000))
    assert 0.49 < charged <= 0.5
    assert charged + 2 / OWN_PARTS <= 1


@pytest.mark.parametrize("parts", [OWN_PARTS, parts_of_charged(4)])
def test_a_quarter_of_the_noise_is_still_found_by_guesses_of_a_late_audit(parts: int) -> None:
    made = guessings(Mechanism.of(_plan()), claimed=2.0, delta=1e-5, canaries=5000, error=0.05 / parts)
    assert max(each.share or 0 for each in made) > 0.25


@pytest.mark.parametrize("rate", [1.0, 0.2, 0.005])
def test_the_sampler_is_tested_with_the_stated_power(rate: float) -> None:
    little = with_little_noise(_plan(rate=rate, steps=40, epsilon=8.0), 5000, FALSE_ALARM / 2)
    assert rate == 1 or little.shuffling_found >= POWER
    assert little.plan.sampling_rate >= rate
    assert little.canaries <= 20_000


def test_what_cannot_be_audited_is_refused() -> None:
    with pytest.raises(PrivacyError, match="audit a plan with a fixed one"):
        _audit(_plan("adaptive"))
    with pytest.raises(PrivacyError, match="plant 500 at least"):
        _audit(_plan(), canaries=100)


@pytest.mark.prove
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found_with_the_power_stated(bug: str, monkeypatch: Patch) -> None:
    plant, said = BUGS[bug]
    plant(monkeypatch)
    audits = [_audit(_plan(), canaries=5000) for _ in range(20)]
    found = [any(_matches(said, each) for each in audit.contradictions) for audit in audits]
    assert sum(found) >= POWER * len(audits)
    if bug == "noise x 0.25":
        assert sum(audit.epsilon_low > audit.claimed for audit in audits) >= POWER * len(audits)


@pytest.mark.prove
def test_a_correct_run_is_never_above_its_claim() -> None:
    """What contradicts the plan has a chance of 1e-4 in each of 100 audits: in two of them with one of 5e-5."""
    audits = [_audit(_plan(steps=60)) for _ in range(REPEATS)]
    assert not [audit for audit in audits if audit.epsilon_low > audit.claimed]
    assert len([audit for audit in audits if audit.broken]) <= 1


@pytest.mark.prove
def test_the_share_of_noise_that_guesses_find_is_the_one_stated(monkeypatch: Patch) -> None:
    plan = _plan()
    shares = [
        each.share
        for each in guessings(Mechanism.of(plan), claimed=2.0, delta=1e-5, canaries=5000, error=0.05)
        if each.share
    ]
    short_noise(monkeypatch, max(shares) - 0.05)
    audits = [_audit(plan) for _ in range(30)]
    assert sum(audit.epsilon_low > 2.0 for audit in audits) >= 0.75 * len(audits)
