"""The canary: one customer planted everywhere is afterwards found nowhere, whatever failed."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import pickle
import sqlite3
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.flows.conftest import House
from tests.flows.planting import EMAIL, MARKS, SPOILS, SPOILT, STEM, WORD, plant
from tests.flows.taint import Mark, Search

Canary = dict[str, dict[str, Any]]
pytestmark = pytest.mark.server

FAULTS = (
    *("pin", "expire", "land", "curate", "deidentify_tables", "gate", "publish"),
    *("reserve", "fit", "assess", "release", "panic", "group", "report", "unredacted"),
)


@pytest.fixture(scope="module")
def canary(house: House, small_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Canary:
    """A good run of the canary's shop and one with a fault in every stage, in one process."""
    folder = tmp_path_factory.mktemp("canary")
    spec, outside = plant(small_shop, folder / "source"), house.folder / "outside"
    outside.mkdir()
    done = house.run("-m", "tests.flows.failing", str(spec), str(outside))
    (outside / "printed").write_text(done.stdout + done.stderr)
    assert done.returncode == 0, done.stderr[-3000:]
    found: Canary = json.loads((outside / "outcomes.json").read_text())
    return found


def test_good_run_rejects_what_breaks_a_rule_and_drops_what_the_spec_does_not_name(canary: Canary) -> None:
    good = canary[""]
    assert good["status"] == 0, good
    stages = {stage["stage"]: stage for stage in json.loads(good["out"])["stages"]}
    assert {count["table"] for count in stages["contract"]["rejected"]} == {
        *("customers", "orders", "order_lines", "tickets", "consents")
    }
    assert len(stages["contract"]["rejected"]) > 60
    assert "private_note" in stages["land"]["dropped_columns"]


@pytest.mark.parametrize("stage", FAULTS)
def test_failed_run_publishes_nothing_and_says_nothing_of_a_row(canary: Canary, stage: str) -> None:
    found = canary[stage]
    assert found["status"] != 0
    assert STEM not in found["out"].lower() + found["err"].lower()
    assert _released(found["before"]) == _released(found["after"])
    assert found["before"]["datasets"] == found["after"]["datasets"]


def _released(status: dict[str, Any]) -> Any:
    champions = [model for model in status["models"] if model["alias"] == "champion"]
    return [name for name in status["datasets"] if name.startswith("released/")], champions


def test_a_fault_is_reported_with_stage_and_way_out(canary: Canary) -> None:
    error = json.loads(canary["fit"]["out"])["error"]
    assert error.startswith("stage 'fit' failed with RuntimeError at ")
    assert "privet doctor" in error


def test_gate_stops_a_release_whose_letters_are_not_redacted(canary: Canary) -> None:
    error = json.loads(canary["unredacted"]["out"])["error"]
    assert error.startswith("the gate did not pass (support_tickets")


@pytest.mark.parametrize("fault", SPOILS)
def test_faulty_sources_are_refused_without_a_value(canary: Canary, fault: str) -> None:
    found = canary[fault]
    assert found["status"] == 1
    error = json.loads(found["out"])["error"]
    assert "withheld" not in error
    assert STEM not in error.lower()
    assert _released(found["before"]) == _released(found["after"])


def test_a_faulty_line_is_named(canary: Canary) -> None:
    error = json.loads(canary["fields"]["out"])["error"]
    assert error.startswith("customers.csv line ")


def test_nothing_of_the_canary_is_found_anywhere(canary: Canary, house: House) -> None:
    found = Search(MARKS).folders(house.home, *house.elsewhere, house.folder / "outside")
    assert not found, "\n".join(map(str, found))


def test_every_data_file_is_encrypted_parquet(canary: Canary, house: House) -> None:
    files = [path for path in (house.home / "zones").rglob("*.parquet") if path.is_file()]
    assert len(files) > 500
    assert {path.read_bytes()[:4] for path in files} == {b"PARE"}


def test_keys_are_nowhere_but_among_the_keys(canary: Canary, house: House) -> None:
    keyset = json.loads((house.home / "keys" / "master.json").read_text())
    secrets = [Mark(text) for text in _texts(keyset) if len(text) > 40]
    assert secrets
    found = Search(secrets).folders(house.home, *house.elsewhere)
    assert {Path(finding.path).name for finding in found} == {"master.json"}


def _texts(node: Any) -> list[str]:
    if isinstance(node, dict | list):
        return [text for part in (node.values() if isinstance(node, dict) else node) for text in _texts(part)]
    return [node] if isinstance(node, str) else []


def _in_zip(text: str) -> bytes:
    from io import BytesIO

    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model/config.json", json.dumps({"name": f" {text} " * 3}))
    return packed.getvalue()


WRITINGS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "upper case": lambda text: text.upper().encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 big endian": lambda text: f"x{text}".encode("utf-16-be"),
    "URL": lambda text: text.replace(".", "%2e").replace("@", "%40").replace("%2e", ".").encode(),
    "base64 at 0": lambda text: base64.b64encode(text.encode()),
    "base64 at 1": lambda text: base64.b64encode(f"a{text}b".encode()),
    "base64 at 2": lambda text: base64.urlsafe_b64encode(f"ab{text}".encode()),
    "base64 in lines": lambda text: base64.encodebytes(f"{'a' * 40}{text}{'b' * 40}".encode()),
    "base64 of a pickle": lambda text: base64.encodebytes(pickle.dumps(ValueError(text))),
    "hexadecimal": lambda text: text.encode().hex().encode(),
    "hexadecimal, upper case": lambda text: text.encode().hex().upper().encode(),
    "JSON": lambda text: json.dumps({"value": text}).encode(),
    "MD5": lambda text: hashlib.md5(text.encode()).hexdigest().encode(),
    "SHA-1": lambda text: hashlib.sha1(text.encode()).digest(),
    "SHA-256": lambda text: hashlib.sha256(text.lower().encode()).hexdigest().upper().encode(),
    "SHA-256 in base64": lambda text: base64.b64encode(hashlib.sha256(text.encode()).digest()),
    "gzip": lambda text: b"log" + gzip.compress(f"{text} ".encode() * 3),
    "zlib": lambda text: zlib.compress(f"{text} ".encode() * 3),
    "gzip in gzip": lambda text: gzip.compress(gzip.compress(text.encode())),
    "zip": _in_zip,
}


@pytest.mark.parametrize("writing", WRITINGS)
@pytest.mark.parametrize("value", [EMAIL, WORD, "C9173648", f"Žofie {STEM.title()}"])
def test_search_finds_every_writing(tmp_path: Path, writing: str, value: str) -> None:
    (tmp_path / "file").write_bytes(
        b"before " + WRITINGS[writing](value) + b" after" if writing != "zip" else b""
    )
    if writing == "zip":
        (tmp_path / "file").write_bytes(WRITINGS[writing](value))
    search = Search([Mark(value, loose=value[0] != "C")])
    assert search.folders(tmp_path)


def test_search_finds_rows_of_a_database_and_names_of_files(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "some.db") as database:
        database.execute("CREATE TABLE log (message TEXT)")
        database.execute("INSERT INTO log VALUES (?)", ["x" * 900 + SPOILT * 2 + "x" * 900])
    (tmp_path / f"{STEM}.txt").write_text("")
    rows = Search([Mark(SPOILT * 2)]).folders(tmp_path)
    assert [(Path(row.path).name, row.writing) for row in rows] == [("some.db", "UTF-8 in a row")]
    names = Search([Mark(STEM)]).file(tmp_path / f"{STEM}.txt")
    assert [name.writing for name in names] == ["UTF-8 in its name"]


def test_search_finds_nothing_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(hashlib.shake_256(b"noise").digest(1 << 20))
    (tmp_path / "hex").write_text(hashlib.shake_256(b"noise").hexdigest(1 << 19) + " 0.917364 aC9173648")
    assert Search(MARKS).folders(tmp_path) == []
