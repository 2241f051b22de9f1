"""Card fraud: is a card transaction made by somebody other than the customer?

Every feature compares a transaction with the customer's own past or with public constants, as in fraud.py. Terminals
are other people's business too: `card_fraud` knows of one only what happened to the customer there;
`card_fraud_terminals` reads noised statistics of them beside (card_fraud_terminals.py).
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import ibis
import numpy as np
import pandas
from numpy.typing import NDArray

from models.cases.arrays import dated, to_frame
from models.cases.attributes import any_positive, is_set, quarter_of_day
from models.cases.case import Attribute, Facts, Recipe, UseCase, require_columns
from models.cases.coarse import coarser
from models.cases.customers import one_row_each
from models.cases.fraud_metrics import AveragePrecision, CardPrecision, RecallAtAlerts
from models.cases.fraud_network import Detector, adam, hidden
from models.cases.fraud_reasons import Reason, predictions
from models.cases.metrics import Auc
from models.cases.windows import (
    CENTS,
    DAY,
    THOUSANDTHS,
    before,
    capped_log,
    hours_since_last,
    known_after,
    log_ratio,
    mean_before,
    total_within_hours,
    unusual_hour,
    whole,
    with_hours,
    within_hours,
)
from models.privacy.examples import CustomerExamples

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd
    import pyarrow as pa

TRAINED: Final = 64  # transactions of a customer that are trained on, at most
JUDGED: Final = 256  # those that a test customer is judged by, at most
THINNING: Final = 16  # one of so many honest transactions is trained on
LABEL_DELAY: Final = 7  # days until it is known whether a transaction was fraud
WINDOWS: Final = (1, 7, 30)  # days
TRANSACTION_COLUMNS: Final = ("transaction_id", "customer_id", "terminal_id", "at", "amount", "is_fraud")
CUSTOMER_COLUMNS: Final = ("customer_id",)
KEYS: Final = ("transaction_id", "customer_id")


def features(transactions: ir.Table, customers: ir.Table) -> ir.Table:
    """One row for each transaction: ids, part, day, label, features, and two places among the customer's, from 0 on.

    `place` is that among all, `turn` that among those to be trained on: fraud and one of THINNING others, chosen and
    ordered by their pseudonyms; -1 for the rest. `customers` may have part and household.
    """
    require_columns(transactions, TRANSACTION_COLUMNS, "card_transactions")
    require_columns(customers, CUSTOMER_COLUMNS, "card_customers")
    history = _history(transactions.join(one_row_each(customers), "customer_id"))
    columns = {**_own_past(history), **_in_windows(history)}
    scaled = {name: value.cast("float64").fill_null(0.0) for name, value in columns.items()}
    known = ["household"] if "household" in history.columns else []
    keys = ["customer_id", "transaction_id", "terminal_id", "part", *known]
    chosen = (history.fraud > 0) | _one_of_so_many(history)
    rows = history.select(*keys, day=history.hour // DAY, label=history.fraud, chosen=chosen, **scaled)
    place = ibis.row_number().over(ibis.window(group_by="customer_id", order_by="transaction_id"))
    turn = ibis.row_number().over(ibis.window(group_by=["customer_id", "chosen"], order_by="transaction_id"))
    return rows.mutate(place=place, turn=ibis.ifelse(rows.chosen, turn, -1)).drop("chosen")


def frame_of(table: ir.Table, part: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """The rows that one `part` is trained on or, of test customers, judged by, with `columns`."""
    held = table.filter(table.part == part)
    if part == "test":
        kept = held.filter(held.place < JUDGED)
    else:
        kept = held.filter(held.turn >= 0, held.turn < TRAINED).mutate(place=held.turn)
    return to_frame(kept, ("place", "label", "day", *columns))


def cap_of(part: str) -> int:
    """How many examples a customer of a `part` has at most."""
    return JUDGED if part == "test" else TRAINED


def examples(table: ir.Table, part: str, _: Facts) -> CustomerExamples:
    """The examples of the customers of one `part` of what `features` gives."""
    frame = frame_of(table, part, FEATURE_NAMES)
    return dated(frame, read(frame), max_examples=cap_of(part))


def read(frame: pd.DataFrame) -> NDArray[np.float32]:
    """The features (n, d) of a frame."""
    return frame[list(FEATURE_NAMES)].to_numpy(dtype=np.float32)


def score(rows: ir.Table, model: Any, _: Facts) -> pa.Table:
    """The keys, the probability of fraud and the reasons for it, of every transaction in `rows`."""
    import pyarrow as pa

    frame = rows.select(*KEYS, *FEATURE_NAMES).to_pandas()
    keys = pa.Table.from_pandas(frame[list(KEYS)], preserve_index=False)
    return predictions(DETECTOR, REASONS, FEATURE_NAMES, keys, model, read(frame))


def answer(frame: pd.DataFrame, model: Any, facts: Facts) -> pd.DataFrame:
    """The probability of fraud and the reasons of each transaction in `frame`: all of one or several customers.

    What is unusual for a customer can only be told from all transactions up to then; `is_fraud` is what is known now.
    """
    return answered(score(features(*served(frame)), model, facts))


def served(frame: pd.DataFrame) -> tuple[ir.Table, ir.Table]:
    """The two tables of a request."""
    made = frame.assign(at=pandas.to_datetime(frame["at"]))
    people = frame[["customer_id"]].drop_duplicates().assign(part="served")
    return ibis.memtable(made), ibis.memtable(people)


def answered(scores: pa.Table) -> pd.DataFrame:
    """What a request is told of `scores`."""
    found: pd.DataFrame = scores.drop_columns(["customer_id"]).to_pandas()
    return found


def _history(transactions: ir.Table) -> ir.Table:
    """The transactions with what the windows read."""
    table = with_hours(
        transactions.mutate(moment=transactions["at"], event=transactions.transaction_id)
    ).mutate(spent=whole(transactions.amount, CENTS), fraud=transactions.is_fraud.cast("int64").fill_null(0))
    return table.mutate(
        known=(before(table) > 0).cast("int64"),
        new_terminal=(before(table, "terminal_id") == 0).cast("int64"),
        honest=1 - table.fraud,
    )


def _one_of_so_many(history: ir.Table) -> Any:
    """True for one of THINNING transactions, by the first digit of its keyed pseudonym."""
    return history.event.cast("string").substr(0, 1).lower() == "0"


def _own_past(history: ir.Table) -> dict[str, Any]:
    """Each transaction against the customer's own past, scaled by public constants to about [-3, 3].

    Labels count from LABEL_DELAY days after their transaction on. `*_here` is what happened to the customer at the
    same terminal.
    """
    count, known, since = before(history), history.known, hours_since_last(history)
    delay, weeks = LABEL_DELAY * DAY, 7 * DAY
    here = {name: known_after(history, name, delay, 5 * weeks, "terminal_id") for name in ("fraud", "honest")}
    return {
        "first_transaction": 1 - known,
        "past_transactions": capped_log(count, 500) / 2 - 2,
        "terminal_new": known * history.new_terminal,
        "times_here": capped_log(before(history, "terminal_id"), 100) / 2,
        "amount": capped_log(history.spent / CENTS, 5_000) - 4,
        "amount_to_past_mean": log_ratio(history.spent / CENTS, mean_before(history, "spent") / CENTS, 5_000),
        "hour_sine": history.sine / THOUSANDTHS,
        "hour_cosine": history.cosine / THOUSANDTHS,
        "hour_unusual": known * unusual_hour(history),
        "hours_since_last": (capped_log(since, 8_760) - 3) / 2,
        "frauds_last_fortnight": known_after(history, "fraud", delay, 2 * weeks).clip(0, 3),
        "frauds_known": known_after(history, "fraud", delay, 5 * weeks).clip(0, 5) / 2,
        "frauds_here": here["fraud"].clip(0, 3),
        "honest_here": here["honest"].clip(0, 3),
    }


def _in_windows(history: ir.Table) -> dict[str, Any]:
    """What the customer did in the last days before each transaction."""
    columns: dict[str, Any] = {}
    usual = mean_before(history, "spent")
    for days in WINDOWS:
        hours = days * DAY
        count = within_hours(history, hours)
        mean = total_within_hours(history, "spent", hours) / ibis.ifelse(count > 0, count, 1)
        terminals = total_within_hours(history, "new_terminal", hours)
        columns |= {
            f"transactions_in_{days}_days": capped_log(count, 300) / 2,
            f"spent_in_{days}_days": (count > 0).cast("float64")
            * log_ratio(mean / CENTS, usual / CENTS, 5_000),
            f"new_terminals_in_{days}_days": capped_log(terminals, 100),
        }
    return columns


def _windows_of(name: str) -> tuple[str, ...]:
    return tuple(f"{name}_in_{days}_days" for days in WINDOWS)


FEATURE_NAMES: Final = (
    "first_transaction",
    "past_transactions",
    "terminal_new",
    "times_here",
    "amount",
    "amount_to_past_mean",
    "hour_sine",
    "hour_cosine",
    "hour_unusual",
    "hours_since_last",
    "frauds_last_fortnight",
    "frauds_known",
    "frauds_here",
    "honest_here",
    *(name for kind in ("transactions", "spent", "new_terminals") for name in _windows_of(kind)),
)
REASONS: Final = (
    Reason(
        features=("amount_to_past_mean",),
        english="The amount is {} times the customer's earlier mean.",
        chinese="金额是该客户以往平均值的 {} 倍。",
        number=lambda value: f"{math.exp(value):.1f}",
    ),
    Reason(
        features=("amount",),
        english="The amount is {}.",
        chinese="金额为 {}。",
        number=lambda value: f"{math.expm1(value + 4):.0f}",
    ),
    Reason(
        features=("terminal_new",),
        english="The customer never paid at this terminal before.",
        chinese="该客户此前从未在此终端付款。",
    ),
    Reason(
        features=("times_here",),
        english="The customer paid at this terminal {} times before.",
        chinese="该客户此前在此终端付款 {} 次。",
        number=lambda value: f"{math.expm1(2 * value):.0f}",
    ),
    Reason(
        features=("frauds_here", "honest_here"),
        english="The customer had fraud at this terminal lately.",
        chinese="该客户近期在此终端发生过欺诈。",
    ),
    Reason(
        features=("frauds_known", "frauds_last_fortnight"),
        english="The customer had fraud lately.",
        chinese="该客户近期发生过欺诈。",
    ),
    Reason(
        features=("hour_unusual", "hour_sine", "hour_cosine"),
        english="The hour of the day is unusual for the customer.",
        chinese="交易时段对该客户而言不寻常。",
    ),
    Reason(
        features=("hours_since_last",),
        english="Hours since the customer's transaction before: {}.",
        chinese="距该客户上一笔交易的小时数：{}。",
        number=lambda value: f"{math.expm1(2 * value + 3):.0f}",
    ),
    Reason(
        features=tuple(reversed(_windows_of("spent"))),
        english="The amounts of the last 30 days are higher than usual.",
        chinese="最近 30 天的金额高于平常。",
    ),
    Reason(
        features=tuple(reversed(_windows_of("transactions"))),
        english="There were more transactions than usual in the last 30 days.",
        chinese="最近 30 天的交易多于平常。",
    ),
    Reason(
        features=tuple(reversed(_windows_of("new_terminals"))),
        english="New terminals were used in the last 30 days.",
        chinese="最近 30 天使用过新的终端。",
    ),
)
DETECTOR: Final = Detector(features=len(FEATURE_NAMES), thinning=THINNING)
RECIPE: Final = Recipe(
    sampling_rate=0.2, steps=300, max_examples=TRAINED, clipping_norm=2.0, learning_rate=0.03
)
METRICS: Final = (Auc(), AveragePrecision(), RecallAtAlerts(), CardPrecision())
REQUEST: Final = {name: "string" for name in TRANSACTION_COLUMNS} | {
    "amount": "double",
    "is_fraud": "boolean",
}


def _sized(width: int) -> UseCase:
    detector = replace(DETECTOR, hidden=width)
    case = replace(CARD_FRAUD, size=width, build_model=lambda _: detector.build())
    return replace(case, coarsened=partial(_coarsened, case))


def _coarsened(case: UseCase, level: int) -> UseCase:
    return coarser(case, level, FEATURE_NAMES, lambda frame: features(*served(frame)), answered)


ATTRIBUTES: Final[tuple[Attribute, ...]] = (
    any_positive("whether there was a fraud with the customer's card"),
    is_set("whether a payment was at a terminal new to the customer", FEATURE_NAMES, "terminal_new"),
    quarter_of_day("time of day of a payment", FEATURE_NAMES),
)

CARD_FRAUD: Final[UseCase] = UseCase(
    decides=True,
    name="card_fraud",
    title="Card fraud detection",
    tables={"card_transactions": TRANSACTION_COLUMNS, "card_customers": CUSTOMER_COLUMNS},
    inputs=FEATURE_NAMES,
    features=features,
    examples=examples,
    build_model=lambda _: DETECTOR.build(),
    optimizer=adam(RECIPE.learning_rate),
    loss=DETECTOR.loss,
    recipe=RECIPE,
    metrics=METRICS,
    score=score,
    request=REQUEST,
    answer=answer,
    attributes=lambda _: ATTRIBUTES,
    embedded=hidden,
    size=DETECTOR.hidden,
    sized=_sized,
    coarsened=lambda level: _coarsened(CARD_FRAUD, level),
)
