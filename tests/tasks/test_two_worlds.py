"""From raw tables to released files and features, with and without one customer, who is planted in every column."""

from __future__ import annotations

import csv
import hmac
import io
import json
import math
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml
from keras.saving import load_model
from pyarrow import csv as arrow_csv
from pyarrow import parquet
from scipy import stats

from infra.datasets import read
from models.attacks.dirac import Company, run_among
from models.attacks.spreads import Spread
from models.cases.case import UseCase
from models.cases.catalog import CATALOG
from models.cases.facts import packed, unpacked
from models.privacy.accounting import claim
from models.privacy.examples import CustomerExamples
from models.privacy.gradients import ClippedGradients
from models.privacy.noise import GaussianNoise, KeyStream
from models.privacy.query import CustomerSumQuery
from models.privacy.statistics import clipped_sum, noised_sum
from models.privacy.trainer import fit
from models.privacy.twin import outputs
from models.values.stage import Draft
from models.values.target import PrivacyTarget
from tasks import resolve
from tests.flows.planting import EMAIL, MARKS, ROWS, STEM, WORD
from tests.flows.taint import Search
from tests.small_spec import reduced
from tests.tasks.conftest import Place

PURPOSES = ("analytics", "fraud_detection", "support", "recommendation")
# Spearman's coefficient of an order that has nothing to do with another one: beyond 5 / sqrt(n) in 6 of 10 million.
FAR = 5.0
USE_CASES = ("fraud", "recommender", "support")
CLIP = 0.05


@dataclass(frozen=True, kw_only=True)
class World:
    """A shop's drafts of its releases, before the gate, with the raw tables beside them."""

    draft: Draft
    tables: dict[str, pa.Table]
    files: list[Path]


Worlds = tuple[World, World, Place]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    """With her and without her, under the same keys."""
    folder = tmp_path_factory.mktemp("worlds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRIVET_HOME", str(folder / "home"))
        patch.setenv("PRIVET_THREADS", "2")
        place = Place(shop=folder / "shop", home=folder / "home")
        without = _shop(place.shop)
        whole = _world(place)
        for path, text in without.items():
            path.write_bytes(text)
        yield whole, _world(place), place


def _shop(folder: Path) -> dict[Path, bytes]:
    """A small shop on the disk with her rows in it; returns its files without them."""
    from models.shop.generate import make_shop
    from models.shop.purchases import Purchases

    make_shop(folder, customers=300, seed=7, purchases=Purchases.sample())
    spec = yaml.safe_load((folder / "shop.yaml").read_text())
    spec = reduced(spec, without=("campaign_contacts",), use_cases=USE_CASES)
    spec["tables"]["customers"]["columns"]["extras.size"] = {"role": "attribute", "nullable": True}
    spec["releases"]["fraud_customers"]["columns"].append("extras.size")
    spec["releases"]["customer_profiles"]["anonymity"] = {"k": 2, "l": 1, "suppression_limit": 1.0}
    (folder / "shop.yaml").write_text(yaml.safe_dump(spec, allow_unicode=True, sort_keys=False))
    without: dict[Path, bytes] = {}
    for name in ("customers", "tickets", "consents"):
        rows = (
            [ROWS[name] | {"purpose": purpose} for purpose in PURPOSES]
            if name == "consents"
            else [ROWS[name]]
        )
        path = folder / f"{name}.csv"
        text, without[path] = _with_rows(path.read_text(), rows), _with_rows(path.read_text(), [])
        path.write_bytes(text)
    product = next(csv.DictReader((folder / "products.csv").open()))["product_id"]
    bought = {"orders": ROWS["orders"], "order_lines": ROWS["order_lines"] | {"product_id": product}}
    for name, row in bought.items():
        path = folder / f"{name}.parquet"
        without[path] = _with_row(path, [])
        path.write_bytes(_with_row(path, [row]))
    return without


def _with_rows(text: str, rows: list[dict[str, str]]) -> bytes:
    """The file with two more columns, one named by her e-mail, one of nested JSON, and her rows in the middle."""
    reader = csv.DictReader(io.StringIO(text))
    before, names = list(reader), [*(reader.fieldnames or ()), EMAIL, "extras"]
    hidden = {"note": {"who": [f"{STEM} {EMAIL}"]}, "size": "M"}
    marked = [row | {EMAIL: f"{STEM} in private", "extras": json.dumps(hidden)} for row in rows]
    written = io.StringIO()
    writer = csv.DictWriter(written, names, restval="")
    writer.writeheader()
    half = len(before) // 2
    writer.writerows([row | {"extras": '{"size": "S"}'} for row in before[:half]])
    writer.writerows([*marked, *(row | {"extras": '{"size": "S"}'} for row in before[half:])])
    return written.getvalue().encode()


def _with_row(path: Path, rows: list[dict[str, str]]) -> bytes:
    """The file with her row in the middle, and her e-mail in the file's metadata and a column's name."""
    table = parquet.read_table(path)
    added = pa.table({name: pc.cast(pa.array([row[name] for row in rows], pa.string()), table.schema.field(name).type)
                      for name in table.column_names}) if rows else table.slice(0, 0)  # fmt: skip
    half = len(table) // 2
    joined = pa.concat_tables([table.slice(0, half), added.cast(table.schema), table.slice(half)])
    joined = joined.append_column(EMAIL, pa.array([STEM] * len(joined)))
    buffer = io.BytesIO()
    parquet.write_table(joined.replace_schema_metadata({"owner": EMAIL}), buffer)
    return buffer.getvalue()


def _world(place: Place) -> World:
    draft = place.draft(place.curate(place.land()))
    with resolve.bench("test", 1) as bench:
        spec = resolve.spec(place.pin())
        purposes = {name: release.purpose for name, release in spec.releases.items()}
        released = read(bench.site, bench.engine, draft.manifest, resolve.GATEKEEPER, purposes=purposes)
        tables = {name: bench.engine.ibis.to_pyarrow(table) for name, table in released.items()}
    version = draft.manifest.ref.version
    files = [path for path in place.home.rglob("*.parquet") if version in path.parts]
    return World(draft=draft, tables=tables, files=files)


def rows(table: Any) -> list[str]:
    return [repr(row) for row in table.to_pylist()]


EVENTS = ("fraud_customers", "fraud_orders", "support_customers", "support_tickets")
EVENTS += ("rec_customers", "rec_orders", "rec_lines")


@pytest.mark.parametrize("release", EVENTS)
def test_other_customers_released_rows_stay_as_they_are(worlds: Worlds, release: str) -> None:
    """docs/privacy.md, rule 1, from raw tables on: the same rows in the same order, less hers."""
    whole, rest, _ = worlds
    before, after = rows(whole.tables[release]), rows(rest.tables[release])
    hers = Counter(before) - Counter(after)
    assert hers.total() == 1
    assert [row for row in before if row not in hers] == after


def test_public_tables_are_the_same(worlds: Worlds) -> None:
    spec = resolve.spec(worlds[2].pin())
    public = [name for name, release in spec.releases.items() if release.product == "public"]
    assert public
    assert all(worlds[0].tables[name].equals(worlds[1].tables[name]) for name in public)


def _tables(world: World, case: UseCase) -> list[Any]:
    import ibis

    return [ibis.memtable(world.tables[name]) for name in case.tables]


def _features(world: World, case: UseCase) -> Any:
    import ibis

    return ibis.memtable(case.features(*_tables(world, case)).to_pyarrow())


@pytest.mark.parametrize("name", USE_CASES)
def test_other_customers_features_stay_as_they_are(worlds: Worlds, name: str) -> None:
    whole, rest = (Counter(rows(_features(world, CATALOG[name]).to_pyarrow())) for world in worlds[:2])
    assert (whole - rest).total() >= 1
    assert not rest - whole


@pytest.mark.parametrize("name", USE_CASES)
def test_one_customer_moves_statistics_and_gradients_by_no_more_than_is_paid_for(
    worlds: Worlds, name: str
) -> None:
    """docs/privacy.md, rule 1: from raw tables to released sums and the summed clipped gradient, noise off."""
    case = CATALOG[name]
    keras.utils.set_random_seed(1)
    tables = [_features(world, case) for world in worlds[:2]]
    facts = case.facts(*_tables(worlds[0], case))
    for statistic in case.statistics:
        train = [table.filter(table.part == "train") for table in tables]
        sums = [clipped_sum(statistic.contributions(table, facts)) for table in train]
        assert 0 < np.linalg.norm(sums[0] - sums[1]) <= 1 + 1e-9
        facts[statistic.name] = sums[1]
    model = case.build_model(facts)
    moved = [_gradient(case, model, case.examples(table, "train", facts)) for table in tables]
    assert np.linalg.norm(moved[0]) > 0
    assert np.linalg.norm(moved[0] - moved[1]) <= CLIP * (1 + 1e-4)


@pytest.mark.prove
@pytest.mark.parametrize("name", USE_CASES)
def test_canaries_train_among_the_customers_of_any_case(worlds: Worlds, name: str) -> None:
    """The case's own model, loss, optimiser and tables; no customer moves a canary's score."""
    case, table = CATALOG[name], _features(worlds[0], CATALOG[name])
    facts = case.facts(*_tables(worlds[0], case))
    train = table.filter(table.part == "train")
    facts |= {each.name: clipped_sum(each.contributions(train, facts)) for each in case.statistics}
    few = case.recipe.model_copy(update={"steps": 12, "sampling_rate": 0.3})
    plan = few.plan(PrivacyTarget(epsilon=4.0, delta=1e-5, n_public=3000))
    company = Company(case=case, facts=facts, customers=case.examples(table, "train", facts))
    run = run_among(plan, np.random.default_rng(0).random(1000) < 0.5, company)
    assert Spread.of(plan, run, 1e-4).contradictions(run) == {}
    assert len(run.log.steps) == plan.steps


def _gradient(case: UseCase, model: Any, customers: CustomerExamples) -> Any:
    """The sum of all customers' gradients, each clipped to norm CLIP."""
    query = CustomerSumQuery(clipping_norm=CLIP, stddev=0.0, noise=GaussianNoise(KeyStream()))
    gradients = ClippedGradients(model, customers, loss=case.loss, query=query)
    total, _ = gradients.sum(np.arange(customers.customers))
    return np.concatenate([np.ravel(part) for part in total]).astype(np.float64)


def test_nothing_of_her_is_in_what_is_released(worlds: Worlds, tmp_path: Path) -> None:
    """Planted in every column, in nested JSON, in columns' names and in a file's metadata; looked for in plain text."""
    whole = worlds[0]
    for name, table in whole.tables.items():
        columns = {
            column: [str(value) for value in table[column].to_pylist()] for column in table.column_names
        }
        (tmp_path / f"{name}.json").write_text(json.dumps({"columns": columns, "schema": str(table.schema)}))
    (tmp_path / "manifest.json").write_text(whole.draft.model_dump_json())
    assert "M" in whole.tables["fraud_customers"]["extras.size"].to_pylist()
    # a word that no pattern knows stays in a letter: redacted is not anonymous (docs/privacy.md, rule 11)
    found = Search(mark for mark in MARKS if WORD not in mark.value).folders(tmp_path)
    assert not found, "\n".join(map(str, found))


def test_footers_and_statistics_are_encrypted(worlds: Worlds) -> None:
    """Parquet keeps each column's least and greatest value in the footer; PARE says that it is encrypted."""
    whole = worlds[0]
    assert len(whole.files) == len(whole.tables)
    names = {name.encode() for table in whole.tables.values() for name in table.column_names if len(name) > 5}
    for path in whole.files:
        held = path.read_bytes()
        assert held[:4] == held[-4:] == b"PARE"
        assert not [name for name in names if name in held]


@pytest.mark.parametrize(
    ("release", "raw", "key"),
    [
        ("fraud_customers", "customers.csv", "customer_id"),
        ("fraud_orders", "orders.parquet", "order_id"),
        ("support_tickets", "tickets.csv", "ticket_id"),
    ],
)
def test_the_order_of_rows_tells_nothing_of_the_raw_order(
    worlds: Worlds, release: str, raw: str, key: str
) -> None:
    _, rest, place = worlds
    spec, path = resolve.spec(place.pin()), place.shop / raw
    values = (parquet.read_table(path) if path.suffix == ".parquet" else arrow_csv.read_csv(path))[key]
    domain = key.removesuffix("_id")
    secret = resolve.site().keys.derive(
        resolve.PREPARER, shop=spec.shop, purpose=spec.releases[release].purpose, domain=domain
    )
    tags = [hmac.new(secret.reveal(), str(value).encode(), "sha256").hexdigest()[:32] for value in values]
    raw_place = {str(uuid.UUID(tag)): place for place, tag in enumerate(tags)}
    order = [raw_place[str(value)] for value in rest.tables[release][key].to_pylist()]
    rho = stats.spearmanr(order, range(len(order))).statistic
    assert len(order) > 50
    assert abs(rho) < FAR / math.sqrt(len(order))


def test_equal_first_columns_hide_no_order_either(worlds: Worlds) -> None:
    """A published table lies in the order of what its rows hold: who came first in a class is not to be seen."""
    for table in worlds[0].tables.values():
        plain = [tuple(str(value) for value in row.values()) for row in table.to_pylist()]
        assert plain == sorted(plain)


@pytest.mark.parametrize("name", USE_CASES)
def test_every_case_trains_privately_is_kept_as_it_is_and_scores(
    worlds: Worlds, name: str, tmp_path: Path
) -> None:
    """The contract of the catalog: two private steps, weights and facts as files without objects, predictions."""
    case, whole = CATALOG[name], worlds[0]
    target = PrivacyTarget(epsilon=3, delta=1e-5, n_public=1000)
    short = replace(case, recipe=case.recipe.model_copy(update={"steps": 2, "sampling_rate": 0.5}))
    plan, table, facts = short.plan(target), _features(whole, case), case.facts(*_tables(whole, case))
    logs = []
    for statistic in case.statistics:
        given, noise = (
            statistic.contributions(table.filter(table.part == "train"), facts),
            plan.statistics[statistic.name],
        )
        facts[statistic.name], log = noised_sum(given, name=statistic.name, noise_multiplier=noise)
        logs.append(log)
    model = case.build_model(facts)
    before = [weight.copy() for weight in model.get_weights()]
    customers = case.examples(table, "train", facts)
    parts = {"loss": case.loss, "optimizer": case.optimizer(), "tables": case.embedding_tables(model)}
    result = fit(plan, model, customers, **parts).beside(logs)
    assert claim(plan, result.log).epsilon <= 3
    assert any(not np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True))
    kept = unpacked(packed(facts))
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    assert np.array_equal(outputs(model, customers), outputs(again, customers))
    scores = case.score(table, again, kept)
    assert len(scores) > 0
    assert "customer_id" in scores.column_names
    assert case.score(table, model, facts).equals(scores)
