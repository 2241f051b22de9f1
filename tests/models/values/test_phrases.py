"""Phrases: what the code says of a claim and an audit is known in Chinese, with its numbers."""

from __future__ import annotations

import re

import pytest

from models.values.phrases import _ZH, rule_in, said_in


def test_every_sentence_of_claim_and_audit_is_known() -> None:
    import numpy as np

    from models.attacks.membership import membership_attack
    from models.cases.catalog import CATALOG
    from models.privacy.accounting import KNOWN_LIMITS
    from models.privacy.noise import KEYSTREAM, PHILOX
    from models.privacy.sampler import PoissonSampler
    from tasks.auditing import UNMEASURED, UNPLANTED

    losses = np.random.default_rng(1).normal(size=60)
    audit = membership_attack(losses, losses[::-1], run="r", delta=1e-6, seed=1)
    sentences = [
        *KNOWN_LIMITS,
        *(KEYSTREAM, PHILOX, PoissonSampler.name, audit.attack, audit.power),
        f"{UNMEASURED} (RuntimeError)",
        *(UNPLANTED, "12 of 100 sentences known by heart would have been found with a chance of 0.9"),
        "the model reads only 1% of the sentences apart, so it could not know one by heart",
        *(audit.auc.how, audit.tpr_at_1_percent_fpr.how),
        *(case.metrics[0].chance.how for case in CATALOG.values() if case.metrics[0].chance),
        "noised histograms of scores of test customers, epsilon 3, delta 2e-06",
        "noised sum by noised count of test customers, epsilon 3, delta 2e-06",
        "exact on test customers, bootstrap over customers (households where known)",
    ]
    assert [text for text in sentences if said_in(text, "zh") is None] == []


def test_every_objection_is_known() -> None:
    import inspect

    from models.values.evidence import Evidence

    reasons = re.findall(r'"(the [^"]+)":', inspect.getsource(Evidence.objections))
    assert len(reasons) >= 6
    assert [reason for reason in reasons if said_in(reason, "zh") is None] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("needs k >= 10 over birth, sex", "要求 k ≥ 10，准标识符：birth, sex"),
        ("column a{b}c has no missing value", "列 a{b}c 没有缺失值"),
        ("needs a share <= 0.1", "要求比例 ≤ 0.1"),
        ("something that nobody wrote", None),
        ("the gate did not pass, or did it", None),
    ],
)
def test_names_and_numbers_pass_as_they_are(text: str, expected: str | None) -> None:
    assert said_in(text, "zh") == expected
    assert said_in(text, "en") == text


def test_a_rule_has_two_parts() -> None:
    assert rule_in("rows: not too many rows were suppressed", "zh") == ("行数", "被抑制的行不超过上限")
    assert rule_in("rows", "zh") == ("行数", "行数")


@pytest.mark.parametrize(("pattern", "phrase"), _ZH)
def test_no_number_or_name_of_a_sentence_is_lost(pattern: str, phrase: str) -> None:
    places = {int(place) for place in re.findall(r"{(\d)}", phrase)}
    assert places == set(range(re.compile(pattern).groups))
