"""The contract of a table as a pandera schema: the rules' language and reference."""

from __future__ import annotations

import os
import re
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from expectations.errors import ContractError
from models.values.spec import Column, ShopSpec

if TYPE_CHECKING:
    from pandera.pandas import Check, DataFrameSchema

DTYPES = {
    "string": "string",
    "integer": "Int64",
    "number": "Float64",
    "boolean": "boolean",
    "timestamp": "datetime64[us]",
    "date": "datetime64[us]",
}
ABSURD = 1e9
EARLIEST = date(1900, 1, 1)
# No control character and no U+FFFD, which stands where bytes could not be read under the stated encoding.
CLEAN_TEXT = r"[^\x00-\x1f\x7f-\x9f" + "\ufffd]*"
CLEAN_LINES = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f" + "\ufffd]*"
# Python's flags that make `re` read a pattern as the engine's RE2 does.
FLAGS = re.ASCII | re.DOTALL


def table_schema(spec: ShopSpec, table: str, *, now: datetime) -> DataFrameSchema:
    """The pandera schema of `table` after parsing: types, nulls, ranges, values, patterns, lengths, key.

    Times are naive and UTC. Numbers lie within +-1e9 and times between 1900 and a day after `now` (aware)
    unless the spec gives a range. The `error` of each check is its rule in plain words. Copies of a whole
    row are to be removed before, and references are beyond a schema of one table; `compile_rules` does both.

    Raises:
        ContractError: a rule of the spec does not fit the type of its column.
    """
    pa = _pandera()
    entry = spec.tables[table]
    return pa.DataFrameSchema(
        {
            name: pa.Column(
                DTYPES[column.type],
                checks=_checks(f"tables.{table}.columns.{name}", name, column, spec, table, now),
                nullable=column.nullable and name not in entry.key,
                coerce=True,
            )
            for name, column in entry.columns.items()
        },
        unique=list(own_key(spec, table)),
        report_duplicates="all",
        strict=True,
        name=table,
    )


def _pandera() -> Any:
    """pandera, kept from setting PYARROW_IGNORE_TIMEZONE, under which pyarrow shifts times with an offset.

    It may go when `pandera.external_config` (0.35) no longer sets variables of pyspark.
    """
    os.environ.setdefault("PYARROW_IGNORE_TIMEZONE", "")
    import pandera.pandas

    return pandera.pandas


def own_key(spec: ShopSpec, table: str) -> tuple[str, ...]:
    """The columns that name a row among its customer's rows: the key, and the customer's column where there is one.

    Two customers' rows with the same key do not reject each other: on the way to DP training no customer's
    row may decide what becomes of another's , and pseudonyms are joined within a customer.
    """
    entry = spec.tables[table]
    return tuple(dict.fromkeys([*entry.key, *([entry.customer] if entry.customer else [])]))


def _checks(where: str, name: str, column: Column, spec: ShopSpec, table: str, now: datetime) -> list[Check]:
    if name.startswith("_"):
        raise ContractError(f"{where}: names with a leading _ are kept for Privet; rename the column")
    _refuse_misfits(where, column)
    match column.type:
        case "string":
            return _text_checks(where, column)
        case "integer" | "number":
            return [*_value_checks(where, column), *_number_range(column)]
        case "timestamp" | "date":
            return _time_range(column, ZoneInfo(spec.timezone), now)
        case "boolean":
            return []


def _refuse_misfits(where: str, column: Column) -> None:
    ordered = column.type in ("integer", "number", "timestamp", "date")
    if column.range is not None and not ordered:
        raise ContractError(f"{where}: range is not for type {column.type!r}; remove it or change the type")
    if column.pattern is not None and column.type != "string":
        raise ContractError(f"{where}: pattern is for type 'string' only, not {column.type!r}; remove it")
    if column.values is not None and column.type not in ("string", "integer"):
        raise ContractError(
            f"{where}: values are for types 'string' and 'integer', not {column.type!r}; use range"
        )
    if column.range is not None and isinstance(column.range[0], date) != (
        column.type in ("timestamp", "date")
    ):
        raise ContractError(f"{where}: range and type {column.type!r} differ; give numbers or dates")


def _text_checks(where: str, column: Column) -> list[Check]:
    check = _pandera().Check
    checks = _value_checks(where, column)
    if not checks:
        clean = CLEAN_LINES if column.role in ("free_text", "identifier") else CLEAN_TEXT
        longest = f"longer than {column.max_length} characters"
        checks.append(check.str_matches(_whole(where, clean), error="not clean text"))
        checks.append(check.str_length(max_value=column.max_length, error=longest))
    if column.pattern is not None:
        checks.append(check.str_matches(_whole(where, column.pattern), error="not of the stated pattern"))
    return checks


def _whole(where: str, pattern: str) -> re.Pattern[str]:
    """`pattern` for the whole text, in the syntax that Python and the engine's RE2 share."""
    advice = f"{where}: pattern is not a plain regular expression; use RE2 syntax without look-around"
    if re.search(r"\(\?(?!:|P<|[ims]+:)|\\[1-9ZzpPCQE]", pattern):
        raise ContractError(advice)
    try:
        return re.compile(f"^(?:{pattern})$", FLAGS)
    except re.error:
        raise ContractError(advice) from None


def _value_checks(where: str, column: Column) -> list[Check]:
    if column.values is None:
        return []
    allowed: list[Any] = list(column.values)
    if column.type == "integer":
        if not all(re.fullmatch(r"-?\d{1,18}", value) for value in allowed):
            raise ContractError(f"{where}: values of an integer column must be whole numbers")
        allowed = [int(value) for value in allowed]
    return [_pandera().Check.isin(allowed, error="not one of the listed values")]


def _number_range(column: Column) -> list[Check]:
    if column.range is None and column.type == "integer" and column.role in ("key", "identifier"):
        return []
    low, high = column.range or (-ABSURD, ABSURD)
    return [_pandera().Check.in_range(low, high, error=f"outside {low:.15g}..{high:.15g}")]


def _time_range(column: Column, zone: ZoneInfo, now: datetime) -> list[Check]:
    import pandas as pd

    check = _pandera().Check
    first, last = column.range or (EARLIEST, None)
    low = _start(first, zone if column.type == "timestamp" else None)  # type: ignore[arg-type]  # checked before
    if last is None:
        high = now.astimezone(UTC).replace(tzinfo=None) + timedelta(days=1)
    else:
        high = _start(last, zone if column.type == "timestamp" else None) + timedelta(days=1)  # type: ignore[arg-type]
    stated = f"outside {first}..{'tomorrow' if last is None else last}"
    return [check.in_range(pd.Timestamp(low), pd.Timestamp(high), include_max=False, error=stated)]


def _start(day: date, zone: ZoneInfo | None) -> datetime:
    """The first moment of `day` in `zone`, as naive UTC."""
    midnight = datetime.combine(day, clock())
    return midnight if zone is None else midnight.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
