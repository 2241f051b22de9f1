"""The data engine: encrypted on disk, silent about rows, strict about files."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import ibis
import pytest

from infra.engine import CapacityError, Engine, EngineError, SourceError, open_engine, scrubbed
from models.values.secret import SecretBytes

CANARY = "CANARY-7f3a"
KEYS = [SecretBytes(bytes([n]) * 32) for n in range(1, 9)]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with open_engine(tmp_path / "work", threads=2, memory_limit="500MB") as opened:
        yield opened


def bytes_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def shown(error: pytest.ExceptionInfo[BaseException]) -> str:
    """All that a log could get of an error, its hidden context included."""
    fault: BaseException | None = error.value
    parts = ["".join(traceback.format_exception(error.value))]
    while fault is not None:
        parts.append(repr(fault) + str(vars(fault)))
        fault = fault.__context__ or fault.__cause__
    return "".join(parts)


class TestDisk:
    def test_nothing_plain_while_spilling(self, tmp_path: Path) -> None:
        seen: dict[str, bytes] = {}
        with open_engine(tmp_path, threads=1, memory_limit="60MB") as engine:
            text = f"'{CANARY}-' || md5(range::VARCHAR) || repeat('x', 80)"
            table = engine.materialise(engine.ibis.sql(f"SELECT {text} AS s FROM range(400000)"), "t")
            reader = engine.connection.execute("SELECT s, count(*) FROM t GROUP BY s")
            reader.fetchone()
            files = [path for path in tmp_path.rglob("*") if path.is_file()]
            seen = {str(path): path.read_bytes() for path in files}
            assert table.count().execute() == 400000
        assert any("spill" in name for name in seen), "the query did not spill; lower the memory limit"
        assert not [name for name, content in seen.items() if CANARY.encode() in content]

    def test_work_tables_lie_in_memory_and_their_spill_is_encrypted(self, tmp_path: Path) -> None:
        with open_engine(tmp_path, threads=1, memory_limit="60MB") as engine:
            engine.connection.execute(f"CREATE TABLE t AS SELECT '{CANARY}' || i AS s FROM range(10) r(i)")
            assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
            more = f"CREATE TABLE more AS SELECT '{CANARY}' || md5(range::VARCHAR) AS s FROM range(3000000)"
            engine.connection.execute(more)
            spilt = [path.parent.name for path in tmp_path.rglob("*") if path.is_file()]
            assert set(spilt) == {"spill"}, "the tables did not spill; make them larger"
            assert CANARY.encode() not in bytes_below(tmp_path)
            assert engine.connection.execute("SELECT min(s) FROM t").fetchall() == [(f"{CANARY}0",)]

    @pytest.mark.parametrize("fails", [False, True])
    def test_leaves_nothing_behind(self, tmp_path: Path, fails: bool) -> None:
        try:
            with open_engine(tmp_path) as engine:
                engine.materialise(ibis.memtable({"a": ["x"]}), "t")
                assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o700]
                if fails:
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            pass
        assert list(tmp_path.iterdir()) == []

    def test_no_network_and_no_settings_afterwards(self, engine: Engine) -> None:
        for statement in (
            "SELECT * FROM read_csv('https://a.invalid/x.csv')",
            "SET temp_file_encryption = false",
        ):
            with pytest.raises(EngineError), scrubbed("statement"):
                engine.connection.execute(statement)

    def test_bad_settings_are_told(self, tmp_path: Path) -> None:
        with (
            pytest.raises(EngineError, match="memory_limit 4 bananas"),
            open_engine(tmp_path, memory_limit="4 bananas"),
        ):
            pass
        assert list(tmp_path.iterdir()) == []


FAULTY_CSV = {
    "ragged": (f"a,b\n1,2\n1,{CANARY},3\n".encode(), "utf-8", "line 3: 3 fields where the header has 2"),
    "short": (f"a,b\n1,2\n{CANARY}\n".encode(), "utf-8", "line 3: 1 fields"),
    "mixed": (
        f"a,b\n1,2\n{CANARY},".encode() + "王".encode("gb18030") + b"\n",
        "utf-8",
        "line 3: bytes that are not utf-8",
    ),
    "header bytes": (b"a,\xff\xfe\n1,2\n", "utf-8", "line 1: bytes"),
    "quote": (f'a,b\n1,"{CANARY}\n'.encode(), "utf-8", "quotation mark is not closed"),
    "line ends": (f"a,b\n1,2\r\n3,{CANARY}\n".encode(), "utf-8", "one kind of line ends"),
    "empty": (b"", "utf-8", "empty or has no header"),
    "twice": (b"a,b,A\n1,2,3\n", "utf-8", "columns 1 and 3 have the same name"),
    "nameless": (b"a,,c\n1,2,3\n", "utf-8", "no name"),
    "gb bytes": (f"a,b\n{CANARY},".encode() + b"\xff\n", "gb18030", "line 2: bytes that are not gb18030"),
    "gb ragged": (f"a,b\n1,2\n1,{CANARY},3\n".encode("gb18030"), "gb18030", "line 3: 3 fields"),
    "gb quote": (f'a,b\n1,"{CANARY}\n'.encode("gb18030"), "gb18030", "quotation mark"),
    "not there": (None, "utf-8", "no such file"),
    "not there gb": (None, "gb18030", "no such file"),
}


class TestCsv:
    @pytest.mark.parametrize("name", FAULTY_CSV)
    def test_fault_names_place_and_no_value(self, engine: Engine, tmp_path: Path, name: str) -> None:
        content, encoding, message = FAULTY_CSV[name]
        path = tmp_path / "people.csv"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(SourceError, match=message) as error:
            engine.read_csv(path, encoding=encoding)  # type: ignore[arg-type]
        assert "people.csv" in str(error.value)
        assert CANARY not in shown(error)
        assert error.value.__context__ is None

    @pytest.mark.parametrize(
        "words", ["No space left", "unicode", "CSV Error on Line: 99", "unterminated quote"]
    )
    def test_a_row_text_is_not_taken_for_the_engines_words(
        self, engine: Engine, tmp_path: Path, words: str
    ) -> None:
        (tmp_path / "x.csv").write_text(f"a,b\n1,2\n1,{words},3\n")
        with pytest.raises(
            SourceError, match=r"x\.csv line 3: 3 fields where the header has 2; mend the line"
        ):
            engine.read_csv(tmp_path / "x.csv")

    @pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
    def test_a_line_beyond_the_limit_is_told(self, engine: Engine, tmp_path: Path, encoding: str) -> None:
        (tmp_path / "x.csv").write_bytes(b"a,b\n1," + b"x" * (67 << 20) + b"\n")
        with pytest.raises(SourceError, match=r"line 2: a (line|cell) of more than 64 MB; leave"):
            engine.read_csv(tmp_path / "x.csv", encoding=encoding)  # type: ignore[arg-type]

    @pytest.mark.parametrize("after", [b"", b"3,4\n"])
    @pytest.mark.parametrize("part", [b"x" * 100, b"y" * 99 + b"\n"])
    def test_a_long_line_is_never_lost(self, tmp_path: Path, part: bytes, after: bytes) -> None:
        many = part * 330_000
        (tmp_path / "x.csv").write_bytes(b'a,b\n1,2\n1,"' + many + b'"\n' + after)
        with open_engine(tmp_path / "work", threads=2) as engine:
            rows = engine.read_csv(tmp_path / "x.csv")
            found = engine.row(rows.aggregate(n=rows.count(), longest=rows.b.length().max()))
        assert found == {"n": 2 + bool(after), "longest": len(many)}

    @pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "latin-1"])
    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_all_ways_give_the_same_strings(
        self, engine: Engine, tmp_path: Path, encoding: str, delimiter: str
    ) -> None:
        word = "é" if encoding == "latin-1" else "王小明"
        d = delimiter
        text = f'a{d}b{d}c\r\n007{d}"x{d} ""{word}""\r\nz"{d}\r\n{d}"" {d} \r\n'.replace(f'"" {d}', f'""{d}')
        (tmp_path / "x[1].csv").write_bytes(text.encode(encoding))
        table = engine.read_csv(tmp_path / "x[1].csv", encoding=encoding)  # type: ignore[arg-type]
        rows = [
            {"a": "007", "b": f'x{d} "{word}"\r\nz', "c": None},
            {"a": None, "b": None, "c": " "},
        ]
        assert engine.rows(table) == rows
        assert set(table.schema().values()) == {ibis.dtype("string")}

    def test_byte_order_mark_and_chosen_columns(self, engine: Engine, tmp_path: Path) -> None:
        (tmp_path / "x.csv").write_bytes(b"\xef\xbb\xbfa,b,c\n1,2,3\n")
        table = engine.read_csv(tmp_path / "x.csv", columns=["c", "a", "absent"])
        assert engine.rows(table) == [{"a": "1", "c": "3"}]

    def test_many_batches_leave_no_plain_copy(self, engine: Engine, tmp_path: Path) -> None:
        body = "".join(f"{CANARY}{n},王\n" for n in range(45_000))
        (tmp_path / "x.csv").write_bytes(("a,b\n" + body).encode("gb18030"))
        table = engine.read_csv(tmp_path / "x.csv", encoding="gb18030")
        assert engine.row(table.aggregate(n=table.count(), d=table.a.nunique())) == {"n": 45_000, "d": 45_000}
        assert CANARY.encode() not in bytes_below(tmp_path / "work")


class TestParquet:
    def source(self, engine: Engine, rows: int = 1000) -> ibis.Table:
        return engine.ibis.sql(
            f"SELECT i, '{CANARY}' || i AS s, i % 8 AS b FROM (SELECT range AS i FROM range({rows}))"
        )

    def test_round_trip_shows_nothing(self, engine: Engine, tmp_path: Path) -> None:
        path = tmp_path / "out" / "a[1].parquet"
        assert engine.write_parquet(self.source(engine), path, KEYS[0], order_by=["i"]) == 1000
        content = path.read_bytes()
        assert content[:4] == content[-4:] == b"PARE"
        assert not [
            word for word in (CANARY.encode(), b"BIGINT", b"VARCHAR", KEYS[0].reveal()) if word in content
        ]
        back = engine.read_encrypted([(path, KEYS[0])])
        assert engine.row(back.aggregate(n=back.i.nunique(), s=back.s.max())) == {
            "n": 1000,
            "s": f"{CANARY}999",
        }
        assert path.stat().st_mode & 0o777 == 0o600

    def test_files_of_one_size_and_time_are_told_apart(self, engine: Engine, tmp_path: Path) -> None:
        """Held files are read by their number, which the next one gets again; nothing may be remembered by it."""
        for name in "ab":
            engine.connection.execute(f"COPY (SELECT '{name}' AS s) TO '{tmp_path / name}' (FORMAT parquet)")
            os.utime(tmp_path / name, (1e9, 1e9))
        assert len({(tmp_path / name).stat().st_size for name in "ab"}) == 1
        assert [engine.rows(engine.read_parquet(tmp_path / name)) for name in "ab"] == [
            [{"s": "a"}],
            [{"s": "b"}],
        ]

    def test_buckets_each_with_its_key(self, engine: Engine, tmp_path: Path) -> None:
        written = engine.write_buckets(self.source(engine), "b", tmp_path / "out", KEYS)
        assert [bucket for _, bucket, _ in written] == list(range(8))
        assert sum(rows for *_, rows in written) == 1000
        back = engine.read_encrypted(
            [(path, KEYS[bucket]) for path, bucket, _ in written], name="all_buckets"
        )
        assert set(back.columns) == {"i", "s"}
        assert engine.row(back.aggregate(n=back.i.nunique())) == {"n": 1000}
        third = engine.read_encrypted([(written[3][0], KEYS[3])])
        assert {row["i"] % 8 for row in engine.rows(third)} == {3}

    @pytest.mark.parametrize("strange", [-1, 8, None])
    def test_a_row_without_a_bucket_stops_it(
        self, engine: Engine, tmp_path: Path, strange: int | None
    ) -> None:
        table = ibis.memtable({"s": [CANARY, "x"], "b": [0, strange]}, schema={"s": "string", "b": "int64"})
        with pytest.raises(EngineError, match="outside the 8 buckets"):
            engine.write_buckets(table, "b", tmp_path / "out", KEYS)

    def test_swapped_keys_open_nothing(self, engine: Engine, tmp_path: Path) -> None:
        (one, *_), (two, *_) = engine.write_buckets(self.source(engine), "b", tmp_path, KEYS)[:2]
        with pytest.raises(SourceError, match="another key") as error:
            engine.read_encrypted([(one, KEYS[1]), (two, KEYS[0])])
        assert one.name in str(error.value)
        with pytest.raises(EngineError, match="bytes"):
            engine.read_encrypted([(one, SecretBytes(b"short"))])

    @pytest.mark.parametrize("fault", ["truncated", "not parquet", "empty", "absent", "flipped"])
    @pytest.mark.parametrize("encrypted", [True, False])
    def test_damaged_file(self, engine: Engine, tmp_path: Path, fault: str, encrypted: bool) -> None:
        path = tmp_path / "orders.parquet"
        engine.write_parquet(self.source(engine, 50_000), path, KEYS[0])
        if not encrypted:
            engine.connection.execute(
                f"COPY (SELECT '{CANARY}' || i AS s FROM range(50000) r(i)) TO '{path}'"
            )
        content = path.read_bytes()
        half = len(content) // 2
        damaged = {
            "truncated": content[:-9],
            "not parquet": CANARY.encode() * 9,
            "empty": b"",
            "flipped": content[:half]
            + bytes(255 - byte for byte in content[half : half + 64])
            + content[half + 64 :],
        }
        path.unlink() if fault == "absent" else path.write_bytes(damaged[fault])
        with pytest.raises(SourceError, match=r"orders\.parquet|query") as error:
            engine.rows(engine.read_encrypted([(path, KEYS[0])]) if encrypted else engine.read_parquet(path))
        assert CANARY not in shown(error)

    def test_other_columns_are_refused(self, engine: Engine, tmp_path: Path) -> None:
        for name, columns in (("a", {"x": ["1"], "y": ["2"]}), ("b", {"y": ["2"], "x": ["1"]})):
            engine.write_parquet(ibis.memtable(columns), tmp_path / name, KEYS[0])
        with pytest.raises(SourceError, match="other columns"):
            engine.read_encrypted([(tmp_path / "a", KEYS[0]), (tmp_path / "b", KEYS[0])])


class TestFaults:
    def test_value_in_a_message_is_scrubbed(self, engine: Engine) -> None:
        with pytest.raises(EngineError, match="ConversionException") as error:
            engine.rows(engine.ibis.sql(f"SELECT CAST(s AS INTEGER) AS i FROM (VALUES ('{CANARY}')) v(s)"))
        assert CANARY not in shown(error)
        assert error.value.__context__ is None

    def test_disk_full(self, engine: Engine) -> None:
        if not Path("/dev/full").exists():
            pytest.skip("needs /dev/full")
        with pytest.raises(CapacityError, match="no disk space"):
            engine._copy("SELECT uuid() AS u FROM range(100000)", Path("/dev/full"), KEYS[0])

    def test_file_too_large_for_the_quota_leaves_nothing(self, tmp_path: Path) -> None:
        script = """
import resource, signal, sys
from pathlib import Path
from infra.engine import EngineError, open_engine
from models.values.secret import SecretBytes
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with open_engine(Path(sys.argv[1]) / "w") as engine:
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    out = Path(sys.argv[1]) / "o.parquet"
    rows = engine.ibis.sql("SELECT uuid() AS u FROM range(200000)")
    try:
        engine.write_parquet(rows, out, SecretBytes(b"k" * 32))
    except EngineError as fault:
        print(fault, out.exists())
"""
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)],
            capture_output=True,
            text=True,
            env=os.environ,
            check=False,
        )
        assert done.stdout.startswith("o.parquet: ")
        assert done.stdout.endswith("False\n")

    def test_out_of_memory(self, tmp_path: Path) -> None:
        with (
            open_engine(tmp_path, threads=1, memory_limit="20MB") as engine,
            pytest.raises(CapacityError, match="memory limit"),
        ):
            engine.rows(
                engine.ibis.sql(
                    "SELECT list(repeat('x', 200) || i) AS s FROM (SELECT range AS i FROM range(1000000))"
                )
            )

    def test_key_does_not_travel(self, engine: Engine) -> None:
        key = engine.secret(SecretBytes(b"CANARY-KEY" * 3), "p")
        text = ibis.to_sql(ibis.memtable({"a": ["x"]}).mutate(h=key.inner))
        assert "CANARY" not in text
        assert b"CANARY-KEY".hex() not in text.lower()
        with pytest.raises(TypeError):
            pickle.dumps(SecretBytes(b"x"))
        with pytest.raises(EngineError, match="plain one"):
            engine.secret(SecretBytes(b"x"), "p = 1; --")


def test_an_in_memory_table_is_not_held_after_it_was_taken_in(engine: Engine) -> None:
    """Ibis keeps what a session ever saw; a flow that brings in tables part by part would hold all of them."""
    brought = ibis.memtable({"n": [1, 2, 3]})
    for name in ("first", "again"):
        assert engine.materialise(brought.filter(brought.n > 1), name).count().execute() == 2
    assert sorted(engine.ibis.list_tables()) == ["again", "first"]
