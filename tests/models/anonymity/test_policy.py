"""The policy: only what is described goes out, in the form that the spec states."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest

from infra.engine import Engine, open_engine
from models.anonymity.errors import PolicyError
from models.anonymity.policy import (
    BUCKET,
    anonymise,
    deidentify,
    known_columns,
    plan_release,
    required_domains,
)
from models.anonymity.pseudonyms import HmacKey, pseudonym
from models.values.secret import SecretBytes
from models.values.spec import Release, ShopSpec

CANARY = "Canaria Quokka"
SPEC = ShopSpec.model_validate(
    {
        "shop": "test",
        "regimes": ["gdpr"],
        "customers": {"table": "customers", "public_bound": 1000},
        "purposes": {"support": {"basis": {"gdpr": "contract"}, "reason": "to answer questions"}},
        "budget": {"epsilon": 3, "delta": 1e-5},
        "tables": {
            "customers": {
                "source": "c.csv",
                "key": ["id"],
                "customer": "id",
                "columns": {
                    "id": {"role": "key"},
                    "name": {"role": "identifier"},
                    "email": {"role": "identifier", "transform": {"kind": "pseudonym", "domain": "email"}},
                    "born": {
                        "role": "quasi_identifier",
                        "type": "date",
                        "nullable": True,
                        "transform": {"kind": "age_band", "width": 10, "as_of": "2026-01-01"},
                    },
                    "tier": {"role": "sensitive"},
                },
            },
            "tickets": {
                "source": "t.csv",
                "key": ["ticket_id"],
                "customer": "id",
                "columns": {
                    "ticket_id": {"role": "key"},
                    "id": {"role": "key", "transform": {"kind": "pseudonym", "domain": "customer"}},
                    "text": {"role": "free_text"},
                    "opened_at": {"role": "time", "type": "timestamp"},
                },
            },
        },
        "releases": {
            "people": {
                "product": "attributes",
                "table": "customers",
                "purpose": "support",
                "columns": ["tier", "born", "email"],
                "anonymity": {"k": 2, "l": 2},
            },
            "tickets": {
                "product": "events",
                "table": "tickets",
                "purpose": "support",
                "columns": ["text", "opened_at", "id"],
            },
        },
    }
)
PEOPLE: list[dict[str, Any]] = [
    {"id": "1", "name": CANARY, "email": "Can@x.com", "born": date(1990, 1, 1), "tier": "gold"},
    {"id": "2", "name": "B Q", "email": "can@X.com ", "born": date(1991, 1, 1), "tier": "none"},
    {"id": "3", "name": "C", "email": None, "born": None, "tier": "gold"},
]
TICKETS: list[dict[str, Any]] = [
    {
        "ticket_id": "t1",
        "id": "1",
        "text": f"{CANARY.lower()} asks",
        "opened_at": datetime(2026, 5, 4, 3, 2, tzinfo=UTC),
    },
    {"ticket_id": "t2", "id": "9", "text": None, "opened_at": datetime(2026, 5, 4, 3, 2, tzinfo=UTC)},
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder: Path = tmp_path_factory.mktemp("work")
    with open_engine(folder, threads=2) as opened:
        yield opened


@pytest.fixture(scope="module")
def keys(engine: Engine) -> dict[str, HmacKey]:
    return {name: engine.secret(SecretBytes(name.encode()), name) for name in ("email", "customer", "ticket")}


def table(rows: list[dict[str, Any]]) -> Any:
    return ibis.memtable(pa.Table.from_pylist(rows))


def test_people_in_the_order_of_the_release(engine: Engine, keys: dict[str, HmacKey]) -> None:
    made = deidentify(SPEC, "people", table(PEOPLE), keys)
    assert made.columns == ("tier", "born", "email")
    rows = engine.rows(made)
    assert [row["born"] for row in rows] == ["30-39", "30-39", None]
    assert rows[0]["email"] == rows[1]["email"] != "can@x.com"
    assert isinstance(uuid.UUID(str(rows[0]["email"])), uuid.UUID)
    assert rows[2]["email"] is None


def test_columns_hashed_as_a_whole(engine: Engine, keys: dict[str, HmacKey]) -> None:
    with engine.hashing() as hashing:
        for release, rows in (("people", table(PEOPLE)), ("tickets", table(TICKETS))):
            by_value = deidentify(SPEC, release, rows, keys, known=table(PEOPLE))
            whole = deidentify(SPEC, release, rows, keys, known=table(PEOPLE), hashing=hashing)
            assert sorted(map(str, engine.rows(whole))) == sorted(map(str, engine.rows(by_value)))


def test_suppression_by_plan(engine: Engine, keys: dict[str, HmacKey]) -> None:
    plan = plan_release(SPEC, "people")
    assert (plan.quasi, plan.sensitive) == (("born",), ("tier",))
    made = deidentify(SPEC, "people", table(PEOPLE), keys, bucket_key=keys["customer"])
    rows = engine.rows(anonymise(plan, made).table)
    assert [row["born"] for row in rows] == ["30-39", "30-39"]
    assert set(rows[0]) == {"tier", "born", "email", BUCKET}


def test_texts_are_cleared_of_the_customers_own_name(engine: Engine, keys: dict[str, HmacKey]) -> None:
    made = deidentify(SPEC, "tickets", table(TICKETS), keys, known=table(PEOPLE))
    rows = sorted(engine.rows(made), key=lambda row: str(row["text"]))
    assert made.columns == ("text", "opened_at", "id")
    assert [row["text"] for row in rows] == [None, "[NAME] asks"]
    assert rows[0]["opened_at"] == datetime(2026, 5, 4, tzinfo=UTC)
    assert CANARY.split()[0].lower() not in str(rows).lower()


def test_a_value_that_rows_share_has_the_pseudonym_it_has_alone(
    engine: Engine, keys: dict[str, HmacKey]
) -> None:
    rows = [{**TICKETS[0], "id": value} for value in ("1", "1", " 1", None)]
    made = deidentify(SPEC, "tickets", table(rows), keys, known=table(PEOPLE))
    one = table([{"id": "1"}])
    alone = engine.rows(one.select(id=pseudonym(one.id, keys["customer"])))
    found = sorted(str(row["id"]) for row in engine.rows(made))
    assert found == sorted([*3 * [str(alone[0]["id"])], "None"])


def test_domains_and_kinds() -> None:
    assert required_domains(SPEC, "tickets") == ("customer",)
    assert required_domains(SPEC, "people") == ("email",)
    assert known_columns(SPEC) == {"name": "name", "email": "email"}


def unchecked(*columns: str) -> ShopSpec:
    """A spec whose release asks for `columns` although its own checks would refuse that."""
    release = Release.model_construct(**{**dict(SPEC.releases["people"]), "columns": columns})
    return SPEC.model_copy(update={"releases": {"people": release}})


@pytest.mark.parametrize(
    ("spec", "rows", "message"),
    [
        (SPEC, [{**PEOPLE[0], "canary": CANARY}], "does not name"),
        (SPEC, [{"id": "1", "tier": "gold"}], "lacks column"),
        (unchecked("tier", "canary"), [{**PEOPLE[0], "canary": CANARY}], "does not name"),
        (unchecked("tier", "name"), PEOPLE, "drops"),
    ],
)
def test_what_is_not_described_stops_the_release(
    keys: dict[str, HmacKey], spec: ShopSpec, rows: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(PolicyError, match=message) as error:
        deidentify(spec, "people", table(rows), keys)
    assert CANARY not in str(error.value)


def test_missing_key_release_or_identities_stop_it(keys: dict[str, HmacKey]) -> None:
    with pytest.raises(PolicyError, match="no pseudonym key"):
        deidentify(SPEC, "people", table(PEOPLE), {})
    with pytest.raises(PolicyError, match="not described"):
        plan_release(SPEC, "other")
    with pytest.raises(PolicyError, match="as known"):
        deidentify(SPEC, "tickets", table(TICKETS), keys)
    with pytest.raises(PolicyError, match="lacks identifier"):
        deidentify(SPEC, "tickets", table(TICKETS), keys, known=table([{"id": "1"}]))
