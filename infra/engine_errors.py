"""Engine faults, told without the data that the engine quotes."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import TracebackType

from models.values.errors import PrivetError


class EngineError(PrivetError, RuntimeError):
    """The data engine could not do its work; the message tells the class of fault and the way out."""


class SourceError(EngineError):
    """A file cannot be read as what it is said to be."""


class CapacityError(EngineError):
    """Memory or disk did not suffice."""


# No line of a file, and so no cell, may be longer.
LONGEST_BYTES = 64 << 20
_LINE = re.compile(r"CSV Error on Line: (\d+)")
_ROW = re.compile(
    r"Original Line: .*\n(?=Expected Number|Value with|Invalid unicode|Maximum line)", re.DOTALL
)
# What Spark adds to a fault: the ways that Python and Java took to it.
_WAY = re.compile(r"^(?: +|\tat |Traceback ).*$", re.MULTILINE)
_COLUMNS = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")
_DISK = ("No space left", "quota", "max_temp_directory_size")
_TOO_LONG = ("Maximum line size", "Parallel CSV Reader", "unterminated quote")
_ABSENT = ("No files found", "No such file", "Cannot open file")


class scrubbed:  # noqa: N801  # reads as a clause: with scrubbed("orders.csv")
    """Turns every fault of the engine inside the block into an EngineError about `what`, without its cause.

    The engine's messages quote rows, so neither message, cause nor context of the original is kept.
    """

    def __init__(self, what: str | Path) -> None:
        self._what = what.name if isinstance(what, Path) else what

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(fault, EngineError):
            fault.__context__ = None
        if isinstance(fault, EngineError) or not isinstance(fault, _engine_faults()):
            return
        try:
            raise described(fault, self._what) from None
        except EngineError as clean:
            clean.__context__ = None  # `from None` hides the original, but keeps it within reach
            raise


def _engine_faults() -> tuple[type[BaseException], ...]:
    import duckdb
    import pyarrow as pa

    return (duckdb.Error, pa.ArrowException, OSError, MemoryError, UnicodeError, *_spark_faults())


def _spark_faults() -> tuple[type[BaseException], ...]:
    """Those of Spark, if it is in use."""
    if "pyspark" not in sys.modules:
        return ()
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    return (PySparkException, Py4JError)


def described(fault: BaseException, what: str) -> EngineError:
    """The error to show for `fault`: only its class and whole numbers are taken from it."""
    text, kind = message_of(fault), type(fault).__name__
    if any(word in text for word in _DISK) or getattr(fault, "errno", None) in (28, 122):
        return CapacityError(f"{what}: no disk space left; free some or set PRIVET_HOME to a larger disk")
    if kind in ("OutOfMemoryException", "MemoryError", "ArrowMemoryError"):
        return CapacityError(f"{what}: the memory limit was reached; raise PRIVET_MEMORY_LIMIT")
    line = _LINE.search(text)
    if line or "CSV" in text:
        return _csv_fault(text, what, f" line {line[1]}" if line else "")
    if kind == "FileNotFoundError" or any(word in text for word in _ABSENT):
        return SourceError(f"{what}: no such file; check the path in the spec")
    if kind in ("PermissionError", "PermissionException") or "Permission denied" in text:
        return SourceError(f"{what}: may not be opened; check the rights of the file")
    if re.search("parquet|magic bytes|decrypt|encrypt|AES|TProtocol|Snappy|ZSTD", text, re.IGNORECASE):
        return SourceError(f"{what}: no readable Parquet (damaged, cut short or another key); fetch it again")
    return EngineError(f"{what}: the engine stopped with {kind}; check that the file fits its description")


def message_of(fault: BaseException) -> str:
    """What the engine says, without the row that it quotes; one cut inside a sign comes as UnicodeDecodeError."""
    text = str(fault)
    if isinstance(fault, UnicodeDecodeError):
        text = fault.object.decode("utf-8", "replace")
    return _WAY.sub("", _ROW.sub("", text))


def may_be_too_long(fault: BaseException) -> bool:
    """Whether the engine stopped at what may be a line longer than its buffers."""
    return any(words in message_of(fault) for words in _TOO_LONG)


def _csv_fault(text: str, what: str, line: str) -> SourceError:
    columns = _COLUMNS.search(text)
    if "Maximum line size" in text:
        return SourceError(
            f"{what}{line}: a line of more than {LONGEST_BYTES >> 20} MB; leave such a cell out of the file, "
            "or close a quotation mark"
        )
    if "unicode" in text or "utf-8 encoded" in text:
        return SourceError(f"{what}{line}: bytes that are not utf-8; name the right encoding in the spec")
    if columns:
        return SourceError(
            f"{what}{line}: {columns[2]} fields where the header has {columns[1]}; mend the line"
        )
    if "unterminated quote" in text:
        return SourceError(f"{what}{line}: a quotation mark is not closed; mend the line")
    return SourceError(f"{what}{line}: not CSV with one kind of line ends and closed quotes; export it again")
