"""Card fraud with statistics of terminals: what happened to everybody there, released with noise.

A skimmed terminal shows in the frauds of many customers. Two statistics count, terminal by terminal and week by week,
transactions and frauds of the training customers; they are within the epsilon of the training. A transaction reads the
weeks that had ended, and whose labels were known, before its day: never its own time or a later one.

Each customer adds at most TRANSACTIONS entries a week and at most FRAUDS in all, the first ones by time. So what is
added for a week depends on that week and earlier ones only, and every customer's vector has norm 1 at most.

A model knows the weeks up to its training. What it scores more than READ weeks later reads none of them: train again.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import ibis
import numpy as np
from numpy.typing import NDArray

from models.cases import card_fraud
from models.cases.arrays import dated
from models.cases.card_fraud import FEATURE_NAMES, KEYS, LABEL_DELAY
from models.cases.case import Facts, UseCase, require_columns
from models.cases.fraud_network import Detector, adam, hidden
from models.cases.fraud_reasons import Reason, predictions
from models.privacy.examples import CustomerExamples
from models.privacy.statistics import Contributions, Statistic

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd
    import pyarrow as pa

PERIOD: Final = 7  # days
READ: Final = 4  # periods that a transaction reads
FRAUDS: Final = 3  # terminals and weeks that a customer's frauds count for, in all
TRANSACTIONS: Final = 8  # terminals that a customer's transactions count for, a week
COLUMNS: Final = ("terminal_id", "known_from", "known_until")
# A fraud of so many times the customer's mean, or of so much, says nothing of the terminal.
_TIMES: Final = 3.0
_LARGE: Final = 200.0
_READ_COLUMNS: Final = ("terminal", *FEATURE_NAMES)


def features(transactions: ir.Table, customers: ir.Table, terminals: ir.Table) -> ir.Table:
    """Rows as of card_fraud.features with `terminal`, its number in the public directory; -1 for one not in it."""
    rows = card_fraud.features(transactions, customers)
    held = rows.left_join(_numbered(terminals), "terminal_id").drop("terminal_id_right")
    return held.mutate(terminal=held.terminal.fill_null(-1))


def facts(transactions: ir.Table, customers: ir.Table, terminals: ir.Table) -> Facts:
    """The public directory: ids of terminals in their order, and the days (since 1970) between which they are known."""
    del transactions, customers
    require_columns(terminals, COLUMNS, "card_terminals")
    ids = _numbered(terminals).order_by("terminal").terminal_id.cast("string").to_pandas()
    first, last = (
        int(day.cast("timestamp").epoch_seconds().to_pyarrow().as_py()) // 86_400
        for day in (terminals.known_from.min(), terminals.known_until.max())
    )
    return {"terminals": ids.to_numpy(dtype=str), "days": np.array([first, last])}


def examples(table: ir.Table, part: str, facts: Facts) -> CustomerExamples:
    """The examples of the customers of one `part`, with what the statistics in `facts` say of each terminal."""
    frame = card_fraud.frame_of(table, part, _READ_COLUMNS)
    return dated(frame, read(frame, facts), max_examples=card_fraud.cap_of(part))


def read(frame: pd.DataFrame, facts: Facts) -> NDArray[np.float32]:
    """The features (n, d) of a frame with `terminal` and `day`.

    Counts are in standard deviations of their noise, which shows in the counts below zero: post-processing. Of frauds:
    those of each period, the latest first, the largest of their sums from the latest on, and the sum of all.
    """
    first, periods = _calendar(facts)
    latest = (frame.day.to_numpy(dtype=np.int64) - first - LABEL_DELAY) // PERIOD - 1
    terminal = frame.terminal.to_numpy(dtype=np.int64)
    weeks = latest[:, None] - np.arange(READ)
    known = (weeks >= 0) & (weeks < periods) & (terminal >= 0)[:, None]
    cell = np.where(known, terminal[:, None] * periods + weeks, 0)
    columns = [card_fraud.read(frame)]
    for statistic in STATISTICS:
        counts = facts[statistic.name]
        noise = max(float(np.sqrt(np.mean(counts[counts < 0] ** 2))) if (counts < 0).any() else 0.0, 1e-6)
        weekly = np.where(known, counts[cell] / noise, 0.0)
        totals = np.cumsum(weekly, axis=1) / np.sqrt(np.arange(1, READ + 1))
        said = [weekly, totals.max(axis=1, keepdims=True)] if statistic is OF_FRAUDS else []
        columns.append(np.clip(np.hstack([*said, totals[:, -1:]]), -4, 8) / 2)
    return np.hstack(columns).astype(np.float32)


def score(rows: ir.Table, model: Any, facts: Facts) -> pa.Table:
    """The keys, the probability of fraud and the reasons for it, of every transaction in `rows`."""
    import pyarrow as pa

    frame = rows.select(*KEYS, "day", *_READ_COLUMNS).to_pandas()
    keys = pa.Table.from_pandas(frame[list(KEYS)], preserve_index=False)
    return predictions(DETECTOR, REASONS, INPUTS, keys, model, read(frame, facts))


def answer(frame: pd.DataFrame, model: Any, facts: Facts) -> pd.DataFrame:
    """As card_fraud.answer, with the statistics that the model was trained beside."""
    import pandas

    directory = pandas.DataFrame({"terminal_id": facts["terminals"]})
    rows = features(*card_fraud.served(frame), ibis.memtable(directory))
    return card_fraud.answered(score(rows, model, facts))


def _numbered(terminals: ir.Table) -> ir.Table:
    """terminal_id and `terminal`: 0, 1, ... by id."""
    once = terminals.select("terminal_id").distinct()
    return once.mutate(terminal=ibis.row_number().over(ibis.window(order_by="terminal_id")))


def _calendar(facts: Facts) -> tuple[int, int]:
    """The first day, and how many periods there are."""
    first, last = (int(day) for day in facts["days"])
    return first, (last - first) // PERIOD + 1


def _of_frauds(rows: ir.Table, facts: Facts) -> Contributions:
    """Frauds whose amount does not give them away."""
    ordinary = (rows.amount_to_past_mean < math.log(_TIMES)) & (rows.amount < math.log(_LARGE + 1) - 4)
    return _counted(rows.filter(rows.label > 0, ordinary), facts, ["customer_id"], FRAUDS, FRAUDS)


def _of_transactions(rows: ir.Table, facts: Facts) -> Contributions:
    most = TRANSACTIONS * _calendar(facts)[1]
    return _counted(rows, facts, ["customer_id", "period"], TRANSACTIONS, most)


def _counted(rows: ir.Table, facts: Facts, group: list[str], each: int, most: int) -> Contributions:
    """The first `each` terminals and periods of a `group`, at most `most` of a customer: 1 / sqrt(most) for each."""
    first, periods = _calendar(facts)
    held = rows.mutate(period=(rows.day - first) // PERIOD)
    held = held.filter(held.terminal >= 0, held.period >= 0, held.period < periods)
    cells = held.group_by("customer_id", "terminal", "period").aggregate(
        day=held.day.min(), event=held.transaction_id.cast("string").min()
    )
    turn = ibis.row_number().over(ibis.window(group_by=group, order_by=["day", "event"]))
    kept = cells.mutate(turn=turn, customer_id=cells.customer_id.cast("string"))
    frame = kept.filter(kept.turn < each).select("customer_id", "terminal", "period").to_pandas()
    cell = frame.terminal.to_numpy(dtype=np.int64) * periods + frame.period.to_numpy(dtype=np.int64)
    return Contributions(
        customer=np.unique(frame.customer_id.to_numpy(dtype=str), return_inverse=True)[1].astype(np.int64),
        cell=cell,
        value=np.full(len(frame), 1 / math.sqrt(most)),
        cells=len(facts["terminals"]) * periods,
    )


OF_FRAUDS: Final = Statistic(name="terminal_frauds", share=0.6, contributions=_of_frauds)
OF_TRANSACTIONS: Final = Statistic(name="terminal_transactions", share=0.02, contributions=_of_transactions)
STATISTICS: Final = (OF_FRAUDS, OF_TRANSACTIONS)
_TERMINAL: Final = (
    *(f"terminal_frauds_{week}_weeks_before" for week in range(READ)),
    "terminal_frauds_at_most",
    "terminal_frauds",
    "terminal_transactions",
)
INPUTS: Final = (*FEATURE_NAMES, *_TERMINAL)
REASONS: Final = (
    *card_fraud.REASONS,
    Reason(
        features=("terminal_frauds", *_TERMINAL[: READ + 1]),
        english="More fraud than usual was reported at this terminal lately.",
        chinese="近期此终端报告的欺诈多于平常。",
    ),
)
DETECTOR: Final = Detector(features=len(INPUTS), thinning=card_fraud.THINNING)

CARD_FRAUD_TERMINALS: Final = UseCase(
    name="card_fraud_terminals",
    title="Card fraud detection with noised statistics of terminals",
    tables={
        "card_transactions": card_fraud.TRANSACTION_COLUMNS,
        "card_customers": card_fraud.CUSTOMER_COLUMNS,
        "card_terminals": COLUMNS,
    },
    inputs=INPUTS,
    features=features,
    facts=facts,
    statistics=STATISTICS,
    examples=examples,
    build_model=lambda _: DETECTOR.build(),
    optimizer=adam(card_fraud.RECIPE.learning_rate),
    loss=DETECTOR.loss,
    recipe=card_fraud.RECIPE,
    metrics=card_fraud.METRICS,
    score=score,
    request=card_fraud.REQUEST,
    answer=answer,
    attributes=lambda _: card_fraud.ATTRIBUTES,
    embedded=hidden,
)
