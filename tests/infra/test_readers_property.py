"""Readers: any table in any encoding, delimiter and quoting comes back equal, or is refused with its place."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from infra.engine import Engine, SourceError, open_engine

ENCODINGS = ("utf-8", "gb18030", "latin-1")
# What delimiters, quotes, ends of lines and bytes of several encodings can go wrong with, and then anything.
HARD = st.sampled_from(list("\"',;\t\n\r =+-@\\|ab1é王女ÿ\ufeff\u2028\x85\u3000"))
ANY = st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00\ufffd")
CELLS = st.text(st.one_of(HARD, ANY), max_size=12)
HEADERS = st.text(st.sampled_from(list("abcXYZ_王é 1")), min_size=1, max_size=6).map(str.strip).filter(bool)
FEW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(FEW, max_examples=3000)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with open_engine(tmp_path_factory.mktemp("property") / "work", threads=2) as opened:
        yield opened


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    header = draw(st.lists(HEADERS, min_size=2, max_size=5, unique_by=str.lower))
    width = len(header)
    return header, draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=8))


@st.composite
def ways(draw: st.DrawFn) -> tuple[str, str, int, str]:
    quoting = draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]))
    ends = draw(st.sampled_from(["\n", "\r\n"]))
    return draw(st.sampled_from(ENCODINGS)), draw(st.sampled_from(",;\t")), quoting, ends


def written(header: list[str], rows: list[list[str]], way: tuple[str, str, int, str]) -> bytes:
    """The table as Python's csv writes it; the example is given up if the encoding has no such sign."""
    encoding, delimiter, quoting, ends = way
    if any("\r" in cell for row in rows for cell in row):
        quoting = (
            csv.QUOTE_ALL
        )  # Python leaves a bare \r unquoted before 3.13, and then nobody can tell it from an end
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=ends).writerows([header, *rows])
    try:
        return text.getvalue().encode(encoding)
    except UnicodeEncodeError:
        assume(False)
        raise


def read(
    engine: Engine, content: bytes, encoding: str, folder: Path
) -> list[dict[str, str | None]] | SourceError:
    """The rows, or why the file is refused."""
    path = folder / "table.csv"
    path.write_bytes(content)
    try:
        table = engine.read_csv(path, encoding=encoding)  # type: ignore[arg-type]
    except SourceError as refusal:
        return refusal
    rows = engine.rows(table)
    engine.connection.execute(f"DROP TABLE {table.get_name()}")
    return rows


def comes_back_or_is_refused(
    engine: Engine, folder: Path, table: tuple[list[str], list[list[str]]], way: tuple[str, str, int, str]
) -> None:
    rows, content = table[1], written(*table, way)
    expected = [tuple(cell or None for cell in row) for row in rows]
    found = read(engine, content, way[0], folder)
    if isinstance(found, SourceError):
        assert "table.csv" in str(found)
        assert may_be_refused(rows, way)
        return
    marked = [tuple(None if v is None else v.removesuffix("\ufffd") for v in row.values()) for row in found]
    assert sorted(map(repr, marked)) == sorted(map(repr, expected))


def may_be_refused(rows: list[list[str]], way: tuple[str, str, int, str]) -> bool:
    """UTF-8 is read in parallel, and there ends of lines in cells must not look like another kind of end."""
    return way[0] == "utf-8" and any("\r" in cell or "\n" in cell for row in rows for cell in row)


@given(tables(), ways())
@FEW
def test_a_table_comes_back_as_it_was_written(engine, tmp_path_factory, table, way):
    comes_back_or_is_refused(engine, tmp_path_factory.getbasetemp(), table, way)


@pytest.mark.prove
@given(tables(), ways())
@MANY
def test_many_tables_come_back_as_they_were_written(engine, tmp_path_factory, table, way):
    comes_back_or_is_refused(engine, tmp_path_factory.getbasetemp(), table, way)
