"""Card fraud, with and without statistics of terminals: own rows, past only, one customer within a bound."""

from __future__ import annotations

import uuid
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from models.cases import card_fraud, card_fraud_terminals
from models.cases.card_fraud import CARD_FRAUD, FEATURE_NAMES, LABEL_DELAY, TRAINED
from models.cases.card_fraud_terminals import CARD_FRAUD_TERMINALS, INPUTS, PERIOD, STATISTICS
from models.cases.case import Facts
from models.privacy.statistics import NORM, clipped_sum

CUSTOMERS = [str(uuid.UUID(int=number * 0x1234567890ABCDEF1234567, version=4)) for number in range(1, 9)]
FIRST, DAYS, TERMINALS = pd.Timestamp("2025-01-01"), 70, 6
FIRST_DAY = (FIRST - pd.Timestamp(0)).days


def _of(customer: str, count: int) -> pd.DataFrame:
    """Transactions that depend on that customer alone; much of them fraud, at few terminals."""
    rng = np.random.default_rng(uuid.UUID(customer).int % 2**63)
    minutes = np.sort(rng.integers(0, DAYS * 24 * 60, count))
    return pd.DataFrame(
        {
            "transaction_id": [str(uuid.UUID(bytes=rng.bytes(16))) for _ in range(count)],
            "customer_id": customer,
            "terminal_id": [f"T{number}" for number in rng.integers(0, TERMINALS, count)],
            "at": FIRST + pd.to_timedelta(minutes, unit="min"),
            "amount": np.round(rng.lognormal(3, 0.3, count), 2),
            "is_fraud": rng.random(count) < 0.4,
        }
    )


def _world(customers: list[str], counts: dict[str, int] | None = None) -> pd.DataFrame:
    return pd.concat([_of(name, (counts or {}).get(name, 40)) for name in customers], ignore_index=True)


def _tables(world: pd.DataFrame, part: str = "train") -> list[Any]:
    people = world[["customer_id"]].drop_duplicates().assign(part=part)
    directory = pd.DataFrame(
        {
            "terminal_id": [f"T{number}" for number in range(TERMINALS)],
            "known_from": FIRST,
            "known_until": FIRST + pd.Timedelta(days=DAYS - 1),
        }
    )
    return [ibis.memtable(table) for table in (world, people, directory)]


def _rows(world: pd.DataFrame) -> Any:
    return ibis.memtable(CARD_FRAUD_TERMINALS.features(*_tables(world)).to_pandas())


def _facts(world: pd.DataFrame, *, stddev: float = 0.0) -> Facts:
    """The facts with their statistics, each by the noise-free sum and noise of a fixed seed."""
    facts, rows = CARD_FRAUD_TERMINALS.facts(*_tables(world)), _rows(world)
    rng = np.random.default_rng(5)
    sums = {held.name: clipped_sum(held.contributions(rows, facts)) for held in STATISTICS}
    return facts | {name: total + stddev * rng.normal(size=len(total)) for name, total in sums.items()}


def test_other_customers_features_stay_as_they_are() -> None:
    """TWO: nothing is fitted, no terminal is looked at but by the customer's own rows."""
    rest = [name for name in CUSTOMERS if name != CUSTOMERS[3]]
    frames = [_rows(_world(names)).to_pandas() for names in (CUSTOMERS, rest)]
    whole, reduced = (
        frame[frame.customer_id != CUSTOMERS[3]].sort_values("transaction_id", ignore_index=True)
        for frame in frames
    )
    columns = ["transaction_id", "terminal", "day", "label", "place", "turn", *FEATURE_NAMES]
    pd.testing.assert_frame_equal(whole[columns], reduced[columns], check_exact=True)


def test_what_comes_later_and_labels_not_yet_known_change_nothing() -> None:
    world = _of(CUSTOMERS[0], 40).sort_values("at", ignore_index=True)
    now = world["at"][25]
    unknown = world["at"] > now - pd.Timedelta(days=LABEL_DELAY)
    other = world.assign(is_fraud=world.is_fraud ^ unknown)
    other.loc[26:, ["amount", "terminal_id"]] = [999.0, "T0"]
    found = []
    for held in (world, other):
        frame = card_fraud.features(*_tables(held)[:2]).to_pandas().set_index("transaction_id")
        found.append(frame.loc[world.transaction_id[:26], list(FEATURE_NAMES)].iloc[25])
    pd.testing.assert_series_equal(*found, check_exact=True)


@pytest.fixture(scope="module")
def standard() -> tuple[pd.DataFrame, pd.DataFrame, Facts]:
    """A world, its rows and its facts, which tests may copy."""
    world = _world(CUSTOMERS[:5])
    return world, _rows(world).to_pandas(), _facts(world, stddev=1.0)


@pytest.mark.parametrize("statistic", STATISTICS, ids=lambda held: held.name)
@pytest.mark.parametrize("count", [40, 400])
def test_one_customer_moves_a_statistic_by_at_most_one(statistic: Any, count: int) -> None:
    """TWO: from raw-like tables to the sum, noise off; nothing is left to scale down, so the past stays as it is."""
    crowd = {CUSTOMERS[3]: count}
    facts = CARD_FRAUD_TERMINALS.facts(*_tables(_world(CUSTOMERS[:1])))
    sums = []
    for names in (CUSTOMERS[2:5], [CUSTOMERS[2], CUSTOMERS[4]]):
        given = statistic.contributions(_rows(_world(names, crowd)), facts)
        norms = np.sqrt(np.bincount(given.customer, given.value**2))
        assert norms.max() <= NORM + 1e-9
        sums.append(clipped_sum(given))
    assert 0 < np.linalg.norm(sums[0] - sums[1]) <= NORM + 1e-9


@pytest.mark.parametrize("statistic", STATISTICS, ids=lambda held: held.name)
def test_a_statistic_of_the_past_knows_no_future(statistic: Any) -> None:
    """However much a customer does later, the periods before stay as they were released."""
    world, half = _world(CUSTOMERS[:3], dict.fromkeys(CUSTOMERS[:3], 300)), DAYS // PERIOD // 2
    facts = CARD_FRAUD_TERMINALS.facts(*_tables(world))
    past = world[world["at"] < FIRST + pd.Timedelta(days=half * PERIOD)]
    sums = [clipped_sum(statistic.contributions(_rows(held), facts)) for held in (world, past)]
    before, after = (held.reshape(TERMINALS, -1)[:, :half] for held in sums)
    assert before.any()
    np.testing.assert_array_equal(before, after)


def test_a_transaction_reads_periods_that_ended_and_whose_labels_are_known(standard: Any) -> None:
    """A mark in one period is read from PERIOD + LABEL_DELAY days after its begin on, by that terminal alone."""
    _, frame, facts = standard
    found = []
    for mark in (1.0, 3.0):
        marked = facts[STATISTICS[0].name].copy()
        marked.reshape(TERMINALS, -1)[2, 3] = mark
        found.append(card_fraud_terminals.read(frame, facts | {STATISTICS[0].name: marked}))
    before, after = found
    reads = (before != after).any(axis=1)
    known_on = FIRST_DAY + 4 * PERIOD + LABEL_DELAY
    within = frame.day.between(known_on, known_on + card_fraud_terminals.READ * PERIOD - 1)
    assert reads.any()
    assert list(reads) == list((frame.terminal == 2) & within)


def test_unknown_terminals_read_and_give_nothing(standard: Any) -> None:
    _, _, facts = standard
    rows = _rows(_world(CUSTOMERS[:2]).assign(terminal_id="elsewhere"))
    frame = rows.to_pandas()
    assert (frame.terminal == -1).all()
    assert not card_fraud_terminals.read(frame, facts)[:, len(FEATURE_NAMES) :].any()
    assert not clipped_sum(STATISTICS[0].contributions(rows, facts)).any()


def test_training_takes_every_fraud_and_one_of_many_others() -> None:
    world = _world(CUSTOMERS[:3], dict.fromkeys(CUSTOMERS, 80))
    rows = card_fraud.features(*_tables(world)[:2])
    chosen = set(world[world.is_fraud | world.transaction_id.str.startswith("0")].transaction_id)
    frame = rows.to_pandas()
    assert set(frame[frame.turn >= 0].transaction_id) == chosen
    train = CARD_FRAUD.examples(rows, "train", {})
    assert train.max_examples == TRAINED
    assert train.mask.sum() == len(chosen)
    judged = CARD_FRAUD.examples(card_fraud.features(*_tables(world, "test")[:2]), "test", {})
    assert judged.mask.sum() == len(world)


@pytest.mark.parametrize("case", [CARD_FRAUD, CARD_FRAUD_TERMINALS], ids=lambda case: case.name)
def test_a_request_is_answered_as_rows_are_scored(standard: Any, case: Any) -> None:
    world, _, facts = standard
    model = case.build_model(facts)
    scores = case.score(case.features(*_tables(world)[: len(case.tables)]), model, facts).to_pandas()
    answered = case.answer(world.astype({"at": str})[list(case.request)], model, facts)
    assert list(answered.columns) == ["transaction_id", "fraud", "because", "because_zh"]
    pd.testing.assert_frame_equal(
        *(
            held.sort_values("transaction_id", ignore_index=True)[answered.columns]
            for held in (scores, answered)
        )
    )
    told = [name for reason in card_fraud_terminals.REASONS for name in reason.features]
    assert len(told) == len(set(told))
    assert set(INPUTS) - set(told) == {"first_transaction", "past_transactions", "terminal_transactions"}
