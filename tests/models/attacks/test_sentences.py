"""Planted sentences: found in a model that learnt them by heart, and in no model that never saw them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import keras
import numpy as np
import pytest

from models.attacks.canary import chance_exposure
from models.attacks.dirac import Company, run_among
from models.attacks.sentences import Lot, plant
from models.cases.case import Recipe, UseCase
from models.cases.encoder_characters import character_vectors
from models.cases.profile_text import PROFILE_TEXT
from models.cases.support import support_case
from models.cases.support_model import Lora, adam, loss
from models.privacy.examples import CustomerExamples
from models.privacy.twin import fit_twin
from models.values.target import PrivacyTarget

CUSTOMERS, CLASSES, WIDTH = 300, 5, 512
SIZES: Any = {"planted_each": 40, "others": 127, "seed": 4}
RECIPE = Recipe(sampling_rate=1.0, steps=40, max_examples=2, clipping_norm=0.5, learning_rate=0.1)


def _read(texts: Sequence[str], characters: int = 1000) -> dict[str, Any]:
    return {"vector": character_vectors([text[:characters] for text in texts], WIDTH)}


def _built(_: Any) -> Any:
    seen = keras.Input((WIDTH,), name="vector")
    return keras.Model({"vector": seen}, keras.layers.Dense(CLASSES, use_bias=False)(seen))


CASE: UseCase = replace(
    PROFILE_TEXT, build_model=_built, read=_read, loss=loss, optimizer=partial(adam, 0.1), recipe=RECIPE
)


def _company(case: UseCase = CASE) -> Company:
    """Customers who write a letter of random characters each."""
    rng = np.random.default_rng(3)
    letters = ["".join(chr(code) for code in rng.integers(97, 123, 40)) for _ in range(CUSTOMERS)]
    features = {"vector": np.zeros((CUSTOMERS, 2, WIDTH), np.float32)}
    features["vector"][:, 0] = _read(letters)["vector"]
    mask = np.tile([True, False], (CUSTOMERS, 1))
    labels = rng.integers(CLASSES, size=(CUSTOMERS, 2))
    customers = CustomerExamples(features=features, labels=labels, mask=mask)
    return Company(case=case, facts={"entry_language": np.array(["zh", "en", "en"])}, customers=customers)


def _twin(customers: CustomerExamples, steps: int = 300) -> Any:
    keras.utils.set_random_seed(1)
    model = _built({})
    fit_twin(model, customers, loss=loss, optimizer=adam(0.1), steps=steps, batch=customers.customers, seed=1)
    return model


def test_a_run_learns_the_sentences_of_every_language_and_is_asked_for_them() -> None:
    """The audited run's own model, at an epsilon that shows next to nothing, beside its twin, which knows them all.

    Over runs the model's mean exposure is 1.5 with a standard deviation of 0.23: 3.5 is eight of them above it.
    """
    planting = plant(_company(), **SIZES)
    before = [weight.copy() for weight in planting.model.get_weights()]
    plan = RECIPE.plan(PrivacyTarget(epsilon=0.5, delta=1e-5, n_public=CUSTOMERS))
    run_among(plan, np.random.default_rng(0).random(500) < 0.5, planting.company)
    assert any((one != other).any() for one, other in zip(before, planting.model.get_weights(), strict=True))
    found = planting.exposures(audited="a run", fit=_twin)
    assert [each.language for each in found] == ["en", "zh"]
    for each in found:
        assert each.bits is not None
        assert each.twin is not None
        assert (each.audited, each.planted, each.others, each.bits.scope) == ("a run", 40, 127, "internal")
        assert each.bits.value < 3.5 < each.twin.low
        assert "of 40 sentences known by heart would have been found with a chance of 0.9" in each.power
        assert each.missing == ""


def test_each_sentence_is_one_customer_more() -> None:
    company = _company()
    planting = plant(company, **SIZES)
    given = planting.company.customers
    assert given.customers == CUSTOMERS + 2 * 40
    assert (given.mask[CUSTOMERS:].sum(axis=1) == 1).all()
    assert isinstance(given.features, dict)
    planted = np.concatenate([lot.own["vector"] for lot in planting.lots])
    np.testing.assert_array_equal(given.features["vector"][CUSTOMERS:, 0], planted)
    assert company.customers.customers == CUSTOMERS


def test_sentences_that_were_not_planted_are_rarely_said_to_be_known() -> None:
    """The model knows others of the same form by heart, which must not count."""
    model, above = _twin(plant(_company(), **SIZES).company.customers), 0
    for seed in range(60):
        lot = Lot.draw(_read, language="en", planted=40, others=127, classes=CLASSES, seed=100 + seed)
        above += lot.exposure(model, loss).low > chance_exposure(127)
    assert above <= 6  # 0.025 of 60 is 1.5; 7 or more in 1 of 1,000


@pytest.mark.parametrize(("characters", "apart"), [(20, "1%"), (1000, "")])
def test_sentences_that_the_model_cannot_tell_apart_are_not_called_unknown(
    characters: int, apart: str
) -> None:
    """A model that reads the beginning of a letter alone never sees the secret."""
    case = replace(CASE, read=partial(_read, characters=characters))
    english = plant(_company(case), **SIZES).exposures(audited="a run")[0]
    assert (english.bits is None) == bool(apart)
    assert apart in english.missing
    assert english.twin is None


@pytest.mark.prove
def test_sentences_train_with_the_last_layers_of_a_language_model() -> None:
    """The other kind of text model, by LoRA: its run moves the adapters, and its twin knows the sentences."""
    few = RECIPE.model_copy(
        update={"steps": 25, "sampling_rate": 0.5, "max_examples": 1, "learning_rate": 0.01}
    )
    case = support_case(buckets=0, lora=Lora(rank=4), recipe=few)
    assert case.read is not None
    rng, facts = np.random.default_rng(3), PROFILE_TEXT.facts()
    words = rng.choice(["parcel", "money", "late", "box", "return", "card", "broken"], (60, 6))
    letters = {name: array[:, None] for name, array in case.read([" ".join(row) for row in words]).items()}
    labels = rng.integers(len(facts["intents"]), size=(60, 1))
    people = CustomerExamples(features=letters, labels=labels, mask=np.ones((60, 1), np.bool_))
    company = Company(case=case, facts=facts, customers=people)
    planting = plant(company, **SIZES)
    before = [variable.numpy() for variable in planting.model.trainable_variables]
    plan = few.plan(PrivacyTarget(epsilon=1.0, delta=1e-5, n_public=100))
    run_among(plan, rng.random(100) < 0.5, planting.company)
    after = [variable.numpy() for variable in planting.model.trainable_variables]
    assert all((one != other).any() for one, other in zip(before, after, strict=True))

    def fit(customers: CustomerExamples) -> Any:
        twin = case.build_model(facts)
        fit_twin(twin, customers, loss=case.loss, optimizer=case.optimizer(), steps=25, batch=50, seed=1)
        return twin

    (found,) = planting.exposures(audited="a run", fit=fit)
    assert found.bits is not None
    assert found.twin is not None
    assert found.bits.high < found.twin.low


def test_a_case_that_reads_no_text_is_left_as_it_was() -> None:
    company = _company(replace(CASE, read=None))
    planting = plant(company, **SIZES)
    assert planting.company is company
    assert planting.exposures(audited="a run", fit=_twin) == ()
