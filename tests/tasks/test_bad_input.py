"""Bad input: a clear refusal or a counted rejection, no value in any message, and the old release untouched."""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from models.values.errors import PrivetError
from tasks.stage import StageFailed

CANARY = "canary5d1f"
EMAIL = f"{CANARY}@leak.example"


def _table(folder: Path, name: str) -> pd.DataFrame:
    if name == "orders":
        return pd.read_parquet(folder / "orders.parquet")
    return pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)


def _store(folder: Path, name: str, table: pd.DataFrame) -> None:
    if name == "orders":
        table.to_parquet(folder / "orders.parquet", index=False)
    else:
        table.to_csv(folder / f"{name}.csv", index=False)


def _customer(folder: Path, **changes: str) -> str:
    """A line of customers.csv like the first one, with some values changed."""
    row = {**_table(folder, "customers").iloc[0].to_dict(), "customer_id": "C9000001", "name": CANARY}
    return ",".join(f'"{value}"' for value in {**row, **changes}.values()) + "\n"


def missing_file(place):
    (place.shop / "customers.csv").unlink()


def missing_column(place):
    _store(place.shop, "customers", _table(place.shop, "customers").drop(columns="email"))


def missing_parquet_column(place):
    _store(place.shop, "orders", _table(place.shop, "orders").drop(columns="amount"))


def mixed_encodings(place):
    with (place.shop / "customers.csv").open("ab") as file:
        file.write(_customer(place.shop, name=f"{CANARY} Müller").encode("latin-1"))


def empty_file(place):
    (place.shop / "customers.csv").write_bytes(b"")


def blank_file(place):
    (place.shop / "customers.csv").write_bytes(b"\n\n")


def truncated_parquet(place):
    path = place.shop / "orders.parquet"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def text_for_parquet(place):
    (place.shop / "orders.parquet").write_text(f"order_id\n{CANARY}\n")


def open_quote(place):
    with (place.shop / "customers.csv").open("a") as file:
        file.write(f'"C9000001,{CANARY}\n')


def too_many_fields(place):
    with (place.shop / "customers.csv").open("a") as file:
        file.write(_customer(place.shop).rstrip() + f",{EMAIL}\n")


def column_twice(place):
    path = place.shop / "customers.csv"
    path.write_text(path.read_text().replace("phone", "email", 1))


def nested_column(place):
    orders = _table(place.shop, "orders")
    _store(place.shop, "orders", orders.assign(channel=[[CANARY]] * len(orders)))


def typo_in_the_spec(place):
    path = place.shop / "shop.yaml"
    path.write_text(path.read_text().replace("role: identifier", f"rol: {CANARY}", 1))


def spec_that_is_no_yaml(place):
    (place.shop / "shop.yaml").write_text(f"shop: [{CANARY}\n")


def emails_under_a_harmless_name(place):
    customers = _table(place.shop, "customers")
    customers["colour"] = [f"{CANARY}{number}@leak.example" for number in range(len(customers))]
    _store(place.shop, "customers", customers)
    place.change_spec(
        lambda spec: spec["tables"]["customers"]["columns"].update(colour={"role": "attribute"})
    )


REFUSED = [
    (missing_file, "customers.csv: no such file; check the path in the spec"),
    (missing_column, "tables.customers: customers.csv has no column 'email'; add it to the file or take it"),
    (missing_parquet_column, "tables.orders: orders.parquet has no column 'amount'; add it to the file or"),
    (mixed_encodings, "customers.csv line 302: bytes that are not utf-8; name the right encoding"),
    (empty_file, "customers.csv: the file is empty or has no header; export it with one"),
    (blank_file, "customers.csv: the file is empty or has no header; export it with one"),
    (truncated_parquet, "orders.parquet: no readable Parquet (damaged, cut short or another key)"),
    (text_for_parquet, "orders.parquet: no readable Parquet"),
    (open_quote, "customers.csv line 302: a quotation mark is not closed"),
    (too_many_fields, "customers.csv line 302: 14 fields where the header has 13; mend the line"),
    (column_twice, "customers.csv: columns 5 and 6 have the same name; rename one"),
    (nested_column, "the data is of a nested or binary type; store one plain value a row"),
    (typo_in_the_spec, "unknown key; did you mean 'role'?"),
    (spec_that_is_no_yaml, "shop.yaml line"),
    (emails_under_a_harmless_name, "tables.customers.columns.colour looks like e-mail addresses; declare it"),
]


@pytest.mark.parametrize(("spoil", "message"), REFUSED)
def test_what_cannot_be_read_is_refused(place, caplog, capfd, spoil, message):
    caplog.set_level(logging.DEBUG)
    released = place.keys("released")
    spoil(place)
    with pytest.raises(PrivetError) as caught:
        place.prepare()
    assert message in str(caught.value)
    assert not isinstance(caught.value, StageFailed)
    assert CANARY not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert CANARY not in caplog.text + "".join(capfd.readouterr())
    assert place.keys("released") == released
    assert place.drafts() == set()
    assert place.is_whole(place.before.released)
    assert place.bytes_with(CANARY.encode()) == []


def test_a_spec_that_changes_during_the_run_is_refused(place):
    from tasks import landing

    pinned = place.pin()
    place.change_spec(lambda spec: spec["releases"]["customer_profiles"]["anonymity"].update(k=3))
    with pytest.raises(PrivetError, match=r"shop\.yaml was changed while this run used it; start the run"):
        landing.land.fn(pinned)


@pytest.fixture(scope="module")
def dirty(prepared, tmp_path_factory):
    """The tiny shop with every kind of bad row, landed and checked; what was planted, by table and rule."""
    folder = tmp_path_factory.mktemp("dirty")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRIVET_HOME", str(folder / "home"))
        patch.setenv("PRIVET_THREADS", "2")
        place = type(prepared)(shop=folder / "shop", home=folder / "home")
        place.shop.mkdir()
        for path in prepared.shop.iterdir():
            (place.shop / path.name).write_bytes(path.read_bytes())
        planted = {**_dirty_customers(place.shop), **_dirty_orders(place.shop), **_dirty_consents(place.shop)}
        landed = place.land()
        curated = place.curate(landed)
        yield type(prepared)(shop=place.shop, home=place.home, landed=landed, curated=curated), planted


def _with(table: pd.DataFrame, *rows: dict[str, object]) -> pd.DataFrame:
    """The table with rows like its first one appended, each with some values changed."""
    first = table.iloc[0].to_dict()
    return pd.concat([table, pd.DataFrame([{**first, **row} for row in rows])], ignore_index=True)


def _dirty_customers(folder: Path) -> dict[tuple[str, str], int]:
    table = _table(folder, "customers")
    twice, differs = table.iloc[5].to_dict(), table.iloc[6].to_dict()
    bad = [
        twice,
        twice,
        {**differs, "name": CANARY},
        {"customer_id": "C9000001", "email": ""},
        {"customer_id": "C9000002", "email": CANARY},
        {"customer_id": "C9000003", "birth_date": "1066-10-14"},
        {"customer_id": "C9000004", "birth_date": "2024-02-30"},
        {"customer_id": "C9000005", "birth_date": CANARY},
        {"customer_id": "C9000006", "gender": CANARY},
        {"customer_id": "C9000007", "household": "12x"},
        {"customer_id": CANARY},
        {"customer_id": "C9000008", "name": "bell\x07" + CANARY},
        {"customer_id": "C9000009", "name": CANARY},  # a good row of a customer without consents
    ]
    _store(folder, "customers", _with(table, *bad).assign(favourite_colour=EMAIL, **{EMAIL: "x"}))
    return {
        ("customers", "duplicate row"): 2,
        ("customers", "customer_id: used by rows that differ"): 2,
        ("customers", "customer_id: not of the stated pattern"): 1,
        ("customers", "email: missing"): 1,
        ("customers", "email: not of the stated pattern"): 1,
        ("customers", "birth_date: outside 1900-01-01..2010-01-01"): 1,
        ("customers", "birth_date: not a date"): 2,
        ("customers", "gender: not one of the listed values"): 1,
        ("customers", "household: not a whole number"): 1,
        ("customers", "name: not clean text"): 1,
    }


def _dirty_orders(folder: Path) -> dict[tuple[str, str], int]:
    table = _table(folder, "orders")
    table = table.assign(amount=table.amount.astype(str), ordered_at=table.ordered_at.astype(str))
    lost = _table(folder, "customers").customer_id[6]  # its two rows differ
    first = next(place for place, customer in enumerate(table.customer_id) if customer != lost)
    changes = [
        {"amount": CANARY},
        {"amount": "twelve"},
        {"amount": "nan"},
        {"amount": "1e12"},
        {"amount": "-1"},
        {"amount": ""},
        {"ordered_at": "1899-12-30 00:00:00"},
        {"ordered_at": "2999-01-01 00:00:00"},
        {"ordered_at": "31/12/2024"},
        {"customer_id": "C8888888"},
        {"customer_id": None},
        {"is_fraud": None},
    ]
    good = table.iloc[first].to_dict()
    bad = [{**good, "order_id": f"O9{number:07d}", **change} for number, change in enumerate(changes)]
    _store(folder, "orders", _with(table, *bad, good).assign(card_number=EMAIL))
    return {
        ("orders", "amount: not a number"): 3,
        ("orders", "amount: outside 0..10000"): 2,
        ("orders", "amount: missing"): 1,
        ("orders", "ordered_at: outside 1900-01-01..tomorrow"): 2,
        ("orders", "ordered_at: written in a way that formats does not say"): 1,
        ("orders", "customer_id: no such customers.customer_id"): 1 + int((table.customer_id == lost).sum()),
        ("orders", "customer_id: missing"): 1,
        ("orders", "is_fraud: missing"): 1,
        ("orders", "duplicate row"): 1,
    }


def _dirty_consents(folder: Path) -> dict[tuple[str, str], int]:
    table = _table(folder, "consents")
    lost = _table(folder, "customers").customer_id[6]
    first = next(place for place, customer in enumerate(table.customer_id) if customer != lost)
    good = table.iloc[first].to_dict()
    bad = [
        {**good, "recorded_at": "2024-01-01 00:00:01", "state": CANARY},
        {**good, "recorded_at": "2024-01-01 00:00:02", "purpose": "everything"},
        {**good, "recorded_at": CANARY},
        {**good, "recorded_at": ""},
        {**good, "customer_id": "C8888888"},
    ]
    _store(folder, "consents", _with(table, *bad))
    return {
        ("consents", "state: not one of the listed values"): 1,
        ("consents", "purpose: not one of the listed values"): 1,
        ("consents", "recorded_at: not a time"): 1,
        ("consents", "recorded_at: missing"): 1,
        ("consents", "customer_id: no such customers.customer_id"): 1
        + int((table.customer_id == lost).sum()),
    }


def test_every_bad_row_is_counted_under_its_rule(dirty):
    place, planted = dirty
    counts = {(count.table, count.rule): count.rows for count in place.curated.contract.rejected}
    assert counts == planted


def test_accepted_and_rejected_rows_are_all_rows(dirty):
    place, planted = dirty
    contract = place.curated.contract
    for table in ("customers", "orders", "consents"):
        rejected = sum(rows for (name, _), rows in planted.items() if name == table)
        assert contract.rows_out[table] + rejected == contract.rows_in[table] == place.landed.rows_out[table]


def test_rejected_rows_are_set_aside_for_the_shop(dirty):
    from infra.manifests import open_manifest
    from tasks import resolve

    place, planted = dirty
    aside = place.curated.contract.output
    assert aside.zone == "quarantine"
    rows = {table.name: table.rows for table in open_manifest(resolve.site().store, aside).tables}
    assert sum(rows.values()) == sum(planted.values())


def test_unknown_columns_are_dropped_and_reported_without_a_doubtful_name(dirty):
    place, _ = dirty
    assert place.landed.dropped_columns == ("favourite_colour", "column 15", "card_number")
    assert not place.bytes_with(b"leak.example")


def _allowed(folder: Path, purpose: str) -> set[str]:
    """Customers of good rows whose latest choice is granted, in a second way."""
    choices = _table(folder, "consents")
    choices = choices[(choices.purpose == purpose) & choices.recorded_at.str.match(r"\d{4}-")]
    choices = choices[choices.state.isin(["granted", "withdrawn", "unknown"])]
    latest = choices.sort_values("recorded_at").groupby("customer_id").state.last()
    customers = _table(folder, "customers")
    sure = customers.drop_duplicates().customer_id.value_counts()
    return set(latest[latest == "granted"].index) & set(sure[sure == 1].index)


def test_a_customer_without_a_consent_row_goes_no_further(dirty):
    place, _ = dirty
    someone = set.union(*(_allowed(place.shop, purpose) for purpose in PURPOSES))
    assert "C9000009" not in someone
    assert place.curated.consent.rows_out["customers"] == len(someone)
    lost = place.curated.consent.rows_in["customers"] - len(someone)
    refused = {count.table: count.rows for count in place.curated.consent.rejected}
    assert refused["customers"] == lost > 0


def test_the_release_of_a_dirty_shop_holds_its_good_customers_only(dirty):
    place, _ = dirty
    done = place.release(place.landed, place.curated)
    rows = {stage.stage: stage.rows_out for stage in done.stages}["publish"]
    assert rows["fraud_customers"] == len(_allowed(place.shop, "fraud_detection"))
    assert done.gate.passed
    assert place.is_whole(done.released)
    assert place.drafts() == set()
    assert not place.bytes_with(CANARY.encode())


PURPOSES = ("analytics", "fraud_detection", "support", "recommendation")


@pytest.mark.parametrize("name", ["customers", "consents"])
def test_a_table_of_a_header_only_releases_nobody(place, name):
    path = place.shop / f"{name}.csv"
    path.write_text(path.read_text().splitlines()[0] + "\n")
    released = place.keys("released")
    landed = place.land()
    curated = place.curate(landed)
    assert landed.rows_out[name] == 0
    assert curated.consent.rows_out == dict.fromkeys(landed.rows_out, 0)
    with pytest.raises(PrivetError) as caught:
        place.release(landed, curated)
    assert not isinstance(caught.value, StageFailed)
    assert place.keys("released") == released
    assert place.drafts() == set()
    assert place.is_whole(place.before.released)


def test_a_good_run_after_a_bad_one_makes_a_newer_release(place):
    from infra.manifests import latest
    from tasks import resolve

    before = datetime.now(UTC)
    done = place.release(place.landed, place.curated)
    assert latest(resolve.site().store, "released", "embedded-shop") == done.released != place.before.released
    assert f"{before:%Y%m%d}" <= done.released.version[:8] <= f"{datetime.now(UTC):%Y%m%d}"
    assert place.is_whole(place.before.released)
