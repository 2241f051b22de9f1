from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import pytest

from models.privacy.errors import PrivacyError
from models.privacy.noise import GaussianNoise
from models.privacy.plan import PrivacyPlan
from models.privacy.step_audit import audit_epsilon, audit_steps
from models.values.target import PrivacyTarget

STEPS = 6_000


@lru_cache
def _plan(**more: Any) -> PrivacyPlan:
    target = PrivacyTarget(epsilon=15, delta=1e-5, n_public=1000)
    return PrivacyPlan.calibrate(
        target, expected_batch=10, steps=10, max_examples=1, clipping_norm=0.7, **more
    )


def test_the_engine_passes() -> None:
    """A correct engine is flagged with a probability of 1e-7."""
    audit = audit_steps(_plan(), steps=STEPS, confidence=1 - 1e-7)
    assert audit.distance == pytest.approx(audit.planned, rel=0.1)
    assert audit.noise_found < 1
    assert not audit.flagged


def test_bounds_are_corrected_for_the_number_of_audits() -> None:
    audit = audit_epsilon(_plan(), audited="run-7", claimed=15.0, audits=1_000, steps=1_000)
    assert 1 - audit.confidence == pytest.approx(1e-7)
    assert audit.epsilon_low < 15
    assert not audit.broken


def test_noise_that_lacks_a_tenth_is_flagged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log says nothing of it: the noise shrinks after it was noted. Missed with a probability below 1e-6.

    The claim audited is that of another plan, whose own noise would show too little. The distance is found to 1.3 %
    (standard error) and should be 1 / 0.9 of the planned one; 0.07 beside that has a probability below 1e-7.
    """
    flat = GaussianNoise.flat
    monkeypatch.setattr(
        GaussianNoise, "flat", lambda self, shapes, *, stddev: 0.9 * flat(self, shapes, stddev=stddev)
    )
    target = PrivacyTarget(epsilon=2, delta=1e-5, n_public=1000)
    plan = PrivacyPlan.calibrate(target, expected_batch=50, steps=100, max_examples=1, clipping_norm=0.7)
    audit = audit_epsilon(plan, audited="run-7", claimed=2.0, steps=STEPS)
    assert audit.epsilon_low > audit.claimed
    shown = re.fullmatch(
        r"a step showed a customer (\S+) times as far as the planned noise allows", *audit.contradictions
    )
    assert shown is not None
    assert float(shown[1]) == pytest.approx(1 / 0.9, abs=0.07)
    assert "below 0.9" in audit.power


def test_a_norm_clipped_a_fifth_too_late_is_flagged(monkeypatch: pytest.MonkeyPatch) -> None:
    from models.privacy import gradients

    engine = gradients.clipped_sums
    monkeypatch.setattr(
        gradients, "clipped_sums", lambda *args, clip, **more: engine(*args, clip=1.2 * clip, **more)
    )
    assert audit_steps(_plan(), steps=STEPS).flagged


def test_adaptive_clipping_is_refused() -> None:
    with pytest.raises(PrivacyError, match="audit a plan with a fixed one"):
        audit_steps(_plan(clipping="adaptive"))
