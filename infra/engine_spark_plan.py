"""The plan of an expression on Spark: what joins rows is Spark's, what a row's own values decide is DuckDB's.

Two engines read the same pattern, time zone or number in text differently, and a release would differ with them. So
only operations that mean the same in both stay in Spark's SQL (`ALIKE`, and all that looks at several rows); every
larger expression of a row's own values is taken out whole, computed by DuckDB in Spark's workers, and stands in its
place as a column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir

# Compared, counted and chosen alike by both engines; numbers other than whole ones are computed by DuckDB.
ALIKE: tuple[type, ...] = (
    ops.Field,
    ops.Literal,
    ops.Equals,
    ops.NotEquals,
    ops.Less,
    ops.LessEqual,
    ops.Greater,
    ops.GreaterEqual,
    ops.IdenticalTo,
    ops.And,
    ops.Or,
    ops.Not,
    ops.IsNull,
    ops.NotNull,
    ops.IfElse,
    ops.SearchedCase,
    ops.Coalesce,
    ops.InValues,
)
_ACROSS_ROWS = (ops.Reduction, ops.Analytic, ops.WindowFunction, ops.Subquery, ops.Unnest)
_LITERALS = ("is_string", "is_boolean", "is_integer", "is_null")

# Given a relation, its columns to keep and expressions over it by name: a relation with all of them.
Compute = Callable[[ops.Relation, Iterable[str], Mapping[str, ops.Value]], ops.Relation]


def planned(expr: ir.Expr, compute: Compute) -> ir.Expr:
    """`expr` with every row's own expressions replaced by columns that `compute` made."""

    def replaced(node: ops.Node, changed: dict[str, Any] | None) -> ops.Node:
        again = node if changed is None else node.__recreate__(changed)
        if isinstance(again, ops.Least | ops.Greatest) and len(again.arg) == 1:
            return again.arg[0]  # Spark compares two values or more
        planner = _PLANNERS.get(type(again))
        return again if planner is None else planner(again, compute)

    return expr.op().replace(replaced).to_expr()


def _project(node: ops.Project, compute: Compute) -> ops.Relation:
    computed = _Computed(node.parent, node.values.values(), compute)
    return ops.Project(computed.relation, computed.substituted_all(node.values))


def _filter(node: ops.Filter, compute: Compute) -> ops.Relation:
    return _same_columns(node, node.predicates, compute)


def _sort(node: ops.Sort, compute: Compute) -> ops.Relation:
    return _same_columns(node, node.keys, compute)


def _same_columns(node: ops.Filter | ops.Sort, values: Iterable[ops.Value], compute: Compute) -> ops.Relation:
    """A relation with its parent's columns, chosen or ordered by values."""
    computed = _Computed(node.parent, values, compute, whole=True)
    if computed.relation is node.parent:
        return node
    changed = type(node)(computed.relation, tuple(map(computed.substituted, values)))
    return _only(changed, node.schema.names)


def _aggregate(node: ops.Aggregate, compute: Compute) -> ops.Relation:
    computed = _Computed(node.parent, [*node.groups.values(), *node.metrics.values()], compute)
    groups, metrics = map(computed.substituted_all, (node.groups, node.metrics))
    return ops.Aggregate(computed.relation, groups, metrics)


def _join(node: ops.JoinChain, compute: Compute) -> ops.Relation:
    """Conditions are computed on the side that they belong to, selected values after the join."""
    predicates = [predicate for link in node.rest for predicate in link.predicates]
    swap: dict[ops.Node, ops.Node] = {}
    for table in node.tables:
        own = [p for predicate in predicates for p in parts(predicate) if p.relations == {table}]
        if own:
            extra = {f"computed_{number}_": part for number, part in enumerate(dict.fromkeys(own))}
            at_home = {name: _moved(part, table, table.parent) for name, part in extra.items()}
            relation = compute(table.parent, table.schema.names, at_home)
            reference = type(table)(relation, table.identifier)
            swap |= {ops.Field(table, name): ops.Field(reference, name) for name in table.schema.names}
            swap |= {part: ops.Field(reference, name) for name, part in extra.items()}
            swap[table] = reference
    return _selected(node, swap, compute)


def _selected(node: ops.JoinChain, swap: Mapping[ops.Node, ops.Node], compute: Compute) -> ops.Relation:
    rest = tuple(
        ops.JoinLink(
            link.how, swap.get(link.table, link.table), tuple(_swapped(p, swap) for p in link.predicates)
        )
        for link in node.rest
    )
    first = swap.get(node.first, node.first)
    if not any(list(parts(value)) for value in node.values.values()):
        return ops.JoinChain(first, rest, {name: _swapped(v, swap) for name, v in node.values.items()})
    fields = dict.fromkeys(field for value in node.values.values() for field in _found(value, (ops.Field,)))
    plain = {f"field_{number}_": field for number, field in enumerate(fields)}
    joined = ops.JoinChain(first, rest, {name: _swapped(field, swap) for name, field in plain.items()})
    after = {field: ops.Field(joined, name) for name, field in plain.items()}
    selected = ops.Project(joined, {name: _swapped(value, after) for name, value in node.values.items()})
    return _project(selected, compute)


_PLANNERS: dict[type, Callable[[Any, Compute], ops.Relation]] = {
    ops.Project: _project,
    ops.Filter: _filter,
    ops.Sort: _sort,
    ops.Aggregate: _aggregate,
    ops.JoinChain: _join,
}


class _Computed:
    """A relation with the parts of some values computed beside its columns; `whole` keeps all of those."""

    def __init__(
        self, parent: ops.Relation, values: Iterable[ops.Value], compute: Compute, *, whole: bool = False
    ) -> None:
        values = list(values)
        found = dict.fromkeys(part for value in values for part in parts(value))
        self.relation, self._swap = parent, {}
        if not found:
            return
        names = (name for name in (f"computed_{n}_" for n in count()) if name not in parent.schema)
        extra = {name: part for part, name in zip(found, names, strict=False)}
        kept = parent.schema.names if whole else _fields_beside(values, frozenset(found), parent)
        self.relation = compute(parent, kept, extra)
        self._swap = {ops.Field(parent, name): ops.Field(self.relation, name) for name in kept}
        self._swap[ops.CountStar(parent)] = ops.CountStar(self.relation)
        self._swap |= {part: ops.Field(self.relation, name) for name, part in extra.items()}

    def substituted(self, value: ops.Value) -> Any:
        """The value over the new relation."""
        return _swapped(value, self._swap)

    def substituted_all(self, values: Mapping[str, ops.Value]) -> dict[str, Any]:
        """The values over the new relation, by name."""
        return {name: self.substituted(value) for name, value in values.items()}


def parts(value: ops.Value) -> Iterator[ops.Value]:
    """The largest expressions inside `value` that one row's values decide and that are not alike in both engines."""
    if _is_alike(value) or not value.relations:  # a constant is no row's
        return
    across = isinstance(value, ops.SortKey) or len(value.relations) > 1 or any(_found(value, _ACROSS_ROWS))
    if not across:
        yield value
        return
    for child in _children(value):
        yield from parts(child)


def _is_alike(value: ops.Value) -> bool:
    if isinstance(value, ops.Literal):
        return any(getattr(value.dtype, kind)() for kind in _LITERALS)
    if not isinstance(value, ALIKE):
        return False
    return isinstance(value, ops.Field) or all(map(_is_alike, _children(value)))


def _found(value: ops.Value, kinds: tuple[type, ...]) -> Iterator[ops.Node]:
    """Nodes of these kinds inside a value; relations are not entered."""
    if isinstance(value, kinds):
        yield value
    for child in _children(value):
        yield from _found(child, kinds)


def _children(value: Any) -> Iterator[Any]:
    """The values that a value is made of."""
    return (child for child in value.__children__ if isinstance(child, ops.Value))


def _fields_beside(
    values: Iterable[ops.Value], computed: frozenset[ops.Value], parent: ops.Relation
) -> list[str]:
    """The columns of `parent` that values use outside of what is computed."""
    used: dict[str, None] = {}

    def look(value: ops.Value) -> None:
        if value in computed:
            return
        if isinstance(value, ops.Field) and value.rel == parent:
            used[value.name] = None
            return
        for child in _children(value):
            look(child)

    for value in values:
        look(value)
    return list(used)


def _moved(value: ops.Value, old: ops.Relation, new: ops.Relation) -> Any:
    return _swapped(value, {ops.Field(old, name): ops.Field(new, name) for name in old.schema.names})


def _swapped(value: ops.Value, swap: Mapping[ops.Node, ops.Node]) -> Any:
    """`value` with whole expressions exchanged, the outermost first."""
    if value in swap:
        return swap[value]
    if isinstance(value, ops.Field) or not swap:
        return value
    children = {}
    for name, child in zip(value.__argnames__, value.__args__, strict=True):
        children[name] = _swapped_argument(child, swap)
    return value.__recreate__(children)


def _swapped_argument(argument: Any, swap: Mapping[ops.Node, ops.Node]) -> Any:
    if isinstance(argument, ops.Value):
        return _swapped(argument, swap)
    if isinstance(argument, tuple):
        return tuple(_swapped_argument(item, swap) for item in argument)
    return argument


def _only(relation: ops.Relation, names: Iterable[str]) -> ops.Relation:
    return ops.Project(relation, {name: ops.Field(relation, name) for name in names})
