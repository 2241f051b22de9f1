"""The spec under any change: it loads and means the same again, or is refused with its place and without a value."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.spec import SpecError, read_spec
from infra.spec_writer import spec_text
from models.shop.profiling.proposal import ProposedColumn, ProposedShop, ProposedTable
from models.values.spec import Anonymity, Column, Release, ShopSpec, Table
from tests.infra.fuzz_readers import CANARY, SPEC

FEW = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(FEW, max_examples=3000)
GOOD: dict[str, Any] = yaml.safe_load(SPEC)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.dates(),
    st.just(f"{CANARY} at large"),
    st.sampled_from(["CHOOSE", "key", "drop", "number", "../x", "/etc/passwd", "1,234.50", "D/M/YYYY", "iso", ""]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All keys of a spec, each as the way to it."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in parts for place in [(*at, key), *places(inner, (*at, key))]]


@st.composite
def changed(draw: st.DrawFn) -> dict[str, Any]:
    spec = copy.deepcopy(GOOD)
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(places(spec)))
        parent: Any = spec
        for part in way:
            parent = parent[part]
        match draw(st.sampled_from(["replace", "remove", "rename", "add"])):
            case "remove":
                del parent[last]
            case "rename" if isinstance(parent, dict):
                parent[draw(st.text(max_size=6))] = parent.pop(last)
            case "add" if isinstance(parent, dict):
                parent[
                    draw(st.text(max_size=6) | st.sampled_from(["formats", "roots", "values", "range"]))
                ] = draw(VALUES)
            case _:
                parent[last] = draw(VALUES)
    return spec


def read_or_refusal(path: Path) -> ShopSpec | SpecError:
    try:
        return read_spec(path)
    except SpecError as refusal:
        return refusal


def loads_again_or_is_refused(folder: Path, spec: dict[str, Any]) -> None:
    path = folder / "shop.yaml"
    path.write_text(yaml.safe_dump(spec, allow_unicode=True, sort_keys=False), "utf-8")
    shop = read_or_refusal(path)
    if isinstance(shop, SpecError):
        assert all(re.match(r"shop\.yaml( line \d+, .+)?: ", problem) for problem in shop.problems)
        assert CANARY not in re.sub(r"'[^'\n]*'", "", str(shop))  # names may be shown, in quotes
        return
    again = yaml.safe_dump(shop.model_dump(mode="json", exclude_none=True), allow_unicode=True)
    path.write_text(again, "utf-8")
    assert read_spec(path) == shop


@given(changed())
@FEW
def test_a_changed_spec_loads_or_names_the_place(tmp_path_factory, spec):
    loads_again_or_is_refused(tmp_path_factory.getbasetemp(), spec)


@pytest.mark.prove
@given(changed())
@MANY
def test_many_changed_specs_load_or_name_the_place(tmp_path_factory, spec):
    loads_again_or_is_refused(tmp_path_factory.getbasetemp(), spec)


HEADERS = st.text(min_size=1, max_size=40).filter(
    lambda name: name.isprintable() and name != "CHOOSE" and name.strip() == name
)
FACTS = st.sampled_from(
    [
        {"role": "attribute", "type": "number", "formats": ["1.234,50"], "range": [0, 10]},
        {"role": "time", "type": "date", "formats": ["iso", "D/M/YYYY"]},
        {"role": "identifier", "transform": {"kind": "drop"}, "nullable": True},
        {"role": "attribute", "values": ["yes", "1", "a: b", "王", "# x", "null"]},
        {"role": "quasi_identifier", "transform": {"kind": "prefix", "length": 3}},
        {"role": "attribute", "pattern": r"[a-z]{2}\d+: '\"#"},
    ]
)
SOURCES = st.sampled_from(["a.csv", "客户 名单.csv", 'x/it\'s "y".csv', "../up/a.csv", "#a.csv", "- a.csv"])


@given(st.dictionaries(HEADERS, FACTS, min_size=1, max_size=6), SOURCES)
@FEW
def test_what_the_writer_writes_is_read_as_it_was_meant(tmp_path_factory, columns, source):
    described = {name: Column.model_validate(facts) for name, facts in columns.items()}
    described[key := next(name for name in ("id", "id2") if name not in columns)] = Column(role="key")
    table = Table(source=source, key=(key,), customer=key, columns=described)
    release = Release(
        product="attributes", table="t", purpose="analytics", columns=(key,), anonymity=Anonymity()
    )
    proposed = tuple(
        ProposedColumn(name=name, kind="unknown", column=column, why="it is so")
        for name, column in described.items()
    )
    shop = ProposedShop(
        shop="my-shop", customers="t", tables=(ProposedTable(name="t", table=table, columns=proposed),),
        releases={"r": release}, local_times=True, roots=("../up",) if source.startswith("..") else (),
    )  # fmt: skip
    text = spec_text(shop)
    for before, after in {
        "timezone: CHOOSE": "timezone: UTC",
        "regimes: [CHOOSE]": "regimes: [gdpr]",
        "public_bound: CHOOSE": "public_bound: 1000",
        "basis: {CHOOSE: CHOOSE}": "basis: {gdpr: contract}",
        "reason: CHOOSE": "reason: to learn what is bought together",
    }.items():
        text = text.replace(before, after)
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    path.write_text(text, "utf-8")
    read = read_spec(path)
    assert read.tables == {"t": table}
    assert read.releases == {"r": release}
