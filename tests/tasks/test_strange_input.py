"""Strange input of a user's own shop, from init to curation: understood, or counted, or refused with a way out."""

from __future__ import annotations

import csv
import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from expectations.contracts.compiled import accepted, compile_rules, count_broken
from infra.engine import open_engine
from infra.engine_files import folders
from infra.settings import Settings
from infra.spec import read_spec
from models.values.errors import PrivetError
from tasks import checking, curation, intake, landing, resolve, starting

CANARY = "canary7e21"
CHOICES = {
    "timezone: CHOOSE": "timezone: Europe/Berlin",
    "regimes: [CHOOSE]": "regimes: [gdpr]",
    "public_bound: CHOOSE": "public_bound: 1000",
    "basis: {CHOOSE: CHOOSE}": "basis: {gdpr: contract}",
    "reason: CHOOSE": "reason: to learn which goods are bought together",
}
ROWS = 60


class Shop:
    """A folder with customers.csv of two columns and more, and what Privet makes of it."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder, self.settings = folder, settings
        self.file = folder / "customers.csv"
        self.spec = folder / "shop.yaml"

    def write(self, encoding: str = "utf-8", **columns: list[str]) -> None:
        names = ["customer_id", "order_nr", *columns]
        with self.file.open("w", encoding=encoding, newline="") as file:
            out = csv.writer(file)
            out.writerow(names)
            for n in range(ROWS):
                cells = [values[n % len(values)] for values in columns.values()]
                out.writerow([f"C{n:05d}", f"N{n:05d}", *cells])

    def init(self, *files: Path) -> str:
        starting.init(self.settings, str(self.folder), [*map(str, files or [self.file])], None, as_json=True)
        text = self.spec.read_text("utf-8")
        for before, after in CHOICES.items():
            text = text.replace(before, after)
        self.spec.write_text(text, "utf-8")
        return text

    def set(self, column: str, facts: str) -> None:
        """Replace, add or (no facts) take out the entry of a column."""
        own = (f"{column}: {{", f'"{column}": {{')
        lines = [
            line for line in self.spec.read_text("utf-8").splitlines() if not line.strip().startswith(own)
        ]
        at = next(n for n, line in enumerate(lines) if line.strip() == "columns:")
        lines[at + 1 : at + 1] = [f"      {json.dumps(column)}: {facts}"] if facts else []
        text = "\n".join(lines)
        self.spec.write_text(text.split("\nreleases:")[0] + "\nreleases: {}\n", "utf-8")

    def column(self, name: str):
        return next(iter(read_spec(self.spec).tables.values())).columns[name]

    def check(self, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
        capsys.readouterr()
        checking.check(self.settings, str(self.spec), 1, as_json=True)
        return json.loads(capsys.readouterr().out)

    def keep(self):
        """What the contract keeps of the file, as rows, and how many it sets aside by rule; nothing is stored."""
        spec = read_spec(self.spec)
        ((name, table),) = spec.tables.items()
        with open_engine(self.settings.work_dir, threads=2) as engine:
            file, within = self.folder / table.source, folders(self.folder, spec.roots)
            raw = engine.read_csv(file, encoding=table.encoding, within=within)
            checked = compile_rules(spec, name, raw, {}, now=datetime.now(UTC))
            broken = {count.rule: count.rows for count in count_broken(checked)}
            return engine.rows(accepted(checked)), broken

    def curate(self):
        """What the first stages of `prepare` keep, as rows, and how many they set aside by rule."""
        from infra.datasets import read

        pinned = intake.pin.fn(str(self.spec))
        landed = landing.land.fn(pinned)
        curated = curation.curate.fn(pinned, landed)
        with resolve.bench("look", 1) as bench:
            (name,) = read_spec(self.spec).tables
            rows = bench.engine.rows(read(bench.site, bench.engine, curated.output, resolve.PREPARER)[name])
        return rows, {count.rule: count.rows for count in curated.contract.rejected}, landed


@pytest.fixture
def shop(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("PRIVET_THREADS", "2")
    (tmp_path / "my shop").mkdir()
    return Shop(tmp_path / "my shop", Settings.load())


WRITTEN = {
    "a": (["1,234.50", "99.00", "1,000,000"], "number", "1,234.50", {1234.5, 99.0, 1000000.0}),
    "b": (["1.234,50", "99,00", "7"], "number", "1.234,50", {1234.5, 99.0, 7.0}),
    "c": (["1 234,50", "99,00", "7"], "number", "1 234,50", {1234.5, 99.0, 7.0}),
    "d": (["1'234", "1'234'567", "7"], "integer", "1'234.50", {1234, 1234567, 7}),
}


def test_numbers_with_separators_are_recognised_and_read(shop):
    shop.write(**{f"amount_{name}": values for name, (values, *_) in WRITTEN.items()})
    text = shop.init()
    for name, (_, kind, example, _) in WRITTEN.items():
        assert f'type: {kind}, formats: ["{example}"]' in text
        shop.set(
            f"amount_{name}",
            f'{{role: attribute, type: {kind}, formats: ["{example}"], range: [0, 2000000]}}',
        )
    rows, rejected, _ = shop.curate()
    assert rejected == {}
    for name, (*_, numbers) in WRITTEN.items():
        assert {row[f"amount_{name}"] for row in rows} == numbers


def test_numbers_with_separators_that_the_spec_does_not_name_are_counted(shop, capsys):
    shop.write(amount=["1,234.50", "99.00", "12,50"])
    shop.init()
    shop.set("amount", "{role: attribute, type: number}")
    rule = "amount: a number with separators that formats does not say"
    assert shop.check(capsys)["tables"][0]["broken"] == {rule: f"~{2 * ROWS // 3}"}
    rows, rejected = shop.keep()
    assert ({row["amount"] for row in rows}, rejected) == ({99.0}, {rule: 2 * ROWS // 3})


UNCLEAR = {
    "amount_a": (["1,234", "5,678", "12,345"], "numbers of two sizes"),
    "amount_b": (["1.234", "5.678", "12.345"], "numbers of two sizes"),
    "day_a": (["01/02/2020", "03/04/2020"], "no value tells which; say which: formats: [D/M/YYYY]"),
    "day_b": (["13/02/2020", "02/13/2020"], "some one way and some the other"),
    "day_c": (["2020-01-02", "03/04/2020"], "no value tells which"),
}


def test_what_can_be_read_in_two_ways_is_dropped_until_the_user_says(shop):
    shop.write(**{name: values for name, (values, _) in UNCLEAR.items()})
    lines = shop.init().splitlines()
    for name, (_, says) in UNCLEAR.items():
        entry = next(place for place, line in enumerate(lines) if line.startswith(f"      {name}: "))
        assert "CHOOSE:" in lines[entry - 1]
        assert says in lines[entry - 1]
        assert shop.column(name).transform.kind == "drop"


def test_two_ways_of_writing_days_are_recognised_and_read(shop):
    shop.write(ordered_on=["2020-01-02", "13/02/2020", "1/3/2020"])
    assert "formats: [iso, D/M/YYYY]" in shop.init()
    shop.set("ordered_on", "{role: time, type: date, formats: [iso, D/M/YYYY]}")
    rows, rejected, _ = shop.curate()
    assert {str(row["ordered_on"])[:10] for row in rows} == {"2020-01-02", "2020-02-13", "2020-03-01"}
    assert rejected == {}


def test_days_in_no_way_of_the_spec_are_counted_apart(shop, capsys):
    shop.write(ordered_on=["2020-01-02", "13/02/2020", "02/13/2020", "2020.01.02", "2020-02-30"])
    shop.init()
    shop.set("ordered_on", "{role: time, type: date, formats: [iso, D/M/YYYY]}")
    _, rejected = shop.keep()
    assert rejected == {
        "ordered_on: day and month exchanged": ROWS // 5,
        "ordered_on: written in a way that formats does not say": ROWS // 5,
        "ordered_on: not a date": ROWS // 5,
    }
    objections = "\n".join(shop.check(capsys)["objections"])
    assert "other rows may be exchanged unseen" in objections


@pytest.mark.parametrize(
    ("encoding", "good", "other"),
    [("latin-1", "Müller", "Jürgen"), ("gb18030", "王小明", "李龙"), ("gb18030", "王小明", "Jürgen")],
)
def test_rows_of_another_encoding_are_counted_and_never_garbled(shop, encoding, good, other):
    shop.write(encoding=encoding, nick=[good])
    with shop.file.open("ab") as file:
        file.write(f"C99999,N99999,{other}\r\n".encode())
    assert f"encoding: {encoding}" in shop.init()
    shop.set("nick", "{role: attribute}")
    rows, rejected = shop.keep()
    assert {row["nick"] for row in rows} == {good}
    assert rejected == {"nick: not clean text": 1}


@pytest.mark.parametrize(
    ("encoding", "other", "theirs"), [("utf-8", "Jürgen", "latin-1"), ("gb18030", "李小龙", "utf-8")]
)
def test_bytes_that_are_not_of_the_encoding_name_the_line(shop, encoding, other, theirs):
    shop.write(encoding=encoding, nick=["王小明"])
    with shop.file.open("ab") as file:
        file.write(f"C99999,N99999,{CANARY} {other}\r\n".encode(theirs))
    line = rf"customers\.csv line {ROWS + 2}: bytes that are not {encoding}"
    with pytest.raises(PrivetError, match=line) as caught:
        shop.init()
    assert CANARY not in str(caught.value)


def test_what_hides_in_json_is_found_and_never_kept(shop, capsys):
    inside = [json.dumps({"contact": {"mail": f"{CANARY}{n}@x.example"}, "size": n % 3}) for n in range(ROWS)]
    shop.write(details=inside)
    text = shop.init()
    assert "JSON text holding e-mail addresses (contact.mail): dropped" in text
    assert "such as details.FIELD" in text
    assert CANARY not in text
    shop.set("details", "{role: attribute}")
    assert "details looks like JSON; anything can hide in it" in "\n".join(shop.check(capsys)["objections"])
    for facts in ("{role: attribute}", "{role: free_text}"):
        shop.set("details", facts)
        with pytest.raises(
            PrivetError, match=r"drop it, or name its fields as columns, such as details\.FIELD"
        ):
            shop.curate()


def test_a_field_of_json_is_a_column_of_its_own(shop):
    shop.write(details=['{"size": 4, "in": {"city": "Rome"}}', '{"size": null}', "{broken", ""])
    shop.init()
    shop.set("details", "")
    shop.set("details.size", "{role: attribute, type: integer, nullable: true}")
    shop.set("details.in.city", "{role: attribute, nullable: true}")
    rows, rejected, landed = shop.curate()
    assert {(row["details.size"], row["details.in.city"]) for row in rows} == {(4, "Rome"), (None, None)}
    assert rejected == {"details.in.city: not clean text": ROWS // 4}
    assert landed.dropped_columns == ("details (fields that are not named)",)


def test_fields_of_a_parquet_struct_are_proposed_and_lists_are_left_out(shop):
    contact = [{"email": f"{CANARY}{n}@x.example", "tier": "ab"[n % 2]} for n in range(ROWS)]
    table = pd.DataFrame({"customer_id": [f"C{n:05d}" for n in range(ROWS)], "contact": contact})
    table["tags"] = [[CANARY]] * ROWS
    shop.file = shop.folder / "customers.parquet"
    table.to_parquet(shop.file)
    text = shop.init()
    assert shop.column("contact.email").role == "identifier"
    assert shop.column("contact.tier").values == ("a", "b")
    assert "# tags: a list, map or binary" in text
    rows, rejected, landed = shop.curate()
    assert (len(rows), rejected, set(landed.dropped_columns)) == (
        ROWS,
        {},
        {"contact (fields that are not named)", "tags"},
    )
    assert set(rows[0]) >= {"contact.email", "contact.tier"}


@pytest.mark.parametrize("encoding", ["utf-8", pytest.param("gb18030", marks=pytest.mark.prove)])
def test_a_cell_of_ten_megabytes_is_counted_and_hurts_nothing(shop, encoding):
    shop.write(encoding=encoding, note=["短", CANARY])
    with shop.file.open("a", encoding=encoding, newline="") as file:
        file.write("C99999,N99999," + "短x" * 2_500_000 + "\r\n")
    shop.init()
    shop.set("note", "{role: attribute}")
    rows, rejected = shop.keep()
    assert (len(rows), rejected) == (ROWS, {"note: longer than 10000 characters": 1})


FORMULAS = ["=cmd|'/C calc'!A0", "@SUM(1+1)", "+1", "-1"]


def test_cells_that_look_like_formulas_stay_data(shop):
    shop.write(remark_code=FORMULAS, **{'=HYPERLINK("x")': ["a", "b"]})
    shop.init()
    shop.set("remark_code", "{role: attribute}")
    rows, rejected = shop.keep()
    assert {row["remark_code"] for row in rows} == set(FORMULAS)
    assert rejected == {}


def test_headers_are_no_markdown_and_no_terminal_commands(shop, capsys):
    from models.values.dataset import GateCheck, GateResult
    from tasks.gating import _markdown

    rule = "column: [x](javascript:alert(1)) | ![](http://a.example/b) <b>"
    shown = _markdown(GateResult(checks=(GateCheck(table="t", rule=rule, passed=True),))).splitlines()[-1]
    assert shown.count("|") - shown.count("\\|") == 4
    assert "[x]" not in shown
    assert "<b>" not in shown
    shop.write(**{"\x1b]0;owned\x07": ["a", "b"]})
    starting.init(shop.settings, str(shop.folder), [str(shop.file)], None, as_json=False)
    assert "\x1b]0" not in capsys.readouterr().out + shop.spec.read_text("utf-8")


def test_many_columns_are_proposed_and_the_rest_is_dropped_by_name(shop, capsys):
    shop.write(**{f"f{n}": ["1", "2"] if n % 2 else ["constant"] for n in range(510)})
    text = shop.init()
    assert len(read_spec(shop.spec).tables["customers"].columns) == 257
    assert "255 columns that would be dropped are not listed (0 of them hold personal data)" in text
    capsys.readouterr()
    starting.plan(str(shop.spec), as_json=True)
    columns = json.loads(capsys.readouterr().out)["tables"][0]["columns"]
    assert sum(column["why"] == "the spec does not name it" for column in columns) == 255


@pytest.mark.prove
def test_ten_thousand_columns_take_minutes_at_most(shop):
    import time

    shop.write(**{f"f{n}": ["1", "2", "3"] if n % 2 else ["a", "b"] for n in range(10_000)})
    started = time.monotonic()
    shop.init()
    assert time.monotonic() - started < 600
    assert len(read_spec(shop.spec).tables["customers"].columns) > 10_000


@pytest.mark.parametrize("name", ['客户 of "May" it\'s.csv', "a*b?[c]{d} 100% #1 $x; --.csv"])
def test_any_file_name_is_read(shop, name):
    shop.file = shop.folder / name
    shop.write(tier=["a", "b"])
    shop.init()
    rows, rejected = shop.keep()
    assert (len(rows), rejected) == (ROWS, {})


def test_files_outside_the_folder_are_allowed_by_name_only(shop, tmp_path):
    shop.file = tmp_path / "other place" / "customers.csv"
    shop.file.parent.mkdir()
    shop.write(tier=["a", "b"])
    text = shop.init()
    assert 'roots: ["../other place"]' in text
    assert len(shop.keep()[0]) == ROWS
    shop.spec.write_text(text.replace('roots: ["../other place"]', ""), "utf-8")
    with pytest.raises(PrivetError, match=r"leads outside the spec's folder; put the file into it, or allow"):
        shop.keep()


OUTSIDE = (
    r"customers\.csv: lies outside the spec's folder \(or is a link that leads there\); put the file into it"
)


@pytest.mark.parametrize("stage", ["plan", "check", "land"])
def test_a_link_that_leads_outside_is_refused_everywhere(shop, tmp_path, stage):
    shop.write(tier=["a", "b"])
    shop.init()
    shop.file.rename(tmp_path / "elsewhere.csv")
    shop.file.symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(PrivetError, match=OUTSIDE):
        {
            "plan": lambda: starting.plan(str(shop.spec), as_json=True),
            "check": lambda: checking.check(shop.settings, str(shop.spec), 1, as_json=True),
            "land": shop.curate,
        }[stage]()


def test_a_link_within_the_folder_or_into_a_root_is_read(shop, tmp_path):
    shop.write(tier=["a", "b"])
    text = shop.init()
    shop.file.rename(shop.folder / "real.csv")
    shop.file.symlink_to("real.csv")
    assert len(shop.keep()[0]) == ROWS
    (shop.folder / "real.csv").rename(tmp_path / "real.csv")
    shop.file.unlink()
    shop.file.symlink_to(tmp_path / "real.csv")
    shop.spec.write_text(text + "\nroots: [..]\n", "utf-8")
    assert len(shop.keep()[0]) == ROWS


def test_a_pipe_or_a_folder_is_refused_at_once(shop):
    shop.write(tier=["a", "b"])
    shop.init()
    shop.file.unlink()
    os.mkfifo(shop.file)
    with pytest.raises(PrivetError, match="is no regular file"):
        shop.keep()
    shop.file.unlink()
    shop.file.mkdir()
    with pytest.raises(PrivetError, match="is no regular file"):
        shop.keep()


def test_a_file_that_grows_while_it_is_read_is_refused(shop, monkeypatch):
    from infra import engine_duckdb as engine

    shop.write(tier=["a", "b"])
    shop.init()
    load = engine.load_csv

    def slow(connection, path, *rest):
        writer = threading.Thread(target=lambda: shop.file.open("a").write("C9,N9,a\r\n"))
        writer.start()
        writer.join()
        return load(connection, path, *rest)

    monkeypatch.setattr(engine, "load_csv", slow)
    with pytest.raises(PrivetError, match=r"customers\.csv: was changed while it was read; run again"):
        shop.keep()


def test_a_link_that_is_moved_after_the_look_changes_nothing(shop, tmp_path, monkeypatch):
    """What was judged to lie inside is what is read, though the name leads elsewhere by then."""
    from infra import engine_duckdb as engine

    shop.write(tier=["a", "b"])
    shop.init()
    shop.file.rename(shop.folder / "real.csv")
    shop.file.symlink_to("real.csv")
    (tmp_path / "secret.csv").write_text(f"customer_id,order_nr,tier\nC1,N1,{CANARY}\n")
    load = engine.load_csv

    def moved(connection, path, *rest):
        shop.file.unlink()
        shop.file.symlink_to(tmp_path / "secret.csv")
        return load(connection, path, *rest)

    monkeypatch.setattr(engine, "load_csv", moved)
    assert len(shop.keep()[0]) == ROWS
