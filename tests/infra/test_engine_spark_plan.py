"""The plan of an expression on Spark: what is left to Spark means the same there, and the result does not change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
import pytest

from infra.engine import DuckDBEngine, open_engine
from infra.engine_spark_plan import parts, planned

Make = Callable[[ir.Table, ir.Table], ir.Table]
EXPRESSIONS: dict[str, Make] = {
    "selected": lambda t, u: t.mutate(x=t.a.upper(), y=(t.n > 1) & t.a.re_search("x")),
    "filtered": lambda t, u: t.filter(t.a.re_search("^x"), t.n.notnull()),
    "filtered by a subquery": lambda t, u: t.filter(t.a.lower().isin(u.filter(u.b.length() > 1).b)),
    "sorted": lambda t, u: t.order_by(t.a.length(), t.n),
    "grouped": lambda t, u: t.group_by(k=t.a.lower()).agg(
        n=t.count(), m=t.a.re_search("x").ifelse(t.n, 0).sum()
    ),
    "grouped again": lambda t, u: (
        t.group_by(k=t.a.left(1)).agg(s=t.n.sum()).mutate(h=lambda g: g.s / 7).filter(lambda g: g.h > 0.1)
    ),
    "constant": lambda t, u: t.group_by(k=t.a.lower()).agg(
        n=t.count(), none=ibis.null("float64"), half=0.5 + 1
    ),
    "window": lambda t, u: t.mutate(r=t.n.max().over(ibis.window(group_by=t.a.left(1)))),
    "joined": lambda t, u: t.left_join(u, t.a.upper() == u.b.upper()).select(t.n, z=u.b.fill_null("?") + t.a),
    "semi": lambda t, u: t.semi_join(u, t.a.strip() == u.b),
    "anti": lambda t, u: t.anti_join(u, [t.a.lower() == u.b, t.n.identical_to(u.m)]),
    "union": lambda t, u: t.select(v=t.a.upper()).union(u.select(v=u.b.upper()), distinct=True),
    "unnested": lambda t, u: t.select(v=t.a.split("x").unnest()).group_by("v").agg(n=lambda g: g.count()),
    "itself": lambda t, u: t.semi_join(t.view().filter(lambda v: v.a.length() > 1), ["n"]),
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBEngine]:
    with open_engine(tmp_path_factory.mktemp("plan"), threads=2) as opened:
        words = ["x", "Xy ", None, "xx", "b", "", "by"]
        for name, columns in {"t": ("a", "n"), "u": ("b", "m")}.items():
            table = pa.table({columns[0]: words[len(name) - 1 :], columns[1]: [1, 2, 3, None, 5, 6, 7]})
            opened.connection.register(f"{name}_given", table)
            opened.connection.execute(f"CREATE TABLE {name} AS FROM {name}_given")
        yield opened


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_nothing_but_the_place_of_the_work_changes(engine: DuckDBEngine, name: str) -> None:
    """Here the parts are computed by DuckDB too, as views of their own."""
    numbers, computed = count(), []

    def compute(parent: ops.Relation, kept: Iterable[str], extra: Mapping[str, ops.Value]) -> ops.Relation:
        values = {**{column: ops.Field(parent, column) for column in kept}, **extra}
        computed.extend(extra.values())
        project = ops.Project(parent, values)
        view = engine.view(project.to_expr(), f"part_{next(numbers)}").get_name()
        return ops.DatabaseTable(name=view, schema=project.schema, source=engine.ibis)

    wanted = EXPRESSIONS[name](engine.ibis.table("t"), engine.ibis.table("u"))
    found = planned(wanted, compute)
    assert computed
    assert found.schema() == wanted.schema()
    assert not [part for value in values_of(found) for part in parts(value) if part.relations]
    assert sorted(map(repr, engine.rows(found))) == sorted(map(repr, engine.rows(wanted)))


def values_of(expr: ir.Table) -> Iterator[ops.Value]:
    """What Spark would be asked to compute."""
    for node in expr.op().find((ops.Project, ops.Filter, ops.Aggregate, ops.Sort)):
        yield from (child for child in node.__children__ if isinstance(child, ops.Value))
