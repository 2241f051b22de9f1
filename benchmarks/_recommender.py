"""The recommender against its twin, popularity, own history and DP-ALS; at size; on real orders of a gift shop.

Recall@20 and NDCG@20 of the items of the two latest baskets of every test customer, whose history lies strictly before.
Customers of the embedded shop are synthetic; their households are split before they are resampled. All of them take
part, whatever they consented to. The twin is shown beside the DP-released popularity, as a shop's own twin has it, and
beside the exact one; the better of both counts.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator, Mapping
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks._recommender_tables import embedded, online_retail
from benchmarks.claims import claim

SMALL, LARGE, ITEMS = 50_000, 500_000, 1_000_000
EPSILON, EPSILONS = 3.0, (1.0, 3.0, 8.0)
ASKED, ASKED_AT_SIZE = 0.80, 0.92
STEPS, GIB_ASKED = 30, 4.0
GIB = 1024**2  # ru_maxrss is in KiB


def claims(data: Path | None) -> Iterator[dict[str, object]]:
    """All claims; the one on real orders needs `data`."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _small(embedded(Path(folder), SMALL))
    with tempfile.TemporaryDirectory() as folder:
        yield _large(embedded(Path(folder), LARGE))
    yield _million_items()
    if data is None:
        yield claim(
            "recommender, online_retail", asked="its data", measured="no PRIVET_BENCH_DATA", holds=None
        )
    else:
        yield _real(online_retail(data))


def _small(tables: list[Any]) -> Iterator[dict[str, object]]:
    from benchmarks import _recommender_ways as ways

    started = time.perf_counter()
    data = ways.Data.of(tables, SMALL)
    counted = time.perf_counter() - started
    found = {f"private, epsilon {epsilon:g}": ways.private(data, epsilon) for epsilon in EPSILONS}
    found |= ways.twins(data, EPSILON) | ways.simple(data, EPSILON) | dict(ways.lacking(data, EPSILON))
    private, liked = _recall(found["private, epsilon 3"]), _recall(found["DP popularity"])
    ratio = _ratio(found)
    yield claim(
        f"recommender, {SMALL:,} synthetic customers, epsilon 3: Recall@20, private / twin",
        asked=f">= {ASKED}",
        measured={"ratio": ratio} | {name: ways.shown(one) for name, one in found.items()},
        holds=ratio >= ASKED,
    )
    yield claim(
        "the same: lower end of private Recall@20 above the upper end of DP popularity's",
        asked=f"> {liked.high:.3f}",
        measured=round(private.low, 3),
        holds=bool(private.low > liked.high),
    )
    seconds = round(counted + found["private, epsilon 3"]["seconds"], 1)
    yield claim(
        "the same: seconds of features, popularity and private training",
        asked="<= 30",
        measured=seconds,
        holds=seconds <= 30,
    )


def _large(tables: list[Any]) -> dict[str, object]:
    from benchmarks import _recommender_ways as ways

    data = ways.Data.of(tables, LARGE)
    found = {"private, epsilon 3": ways.private(data, EPSILON)} | ways.twins(data, EPSILON)
    ratio = _ratio(found)
    return claim(
        f"recommender, {LARGE:,} generated customers, epsilon 3: Recall@20, private / twin",
        asked=f">= {ASKED_AT_SIZE}",
        measured={"ratio": ratio} | {name: ways.shown(one) for name, one in found.items()},
        holds=ratio >= ASKED_AT_SIZE,
    )


def _real(tables: list[Any]) -> dict[str, object]:
    from benchmarks import _recommender_ways as ways

    customers = int(tables[0].count().execute())
    data = ways.Data.of(tables, customers)
    found = {f"private, epsilon {epsilon:g}": ways.private(data, epsilon) for epsilon in EPSILONS}
    found |= ways.twins(data, EPSILON) | ways.simple(data, EPSILON)
    return claim(
        f"recommender, online_retail, {customers:,} customers",
        asked="reported",
        measured={"ratio": _ratio(found)} | {name: ways.shown(one) for name, one in found.items()},
        holds=True,
    )


def _recall(found: Mapping[str, Any]) -> Any:
    return found["Recall@20"]


def _ratio(found: Mapping[str, Mapping[str, Any]]) -> float:
    """The private recall at epsilon 3 by that of the better twin."""
    twin = max(_recall(one).value for name, one in found.items() if name.startswith("twin"))
    return round(_recall(found["private, epsilon 3"]).value / twin, 3)


def _million_items() -> dict[str, object]:
    with get_context("spawn").Pool(1) as pool:
        measured = pool.apply(_steps_of_a_million)
    return claim(
        f"recommender, {ITEMS:,} items: peak memory of private training with lazy noise",
        asked=f"<= {GIB_ASKED:g} GiB",
        measured=measured,
        holds=measured["GiB"] <= GIB_ASKED,
    )


def _steps_of_a_million() -> dict[str, float]:
    """Median seconds of a step of 400 expected customers, and the peak of this process."""
    import numpy as np

    from models.cases.recommender import RECOMMENDER
    from models.cases.recommender_baskets import BASKETS, HISTORY, TARGETS
    from models.cases.recommender_events import Events
    from models.cases.recommender_examples import from_events
    from models.privacy.trainer import Training
    from models.values.target import PrivacyTarget

    rng, customers = np.random.default_rng(1), 20_000
    category = np.append(0, rng.integers(1, 301, ITEMS)).astype(np.int32)
    facts = {
        "category": category,
        "department": (category + 9) // 10,
        "price_band": category % 13,
        "popularity": rng.exponential(size=ITEMS + 1),
    }
    count = customers * BASKETS
    events = Events(
        customer=np.repeat([f"{number:032x}" for number in range(customers)], BASKETS),
        place=np.tile(np.arange(1, BASKETS + 1), customers),
        before=rng.integers(1, 20, count).astype(np.uint8),
        history=rng.integers(1, ITEMS + 1, (count, HISTORY)).astype(np.int32),
        times=rng.integers(1, 4, (count, HISTORY)).astype(np.uint8),
        since=rng.integers(1, 9, (count, HISTORY)).astype(np.uint8),
        bought=rng.integers(1, ITEMS + 1, (count, TARGETS)).astype(np.int32),
    )
    plan = RECOMMENDER.plan(PrivacyTarget(epsilon=EPSILON, delta=5e-6, n_public=customers))
    model = RECOMMENDER.build_model(facts)
    training = Training(
        plan,
        model,
        from_events(events, facts),
        loss=RECOMMENDER.loss,
        optimizer=RECOMMENDER.optimizer(),
        tables=RECOMMENDER.embedding_tables(model),
    )
    taken = []
    for _ in range(STEPS):
        started = time.perf_counter()
        training.step()
        taken.append(time.perf_counter() - started)
    training.flush()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIB
    return {"GiB": round(peak, 2), "seconds a step": round(median(taken), 3)}
