"""Reconstruction: what a vector holds is read, what it does not hold is not, and a training's part is told apart."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from models.attacks.reconstruction import Decoder, reconstruction, reconstructions
from models.cases.case import Embedded
from models.cases.fraud import FEATURE_NAMES, FRAUD
from models.cases.support_text import vocabulary_of, words_in
from models.privacy.errors import PrivacyError

MIX = np.random.default_rng(0).normal(size=(6, 10))


def _numbers(seed: int, noise: float = 0.1, n: int = 150) -> Embedded:
    """Vectors that hold six numbers, with noise, and six more that say nothing of the last two."""
    rng = np.random.default_rng(seed)
    given = rng.normal(size=(n, 8)) * 3 + 5
    vectors = given[:, :6] @ MIX + noise * rng.normal(size=(n, 10))
    return Embedded(what="numbers", vectors=vectors, given=given)


def _sets(seed: int, told: float, n: int = 200) -> Embedded:
    """Sets of 30 things, the first of them the likeliest; vectors hold a share `told` of what is in them."""
    rng = np.random.default_rng(seed)
    given = rng.random((n, 30)) < np.linspace(0.5, 0.05, 30)
    return Embedded(
        what="sets", vectors=told * given + rng.normal(size=given.shape) / 10, given=given, sets=True
    )


def test_what_a_vector_holds_is_read() -> None:
    """Six of eight numbers of the same variance: three quarters."""
    whole, more = reconstruction(_numbers(1), _numbers(2), _numbers(3), seed=1)
    assert whole.low < 0.75 < whole.high
    assert whole.high - whole.low < 0.1
    assert more.low <= 0 <= more.high
    assert whole.scope == more.scope == "internal"


def test_a_vector_of_something_else_tells_nothing() -> None:
    given = [_numbers(seed, noise=1e6) for seed in range(3)]
    assert reconstruction(*given, seed=1)[0].value < 0.05
    assert reconstruction(*(_sets(seed, 0.0) for seed in range(3)), seed=1)[0].value < 0.05


def test_sets_are_read_beyond_what_is_popular() -> None:
    whole, _ = reconstruction(*(_sets(seed, 1.0) for seed in range(3)), seed=1)
    popular = _sets(1, 1.0).given
    guessed = float(
        np.mean([popular[row, : popular[row].sum()].mean() for row in range(200) if popular[row].any()])
    )
    assert 0.9 - guessed < whole.low
    assert whole.high <= 1 - guessed + 0.1


def test_what_is_read_of_members_alone_is_the_trainings() -> None:
    _, more = reconstruction(_numbers(1, 2.0), _numbers(2, 0.1), _numbers(3, 20.0), seed=1)
    assert more.low > 0.05


def test_the_penalty_is_that_of_the_least_error_left_out() -> None:
    """More columns than customers: without a penalty whatever is left out would be missed widely."""
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(40, 200))
    known = Embedded(what="", vectors=vectors, given=vectors[:, :1] + rng.normal(size=(40, 1)))
    fresh = rng.normal(size=(500, 200))
    missed = ((Decoder.fit(known).read(fresh) - fresh[:, :1]) ** 2).mean()
    assert missed < 1.2


def test_too_few_customers_are_refused() -> None:
    with pytest.raises(PrivacyError, match="20"):
        reconstruction(_numbers(1), _numbers(2, n=19), _numbers(3), seed=1)


def test_words_are_those_of_a_public_vocabulary() -> None:
    vocabulary = vocabulary_of(["We refund you.", "退款"])
    assert vocabulary == ("refund", "we", "you", "款", "退")
    found = words_in(["Refund [NAME_1], not YOU", "退", ""], vocabulary)
    assert [set(np.array(vocabulary)[row]) for row in found] == [{"refund", "you"}, {"退"}, set()]


def _orders() -> Any:
    """Rows of the case's features for 90 customers in 45 households, 30 in each part."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(180, len(FEATURE_NAMES))), columns=list(FEATURE_NAMES))
    who = np.repeat(np.arange(90), 2)
    ids = {
        "customer_id": [str(uuid.UUID(int=int(each))) for each in who],
        "household": [f"h{each // 2}" for each in who],
    }
    part = np.array(["train", "test", "holdout"])[who // 2 % 3]
    return ibis.memtable(frame.assign(**ids, part=part, place=np.tile([0, 1], 90), label=0, day=1))


def test_a_case_says_what_its_vectors_are() -> None:
    """Untrained: much is read of everyone, of members no more; without vectors there is nothing to attack."""
    model, rows = FRAUD.build_model({}), _orders()
    with pytest.raises(PrivacyError, match="20"):  # of every household one
        reconstructions(FRAUD, rows, model, {}, seed=1)
    alone = rows.mutate(household=rows.customer_id)
    whole, more = reconstructions(FRAUD, alone, model, {}, seed=1)
    assert whole.low > 0.02
    assert more.low <= 0 <= more.high
    assert reconstructions(replace(FRAUD, embedded=None), alone, model, {}, seed=1) == ()
