"""Fraud: what privacy costs, on the embedded shop and on the Fraud Detection Handbook's card transactions.

Models' functions on DuckDB, without the flows. The shop is synthetic and the handbook's transactions are simulated, so
exact metrics and twins may be shown.
"""

from __future__ import annotations

import datetime
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd

from benchmarks.claims import claim
from models.cases import card_fraud
from models.cases.arrays import dated
from models.cases.card_fraud import CARD_FRAUD, LABEL_DELAY, WINDOWS
from models.cases.card_fraud_terminals import CARD_FRAUD_TERMINALS
from models.cases.case import Facts, UseCase
from models.cases.fraud import DETECTOR as SHOP_DETECTOR
from models.cases.fraud import FRAUD
from models.cases.fraud_network import Detector
from models.cases.windows import DAY, known_after, with_hours
from models.privacy.examples import CustomerExamples
from models.privacy.statistics import noised_sum
from models.privacy.trainer import fit
from models.privacy.twin import fit_twin, outputs
from models.shop.generate import make_shop
from models.values.target import PrivacyTarget

SHOP, LARGE, CARDS = 50_000, 500_000, 5_000
EPSILONS, SEED = (1.0, 3.0, 8.0), 1
HANDBOOK = Path("fraud_handbook/transactions.parquet")
_BEGIN, _JULY, _END = (datetime.date(2018, month, day) for month, day in ((4, 1), (7, 1), (7, 31)))
_REFERENCE = 0.88  # AUC of the handbook's features without privacy


@dataclass(frozen=True, kw_only=True)
class _Trial:
    """A case with its examples, and the public bound of its customers."""

    case: UseCase
    detector: Detector
    train: CustomerExamples
    test: CustomerExamples
    n_public: int

    def at(self, epsilon: float | None) -> dict[str, Any]:
        """Metrics of a model trained under `epsilon`, or of the twin, with seconds and calibration."""
        started, recipe = time.perf_counter(), self.case.recipe
        model = self.case.build_model({})
        how: dict[str, Any] = {"loss": self.case.loss, "optimizer": self.case.optimizer()}
        if epsilon is None:
            batch = max(1, round(recipe.sampling_rate * self.train.customers))
            fit_twin(model, self.train, **how, steps=recipe.steps, batch=batch, seed=SEED)
        else:
            fit(self.case.plan(_target(epsilon, self.n_public)), model, self.train, **how)
        seconds, said = time.perf_counter() - started, outputs(model, self.test)
        found = {
            metric.name: _rounded(metric.exact(said, self.test, seed=SEED)) for metric in self.case.metrics
        }
        chance = self.detector.probabilities(said[self.test.mask]).mean()
        share = self.test.labels[self.test.mask].mean()
        return found | {"probability / share of fraud": round(float(chance / share), 2), "s": round(seconds)}


def claims(data: Path | None) -> Iterator[dict[str, object]]:
    """The claims on fraud; the handbook's transactions are looked for in `data`."""
    yield from _shop(SHOP, points=3, epsilons=EPSILONS)
    yield from _shop(LARGE, points=1, epsilons=EPSILONS[1:2])
    if data is None or not (data / HANDBOOK).exists():
        yield claim("card fraud", asked=f"{HANDBOOK}", measured="no PRIVET_BENCH_DATA", holds=None)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield from _handbook(data / HANDBOOK, Path(folder))


def _target(epsilon: float, n_public: int) -> PrivacyTarget:
    return PrivacyTarget(epsilon=epsilon, delta=PrivacyTarget.default_delta(n_public), n_public=n_public)


def _rounded(measure: Any) -> list[float]:
    return [round(number, 4) for number in (measure.value, measure.low, measure.high)]


def _auc(found: dict[str, Any]) -> float:
    return float(found["AUC"][0])


def _engine(folder: Path) -> Any:
    engine = ibis.duckdb.connect(folder / "work.duckdb")
    engine.raw_sql(f"SET threads = 2; SET memory_limit = '4GB'; SET temp_directory = '{folder / 'spill'}'")
    return engine


def shop_rows(engine: Any, shop: Path) -> Any:
    """The features of the embedded shop in the folder `shop`, of its tables as a release would hold them."""
    orders = engine.read_parquet(shop / "orders.parquet")
    people = engine.read_csv(shop / "customers.csv")
    orders = orders.mutate(
        amount=orders.amount.round(),
        ordered_at=orders.ordered_at.truncate("h"),
        ship_postcode=orders.ship_postcode.substr(0, 3),
    )
    home = people.postcode.cast("string").substr(0, 3)
    return FRAUD.features(orders, people.select("customer_id", "part", "household", postcode=home))


def _shop(customers: int, *, points: float, epsilons: tuple[float, ...]) -> Iterator[dict[str, object]]:
    """The embedded shop of a size; its tables as a release would hold them."""
    with tempfile.TemporaryDirectory() as folder:
        make_shop(Path(folder) / "shop", customers=customers, seed=SEED)
        engine, started = _engine(Path(folder)), time.perf_counter()
        rows = engine.create_table("rows_of_orders", shop_rows(engine, Path(folder) / "shop"))
        train, test = (FRAUD.examples(rows, part, {}) for part in ("train", "test"))
        prepared = round(time.perf_counter() - started)
        engine.disconnect()
    trial = _Trial(case=FRAUD, detector=SHOP_DETECTOR, train=train, test=test, n_public=customers)
    found = {f"epsilon {epsilon:g}": trial.at(epsilon) for epsilon in epsilons} | {"twin": trial.at(None)}
    gap = round(100 * (_auc(found["twin"]) - _auc(found["epsilon 3"])), 2)
    yield claim(
        f"fraud on the embedded shop, {customers:,} synthetic customers: gap to the twin at epsilon 3",
        asked=f"<= {points:g} AUC points",
        measured={"points": gap, "features, s": prepared} | found,
        holds=gap <= points,
    )


def _handbook(file: Path, folder: Path) -> Iterator[dict[str, object]]:
    """Trained to the end of June, tested on July of the same customers, as the handbook does."""
    engine, started = _engine(folder), time.perf_counter()
    tables = _tables(engine, file)
    rows = _by_time(engine, CARD_FRAUD_TERMINALS.features(*tables))
    prepared = round(time.perf_counter() - started)
    own = _trial(CARD_FRAUD, card_fraud.DETECTOR, rows, {})
    found = {f"epsilon {epsilon:g}": own.at(epsilon) for epsilon in EPSILONS} | {"twin": own.at(None)}
    gap = round(100 * (_auc(found["twin"]) - _auc(found["epsilon 3"])), 2)
    yield claim(
        "card fraud (handbook, July), own features only: twin's AUC, and gap at epsilon 3",
        asked="twin >= 0.70, gap <= 3 points",
        measured={"points": gap, "features, s": prepared} | found,
        holds=_auc(found["twin"]) >= 0.70 and gap <= 3,
    )
    with_statistics = {
        f"epsilon {epsilon:g}": _with_statistics(tables, rows, epsilon) for epsilon in EPSILONS
    }
    seen = _seeing_terminals(engine, tables[0], rows)
    yield claim(
        "card fraud, noised statistics of terminals within the same epsilon: towards the AUC without privacy",
        asked=f"reported; above own features, not private {_REFERENCE}",
        measured=with_statistics | {"not private: twin with exact counts of terminals": seen},
        holds=_auc(with_statistics["epsilon 3"]) > _auc(found["epsilon 3"]),
    )


def _tables(engine: Any, file: Path) -> tuple[Any, Any, Any]:
    """The handbook's file in the form of a release, with ids like pseudonyms."""
    made = engine.sql(
        "SELECT md5(TRANSACTION_ID::VARCHAR) AS transaction_id, md5('customer ' || CUSTOMER_ID) AS customer_id, "
        'TERMINAL_ID::VARCHAR AS terminal_id, TX_DATETIME AS "at", TX_AMOUNT AS amount, TX_FRAUD = 1 AS is_fraud '
        f"FROM '{file}'"
    )
    transactions = engine.create_table("transactions", made)
    directory = pd.DataFrame({"terminal_id": [str(number) for number in range(10_000)]})
    directory = directory.assign(known_from=pd.Timestamp(_BEGIN), known_until=pd.Timestamp(_END))
    return transactions, transactions.select("customer_id").distinct(), ibis.memtable(directory)


def _by_time(engine: Any, rows: Any) -> Any:
    """The rows in two parts by their day, with places among the customer's of each part."""
    held = engine.create_table("rows_of_cards", rows.drop("part", "place"))
    july = (_JULY - datetime.date(1970, 1, 1)).days
    held = held.mutate(part=ibis.ifelse(held.day < july, "train", "test"))
    place = ibis.row_number().over(ibis.window(group_by=["customer_id", "part"], order_by="transaction_id"))
    return engine.create_table("parts_of_cards", held.mutate(place=place))


def _trial(case: UseCase, detector: Detector, rows: Any, facts: Facts) -> _Trial:
    train, test = (case.examples(rows, part, facts) for part in ("train", "test"))
    return _Trial(case=case, detector=detector, train=train, test=test, n_public=CARDS)


def _with_statistics(tables: tuple[Any, Any, Any], rows: Any, epsilon: float) -> dict[str, Any]:
    """Statistics of all weeks are of the same customers; what a transaction reads was released before its day."""
    case = CARD_FRAUD_TERMINALS
    facts, noise = case.facts(*tables), case.plan(_target(epsilon, CARDS)).statistics
    for held in case.statistics:
        given = held.contributions(rows, facts)
        facts[held.name], _ = noised_sum(given, name=held.name, noise_multiplier=noise[held.name])
    return _trial(case, Detector(features=len(case.inputs), thinning=card_fraud.THINNING), rows, facts).at(
        epsilon
    )


def _seeing_terminals(engine: Any, transactions: Any, rows: Any) -> dict[str, Any]:
    """Not private: the twin with the handbook's exact counts and shares of fraud of terminals, 7 days late."""
    events = transactions.mutate(
        moment=transactions["at"],
        event=transactions.transaction_id,
        customer_id=transactions.terminal_id,  # windows over a terminal's transactions, whosever they are
        fraud=transactions.is_fraud.cast("int64"),
        one=ibis.literal(1),
    )
    table, names = with_hours(events), [f"{kind}_{days}" for days in WINDOWS for kind in ("count", "risk")]
    columns = {}
    for days in WINDOWS:
        hours = (LABEL_DELAY * DAY, (LABEL_DELAY + days) * DAY)
        count, fraud = (known_after(table, name, *hours) for name in ("one", "fraud"))
        columns |= {f"count_{days}": (count + 1).ln() / 2, f"risk_{days}": 3 * fraud / (count + 1)}
    seen = engine.create_table("seen", table.select("transaction_id", **columns))
    joined = rows.join(seen, "transaction_id")

    def examples(table: Any, part: str, _: Facts) -> CustomerExamples:
        frame = card_fraud.frame_of(table, part, (*card_fraud.FEATURE_NAMES, *names))
        read = np.hstack([card_fraud.read(frame), frame[names].to_numpy(dtype=np.float32)])
        return dated(frame, read, max_examples=card_fraud.cap_of(part))

    detector = replace(card_fraud.DETECTOR, features=len(card_fraud.FEATURE_NAMES) + len(names))
    case = replace(CARD_FRAUD, examples=examples, build_model=lambda _: detector.build(), loss=detector.loss)
    return _trial(case, detector, joined, {}).at(None)
