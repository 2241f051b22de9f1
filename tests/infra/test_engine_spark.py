"""Spark on a real cluster of a master and two workers: it does what DuckDB does, and no secret is left lying about."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.content import content_digest
from infra.engine import DuckDBEngine, Engine, EngineError, SourceError, open_engine, scrubbed, work_folder
from infra.spark_cluster import Cluster, standalone_cluster
from models.anonymity.generalise import transform_column
from models.anonymity.pseudonyms import HmacKey
from models.values import transform as t
from models.values.secret import SecretBytes

pytest.importorskip("pyspark")
pytestmark = pytest.mark.prove

CANARY = "CANARY-b2f1"
SECRET = SecretBytes(b"SECRET-KEY-9d3c-" * 2)
KEYS = [SecretBytes(bytes([n]) * 32) for n in range(8)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with standalone_cluster(tmp_path_factory.mktemp("cluster") / "members") as started:
        yield started


@pytest.fixture(scope="module")
def spark(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    from infra.engine_spark import open_spark

    with (
        work_folder(tmp_path_factory.mktemp("spark")) as folder,
        open_spark(
            folder, master=cluster.master, secret_file=cluster.secret_file, threads=1, memory_limit="1GB"
        ) as engine,
    ):
        yield engine


@pytest.fixture(scope="module")
def duckdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBEngine]:
    with open_engine(tmp_path_factory.mktemp("duckdb"), threads=1) as engine:
        yield engine


TRANSFORMS: dict[str, tuple[str, t.Transform]] = {
    "pseudonym": ("text", t.Pseudonym(domain="id")),
    "email": ("text", t.Pseudonym(domain="id", values="email")),
    "phone": ("text", t.Pseudonym(domain="id", values="phone", region="CN")),
    "person": ("text", t.Pseudonym(domain="id", values="name")),
    "token": ("digits", t.Token(domain="id", length=6, max_length=9)),
    "bucket": ("text", t.HashBucket(domain="id", buckets=16)),
    "prefix": ("text", t.Prefix(length=3)),
    "redact": ("text", t.Redact()),
    "suppress": ("text", t.Suppress()),
    "keep": ("text", t.Keep()),
    "round": ("number", t.Round(step=0.05, low=-100, high=1e6)),
    "whole": ("whole", t.Round(step=10)),
    "band": ("whole", t.Band(width=7, low=-20, high=40)),
    "age": ("day", t.AgeBand(width=10, as_of=date(2026, 1, 1))),
    "month": ("moment", t.Truncate(unit="month")),
    "week": ("moment", t.Truncate(unit="week")),
}
SCHEMA = pa.schema(
    {
        "text": pa.string(),
        "digits": pa.string(),
        "number": pa.float64(),
        "whole": pa.int64(),
        "day": pa.date32(),
        "moment": pa.timestamp("us"),
    }
)
_TEXTS = st.one_of(
    st.text(max_size=12),
    st.from_regex(
        r"(?:\+?86 ?)?1[3-9]\d{9}|[A-Za-z.]{1,8}@[a-z]{1,8}\.com|王[一-龥 　]{1,2}", fullmatch=True
    ),
    st.sampled_from(
        ["Ａｎｎａ　Ｘ", "  x ", "ſ K", "Mail an.na@web.de, call 138 1234 5678 or 0049 30 1234567", "\u3000"]
    ),
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "text": st.none() | _TEXTS.map(lambda text: text.replace("\0", "")),
            "digits": st.none() | st.from_regex(r"[0-9]{4,10}", fullmatch=True),
            "number": st.none() | st.floats(-1e9, 1e9),
            "whole": st.none() | st.integers(-(10**12), 10**12),
            "day": st.none() | st.dates(date(1900, 1, 1), date(2026, 1, 1)),
            "moment": st.none()
            | st.datetimes(*(pa.scalar(d, pa.timestamp("us")).as_py() for d in (-(10**15), 10**15))),
        }
    ),
    min_size=20,
    max_size=120,
)


def released(engine: Engine, path: Path) -> ibis.Table:
    """Every transform on the columns of a file, as the engine computes them."""
    rows = engine.read_parquet(path)
    keys: dict[str, HmacKey] = {
        "id": engine.secret(SECRET, "id"),
        "token=id": engine.secret(SECRET, "token"),
        "bucket=id": engine.secret(SECRET, "bucket"),
    }
    return rows.select(
        **{name: transform_column(rows[column], how, keys) for name, (column, how) in TRANSFORMS.items()}
    )


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=ROWS)
def test_every_transform_gives_the_same(
    spark: Engine, duckdb: DuckDBEngine, tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    pa.parquet.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path)
    here, there = released(duckdb, path), released(spark, path)
    assert here.schema() == there.schema()
    assert sorted(map(repr, duckdb.rows(here))) == sorted(map(repr, spark.rows(there)))
    assert content_digest(duckdb, here) == content_digest(spark, there)


def test_files_open_on_both_engines(spark: Engine, duckdb: DuckDBEngine, tmp_path: Path) -> None:
    for name, (writer, reader) in {"a": (spark, duckdb), "b": (duckdb, spark)}.items():
        (folder := tmp_path / name).mkdir()
        rows = numbered(writer, folder)
        written = writer.write_buckets(rows, "b", folder / "out", KEYS)
        whole = writer.write_parquet(rows.drop("b"), folder / "all.parquet", KEYS[0], ["u"])
        back = reader.read_encrypted([(path, KEYS[bucket]) for path, bucket, _ in written])
        one = reader.read_encrypted([(folder / "all.parquet", KEYS[0])])
        assert back.schema() == one.schema() == rows.drop("b").schema()
        assert [count for *_, count in written] == [0, *[143] * 6, 142]
        assert whole == 1000
        assert (
            content_digest(reader, back)
            == content_digest(reader, one)
            == content_digest(writer, rows.drop("b"))
        )


def numbered(engine: Engine, folder: Path) -> ibis.Table:
    """1000 rows in the buckets 1 to 7, with a pseudonym."""
    from models.anonymity.pseudonyms import pseudonym

    (folder / "x.csv").write_text("i,s\n" + "".join(f"{n},{CANARY}{n % 7}\n" for n in range(1000)))
    rows = engine.read_csv(folder / "x.csv")
    number = rows.i.cast("int64")
    odd = {'a.b `c` "d"': rows.s.upper()}
    named = pseudonym(rows.i, engine.secret(SECRET, "n"))
    return rows.select(i=number, s=rows.s, u=named, b=number % 7 + 1, **odd)


def test_faults_are_told_without_values_and_leave_nothing(
    spark: Engine, cluster: Cluster, tmp_path: Path
) -> None:
    rows = numbered(spark, tmp_path)
    with pytest.raises(EngineError) as fault:
        spark.rows(rows.select(n=rows.s.cast("int64")))
    assert CANARY not in repr(fault.getrepr(chain=True))
    with pytest.raises(EngineError, match="outside the 3 buckets"):
        spark.write_buckets(rows, "b", tmp_path / "out", KEYS[:3])
    assert not list((tmp_path / "out").iterdir())
    spark.write_parquet(rows, tmp_path / "x.parquet", KEYS[0])
    with pytest.raises(SourceError, match=r"x\.parquet: no readable Parquet"):
        spark.read_encrypted([(tmp_path / "x.parquet", KEYS[1])])
    with scrubbed("files"):
        assert not holding(CANARY.encode(), cluster.secret_file.parent, spark.folder)


def holding(word: bytes, *folders: Path) -> list[Path]:
    return [
        file
        for folder in folders
        for file in folder.rglob("*")
        if file.is_file() and word in file.read_bytes()
    ]


def test_secrets_stay_out_of_settings_commands_and_files(
    spark: Engine, cluster: Cluster, tmp_path: Path
) -> None:
    rows = spark.materialise(numbered(spark, tmp_path), "kept")
    spark.write_buckets(rows, "b", tmp_path / "out", KEYS)
    context = spark.ibis._session.sparkContext
    said = str(context.getConf().getAll()) + str(spark.ibis._session.sql("SET").collect())
    member = cluster.secret_file.read_bytes()
    pads = list(spark.ibis.variables.values())
    for secret in (SECRET.reveal(), *pads):
        assert not [form for form in (repr(secret)[2:-1], secret.hex()) if form in said]
        assert not holding(secret, cluster.secret_file.parent, spark.folder)
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert len([command for command in commands if b"org.apache.spark" in command]) >= 6
    assert not [command for command in commands if member in command or SECRET.reveal() in command]
