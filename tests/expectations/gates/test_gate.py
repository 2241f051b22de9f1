"""The gate: it passes clean tables, flags each planted fault by its own check, and says no value."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from expectations.errors import GateError
from expectations.gates.gate import UNEVALUATED, Known, identifying_columns, run_gate
from expectations.gates.page import render, words
from infra.engine_judge import DuckDBJudge
from models.values.anonymity import Anonymity
from models.values.dataset import GateResult
from models.values.spec import ShopSpec

CANARY = "canary7531@example.org"
PEOPLE = """
    SELECT CASE WHEN i % 2 = 0 THEN '30-39' END AS born, 'Par*' AS city,
           CASE WHEN i % 3 = 0 THEN 'gold' ELSE 'blue' END AS tier, 'please call [PHONE]' AS note
    FROM range(60) r(i)"""
EVENTS = """
    SELECT left(sha256('o' || i), 32)::UUID AS order_id, left(sha256('c' || i % 40), 32)::UUID AS customer_id,
           TIMESTAMP '2026-01-01' + to_days(CAST(i % 9 AS INTEGER)) AS ordered_at, 'web' AS channel
    FROM range(2000) r(i)"""
RAW = """
    SELECT 'O' || i AS order_id, 'C' || i AS customer_id, 'reader' || i || '@example.org' AS email
    FROM range(2000) r(i)"""
DEVICES = "SELECT left(sha256('raw' || i), 32)::UUID AS device FROM range(2000) r(i)"
CUSTOMERS = "SELECT DATE '1990-01-01' + to_days(i::INT) AS born, 'Paris ' || i AS city FROM range(90) r(i)"
ROWS = {"people": 62, "events": 2000}


@pytest.fixture(scope="module", autouse=True)
def great_expectations() -> None:
    """One import for all tests; it takes seconds and is no part of what they show."""
    importlib.import_module("expectations.gates.expectations")


def judge(
    connection: duckdb.DuckDBPyConnection, spec: ShopSpec, people: str = PEOPLE, events: str = EVENTS
) -> GateResult:
    made = {
        "v_people": people,
        "v_events": events,
        "v_raw": RAW,
        "v_devices": DEVICES,
        "v_customers": CUSTOMERS,
    }
    for name, query in made.items():
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {query}")
    views = {"people": "v_people", "events": "v_events"}
    raw = {"people": ("v_raw",), "events": ("v_raw", "v_devices")}
    known = Known(
        parent_rows=ROWS,
        raw_identifiers=raw,
        suppressed_rows={"people": 2},
        raw_tables={"people": "v_customers"},
        age_days=1.0,
    )
    return run_gate(DuckDBJudge(connection), views, spec, known)


def failed(result: GateResult) -> set[tuple[str, str]]:
    return {(check.table, check.rule.split(":")[0]) for check in result.checks if not check.passed}


def test_clean_tables_pass(connection: duckdb.DuckDBPyConnection, spec: ShopSpec) -> None:
    result = judge(connection, spec)
    assert [check for check in result.checks if not check.passed] == []
    assert result.passed
    asked = {"t-closeness", "beta-likeness", "delta-presence", "token form", "public keys"}
    asked |= {"differencing", "unknown"}
    assert {check.rule.split(":")[0] for check in result.checks} == words("en")["mend"].keys() - asked


def changed(base: str, column: str, sql: str) -> str:
    return f"SELECT * REPLACE ({sql} AS {column}) FROM (SELECT *, row_number() OVER () AS n FROM ({base}))"


def people(column: str, sql: str) -> dict[str, str]:
    return {"people": f"SELECT * EXCLUDE (n) FROM ({changed(PEOPLE, column, sql)})"}


def events(column: str, sql: str) -> dict[str, str]:
    return {"events": f"SELECT * EXCLUDE (n) FROM ({changed(EVENTS, column, sql)})"}


K, L, FORM, SPREAD = "k-anonymity", "l-diversity", "pseudonym form", "pseudonym entropy"
ALONE = "residual uniqueness"
PATTERN, ORIGIN, COLUMNS = "identifier patterns", "raw identifiers", "columns"
FORMS = "identifying forms"
FAULTS: list[tuple[str, dict[str, str], set[tuple[str, str]]]] = [
    ("a class of k - 1 rows", people("city", "CASE WHEN n <= 18 THEN 'Lyo*' ELSE city END"), {("people", K)}),
    (
        "a class of 3 with nulls",
        people("city", "CASE WHEN n <= 6 AND born IS NULL THEN NULL ELSE city END"),
        {("people", K)},
    ),
    (
        "one sensitive value",
        people("tier", "CASE WHEN born IS NULL THEN 'gold' ELSE tier END"),
        {("people", L)},
    ),
    ("nothing but nulls", people("tier", "CASE WHEN born IS NULL THEN NULL ELSE tier END"), {("people", L)}),
    (
        "e-mail in text",
        people("note", f"CASE WHEN n = 7 THEN 'me: {CANARY}, thanks' END"),
        {("people", PATTERN), ("people", ALONE)},
    ),
    (
        "phone in text",
        people("note", "CASE WHEN n = 7 THEN 'call 138 0013 8000' END"),
        {("people", PATTERN), ("people", ALONE)},
    ),
    (
        "full-width phone",
        people("note", "CASE WHEN n = 7 THEN '１３８００１３８０００' END"),
        {("people", PATTERN), ("people", ALONE)},
    ),
    ("e-mail in attribute", events("channel", f"CASE WHEN n = 7 THEN '{CANARY}' END"), {("events", PATTERN)}),
    (
        "age instead of band",
        people("born", "CASE WHEN born IS NULL THEN NULL ELSE '31' END"),
        {("people", "bands")},
    ),
    ("raw key in attribute", events("channel", "CASE WHEN n = 7 THEN ' c1234' END"), {("events", ORIGIN)}),
    (
        "pseudonym is plain text",
        events("customer_id", "'C' || n"),
        {("events", FORM), ("events", SPREAD), ("events", ORIGIN)},
    ),
    (
        "pseudonym is the raw UUID",
        events("order_id", "left(sha256('raw' || (n - 1)), 32)::UUID"),
        {("events", ORIGIN)},
    ),
    (
        "pseudonym is a counter",
        events("order_id", "lpad(CAST(n AS VARCHAR), 32, '0')::UUID"),
        {("events", SPREAD)},
    ),
    (
        "key with a gap",
        events("customer_id", "CASE WHEN n > 1 THEN customer_id END"),
        {("events", "no gaps")},
    ),
    ("a row lost", {"events": f"{EVENTS} WHERE i > 0"}, {("events", "rows")}),
    ("a row come back", {"events": f"{EVENTS} UNION ALL ({EVENTS} LIMIT 1)"}, {("events", "rows")}),
    ("rows lost beyond suppression", {"people": f"{PEOPLE} WHERE i > 0"}, {("people", "rows")}),
    (
        "too much suppressed",
        {"people": f"{PEOPLE} WHERE i < 50"},
        {("people", "rows"), ("people", "suppression")},
    ),
    ("extra column", {"people": f"SELECT *, 1 AS extra FROM ({PEOPLE})"}, {("people", COLUMNS)}),
    ("column lost", {"events": f"SELECT * EXCLUDE (channel) FROM ({EVENTS})"}, {("events", COLUMNS)}),
    (
        "a version in the pseudonyms",
        events(
            "order_id", "(substr(order_id::VARCHAR, 1, 14) || '4' || substr(order_id::VARCHAR, 16))::UUID"
        ),
        {("events", SPREAD)},
    ),
    ("time instead of day", events("ordered_at", "ordered_at + INTERVAL 1 HOUR"), {("events", "rounding")}),
    ("a raw city", people("city", "'Paris 7'"), {("people", "raw values")}),
    (
        "one row alone in its text",
        people("note", "CASE WHEN n = 7 THEN 'hm' END"),
        {("people", ALONE)},
    ),
    (
        "names of people",
        events("channel", "substr('王李张刘', 1 + n % 4, 1) || substr('伟芳娜敏静丽强磊军洋', 1 + n % 9, 1)"),
        {("events", FORMS)},
    ),
    (
        "dates of birth",
        events("channel", "CAST(DATE '1960-01-01' + CAST(9 * n AS INTEGER) AS VARCHAR)"),
        {("events", FORMS)},
    ),
    ("mobile numbers as numbers", events("channel", "13800000000 + n"), {("events", FORMS)}),
    ("nested column", events("channel", "['web']"), {("events", COLUMNS)}),
]


@pytest.mark.parametrize(
    ("tables", "expected"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS]
)
def test_planted_fault_is_flagged(
    connection: duckdb.DuckDBPyConnection,
    spec: ShopSpec,
    tables: dict[str, str],
    expected: set[tuple[str, str]],
) -> None:
    result = judge(connection, spec, **tables)
    assert failed(result) == expected
    assert not result.passed


ASKED = [
    ({"diversity": "entropy"}, "l-diversity"),
    ({"diversity": "recursive", "c": 1.5}, "l-diversity"),
    ({"t": 0.2}, "t-closeness"),
    ({"t": 0.2, "distance": "ordered"}, "t-closeness"),
    ({"beta": 0.4}, "beta-likeness"),
    ({"presence": (0.2, 0.9), "population": "customers"}, "delta-presence"),
]


@pytest.mark.parametrize(("asked", "kind"), ASKED)
def test_what_else_is_asked_of_classes(
    connection: duckdb.DuckDBPyConnection, spec: ShopSpec, asked: dict[str, Any], kind: str
) -> None:
    """A clean table keeps each criterion; one whose missing class is nearly all gold (or nearly all there) does not."""
    target = Anonymity.model_validate({"k": 10, "l": 2, **asked})
    release = spec.releases["people"].model_copy(update={"anonymity": target})
    wanted = spec.model_copy(update={"releases": {"people": release}})
    crowd = "SELECT * EXCLUDE (n) FROM (SELECT *, row_number() OVER () AS n FROM v_people), range({many}) WHERE {where}"
    even = "CASE WHEN n % 4 < 2 THEN 'gold' ELSE 'blue' END"
    clean = people("tier", even)["people"]
    spoilt = people("tier", f"CASE WHEN born IS NULL AND n < 58 THEN 'gold' ELSE {even} END")["people"]
    known = Known(
        parent_rows={"people": 62},
        suppressed_rows={"people": 2},
        populations={"people": "v_crowd"},
        age_days=0,
    )
    for query, where, broken in ((clean, "true", set()), (spoilt, "born IS NOT NULL OR n > 30", {kind})):
        connection.execute(f"CREATE OR REPLACE TEMP VIEW v_people AS {query}")
        connection.execute(f"CREATE OR REPLACE TEMP VIEW v_crowd AS {crowd.format(many=2, where=where)}")
        result = run_gate(DuckDBJudge(connection), {"people": "v_people"}, wanted, known)
        assert {each for _, each in failed(result)} == broken


def test_old_data_is_not_released(connection: duckdb.DuckDBPyConnection, spec: ShopSpec) -> None:
    connection.execute(f"CREATE VIEW v_people AS {PEOPLE}")
    known = Known(parent_rows={"people": 62}, age_days=spec.retention.raw_days + 0.5)
    assert failed(run_gate(DuckDBJudge(connection), {"people": "v_people"}, spec, known)) == {
        ("people", "freshness")
    }
    known = Known(parent_rows={"people": 62})  # and neither is data of which nobody knows how old it is
    assert failed(run_gate(DuckDBJudge(connection), {"people": "v_people"}, spec, known)) == {
        ("people", "freshness")
    }


def test_empty_table_fails(connection: duckdb.DuckDBPyConnection, spec: ShopSpec) -> None:
    assert ("events", "not empty") in failed(judge(connection, spec, events=f"{EVENTS} WHERE false"))


def test_what_cannot_be_evaluated_has_failed(connection: duckdb.DuckDBPyConnection, spec: ShopSpec) -> None:
    result = run_gate(DuckDBJudge(connection), {"people": "nowhere"}, spec, Known(parent_rows={"people": 10}))
    assert result.checks
    assert {(check.passed, check.detail) for check in result.checks} == {(False, UNEVALUATED)}


@pytest.mark.parametrize(
    ("rows", "raw", "patterns", "kind"),
    [
        ({}, None, None, "rows"),
        (ROWS, {"people": ("nowhere",)}, None, ORIGIN),
        (ROWS, {"people": ("v_people", "nowhere")}, None, ORIGIN),
        (ROWS, None, {}, PATTERN),
        (ROWS, None, {"bad": "(x"}, PATTERN),
    ],
)
def test_missing_knowledge_fails_its_check(
    connection: duckdb.DuckDBPyConnection, spec: ShopSpec, rows: Any, raw: Any, patterns: Any, kind: str
) -> None:
    connection.execute(f"CREATE VIEW v_people AS {PEOPLE}")
    known = Known(parent_rows=rows, raw_identifiers=raw or {}, age_days=0)
    result = run_gate(DuckDBJudge(connection), {"people": "v_people"}, spec, known, patterns=patterns)
    assert failed(result) == {("people", kind)}
    assert {check.detail for check in result.checks if not check.passed} == {UNEVALUATED}


def test_a_check_that_fails_at_run_time_spares_the_others(
    connection: duckdb.DuckDBPyConnection, spec: ShopSpec
) -> None:
    broken = people("tier", f"CASE WHEN n = 1 THEN error('{CANARY}') ELSE tier END")
    result = judge(connection, spec, **broken)
    tiers = [check for check in result.checks if check.table == "people" and "tier" in check.rule]
    assert {check.detail for check in tiers} == {UNEVALUATED}
    assert all(check.passed for check in result.checks if check.table == "events")
    assert CANARY not in result.model_dump_json()


def test_gate_without_tables_has_not_passed(connection: duckdb.DuckDBPyConnection, spec: ShopSpec) -> None:
    assert not run_gate(DuckDBJudge(connection), {}, spec, Known(parent_rows={})).passed
    with pytest.raises(GateError, match="is no release"):
        run_gate(DuckDBJudge(connection), {"secret": "v"}, spec, Known(parent_rows={}))


def test_failing_checks_say_no_value(
    connection: duckdb.DuckDBPyConnection,
    spec: ShopSpec,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    said: Sequence[str] = []
    for _, tables, _ in [*FAULTS, ("", people("tier", f"error('{CANARY}')"), set())]:
        spoilt = {"people": PEOPLE, "events": EVENTS} | tables
        spoilt["people"] = spoilt["people"].replace("'gold'", f"'{CANARY}'")
        result = judge(connection, spec, **spoilt)
        said = [*said, result.model_dump_json(), render(result, release="spring", synthetic=None)]
    out, err = capfd.readouterr()
    assert "canary7531" not in "".join([*said, out, err, caplog.text]).lower()
    assert (out, err) == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_libraries_are_silent_and_then_heard_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from expectations.gates.asking import quiet

    caplog.set_level(logging.DEBUG)
    child = logging.getLogger("sqlalchemy.engine")  # MLflow gives it a handler of its own
    monkeypatch.setattr(child, "handlers", [*child.handlers, caplog.handler])
    with quiet():
        logging.getLogger("sqlalchemy.engine.made_later").error(CANARY)
        logging.getLogger("great_expectations").error(CANARY)
    assert CANARY not in caplog.text
    logging.getLogger("sqlalchemy.engine.made_later").error("heard")
    assert "heard" in caplog.text


def test_connection_stays_open_and_free_of_copies(
    connection: duckdb.DuckDBPyConnection, spec: ShopSpec
) -> None:
    judge(connection, spec)
    assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)
    connection.execute("BEGIN")
    connection.execute("ROLLBACK")


def test_identifying_columns(spec: ShopSpec) -> None:
    assert identifying_columns(spec, "customers") == ("customer_id", "email")
    assert identifying_columns(spec, "orders") == ("order_id", "customer_id")
