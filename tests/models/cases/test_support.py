from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from models.cases.answers import NEAR
from models.cases.case import CaseError, Recipe, UseCase
from models.cases.support import HEAD, TICKET_COLUMNS, support_case
from models.cases.support_model import Lora
from models.cases.support_text import vocabulary_of
from models.privacy.examples import CustomerExamples
from models.privacy.layers import engine_for
from models.privacy.trainer import fit
from models.values.target import PrivacyTarget

ANSWERS = [
    ("A001", "delivery_status", "en", "where is my parcel", "Look under Orders."),
    ("A002", "refund_status", "en", "i want my money", "We refund in 14 days."),
    ("A101", "delivery_status", "zh", "我的包裹在哪里", "请查看订单。"),
    ("A102", "refund_status", "zh", "退款什么时候到账", "十四天内退款。"),
]
LETTERS = [
    (1, "anna", "delivery_status", "Where is my parcel [ORDER_1]?"),
    (2, "anna", "refund_status", "I want my money back."),
    (3, "anna", "refund_status", "I want my money back again."),
    (4, "bert", "delivery_status", "我的包裹[ORDER_1]在哪里？"),
    (5, "cleo", "refund_status", "退款什么时候到账？"),
    (6, "dora", "complaint", "Nobody answers."),
    (8, "fred", "delivery_status", "When will my parcel come?"),
    (7, "emil", "refund_status", "Write to emil@example.org or call 13812345678."),
]
TINY = Recipe(sampling_rate=1.0, steps=3, max_examples=2, clipping_norm=0.5, learning_rate=0.1)


def _tables(letters: Sequence[tuple[int, str, str, str]] = tuple(LETTERS)) -> list[Any]:
    rows = [(str(uuid.UUID(int=number)), *rest) for number, *rest in letters]
    people = pd.DataFrame({"customer_id": ["anna", "bert", "cleo", "dora", "emil", "fred"], "part": "train"})
    answers = pd.DataFrame(ANSWERS, columns=["entry_id", "intent", "language", "question", "answer"])
    return [
        ibis.memtable(pd.DataFrame(rows, columns=list(TICKET_COLUMNS))),
        ibis.memtable(people),
        ibis.memtable(answers),
    ]


def _examples(case: UseCase, tables: list[Any]) -> CustomerExamples:
    return case.examples(case.features(*tables), "train", case.facts(*tables))


@pytest.fixture
def case(tiny_gpt2: str) -> UseCase:
    return support_case(preset=tiny_gpt2, max_tokens=12, buckets=64, recipe=TINY)


def test_letters_that_are_read(case: UseCase) -> None:
    """All are answered, at most two of a customer learnt from; none of an unknown intent, none that is not redacted."""
    rows = case.features(*_tables()).to_pandas()
    learnt = sorted(uuid.UUID(str(name)).int for name in rows[rows.place < 2].ticket_id)
    assert learnt == [1, 2, 4, 5, 8]
    assert len(rows) == 6
    assert _examples(case, _tables()).mask.sum() == 5


@pytest.mark.parametrize(("gone", "others"), [("anna", [1, 2, 3]), ("bert", [0, 2, 3])])
def test_two_worlds(case: UseCase, gone: str, others: list[int]) -> None:
    """Without one customer, English or Chinese, the examples of the others are the same."""
    whole = _examples(case, _tables())
    rest = _examples(case, _tables([letter for letter in LETTERS if letter[1] != gone]))
    kept = whole.take(np.array(others))
    assert isinstance(kept.features, dict)
    assert isinstance(rest.features, dict)
    np.testing.assert_allclose(kept.features["vector"], rest.features["vector"], atol=1e-6)
    np.testing.assert_array_equal(kept.labels, rest.labels)


def test_a_letter_has_the_columns_of_its_script(case: UseCase) -> None:
    examples = _examples(case, _tables())
    assert isinstance(examples.features, dict)
    spelt, chinese = examples.features["vector"][:, 0, :8], examples.features["vector"][:, 0, 8:]
    np.testing.assert_array_equal(spelt.any(axis=1), [True, False, False, True])
    np.testing.assert_array_equal(chinese.any(axis=1), [False, True, True, False])


def test_a_model_starts_as_the_nearest_intent(case: UseCase) -> None:
    tables = _tables()
    facts, test = case.facts(*tables), _examples(case, tables)
    model = case.build_model(facts)
    assert case.baseline is not None
    baseline = case.baseline(test, facts)
    np.testing.assert_allclose(case.outputs(model, test, facts), 5 * baseline, atol=1e-4)
    assert case.metrics[0].exact(baseline, test, seed=0).value > 0.5


@pytest.mark.parametrize("lora", [None, Lora(rank=2, layers=1)])
def test_one_private_training_of_a_decoder(tiny_gpt2: str, lora: Lora | None) -> None:
    case = support_case(preset=tiny_gpt2, max_tokens=12, buckets=64, lora=lora, recipe=TINY)
    tables = _tables()
    facts, train = case.facts(*tables), _examples(case, tables)
    model = case.build_model(facts)
    assert engine_for(model) == "book-keeping"
    before = [variable.numpy() for variable in model.trainable_variables]
    plan = case.plan(PrivacyTarget(epsilon=3, delta=1e-5, n_public=100))
    fit(plan, model, train, loss=case.loss, optimizer=case.optimizer())
    after = [variable.numpy() for variable in model.trainable_variables]
    assert all(np.isfinite(weights).all() for weights in after)
    assert any((one != other).any() for one, other in zip(before, after, strict=True))


def test_scores_hold_keys_and_only_approved_answers(case: UseCase) -> None:
    tables = _tables()
    facts = case.facts(*tables)
    said = case.score(case.features(*tables), case.build_model(facts), facts).to_pandas()
    assert len(said) == 6
    assert {"ticket_id", "customer_id", "intent", "answer_id", "to_human"} <= set(said.columns)
    approved = {entry[4] for entry in ANSWERS}
    assert set(said.answer.dropna()) <= approved
    assert (said.answer.isna() == said.to_human).all()


def test_facts_come_from_the_answer_base_alone(case: UseCase) -> None:
    tables = _tables()
    facts, fewer = case.facts(*tables), case.facts(*_tables(LETTERS[:1]))
    for name, array in facts.items():
        np.testing.assert_array_equal(array, fewer[name])
        assert array.dtype != object


@pytest.mark.parametrize(("table", "column"), [(0, "text"), (1, "customer_id"), (2, "question")])
def test_a_missing_column_is_named(case: UseCase, table: int, column: str) -> None:
    tables = _tables()
    tables[table] = tables[table].drop(column)
    with pytest.raises(CaseError, match=column):
        case.features(*tables)


def test_answers_of_an_unknown_language_are_refused(case: UseCase) -> None:
    tables = _tables()
    tables[2] = tables[2].mutate(language=ibis.literal("tlh"))
    with pytest.raises(CaseError, match="has language 'tlh'; known are " + ", ".join(NEAR)):
        case.facts(*tables)


def test_the_recipe_of_the_head_takes_everyone_in_every_step() -> None:
    assert HEAD.sampling_rate == 1


def test_vectors_of_letters_and_the_words_that_are_in_them(case: UseCase) -> None:
    """What attackers reconstruct: of each customer's first letter, words of the approved answers alone."""
    tables = _tables()
    assert case.embedded is not None
    found = case.embedded(case, case.features(*tables), "train", None, case.facts(*tables))
    assert found.vectors.shape == (4, 8 + 64)
    assert found.sets
    words = vocabulary_of([answer for *_, answer in ANSWERS])
    held = {tuple(np.array(words)[row]) for row in found.given}
    assert ("款", "退") in held
    assert not any("parcel" in letter for letter in held)
