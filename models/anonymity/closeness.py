"""Closeness: how much a class of equal quasi-identifiers says about a sensitive column, class by class.

Everything follows from one aggregate: how often each value stands in each class. The measures are those of
Machanavajjhala et al. 2007 (distinct, entropy and recursive (c, l)-diversity), Li, Li and Venkatasubramanian 2007
(t-closeness) and Cao and Karras 2012 (beta-likeness). A missing value is a value like any other.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

_BUCKETS = 1024
_CLOSE = 1e-9  # shares are floating-point numbers


def per_class(
    table: ir.Table,
    quasi: Sequence[str],
    sensitive: str,
    *,
    l: int = 2,  # noqa: E741  # the paper's letter
    ordered: bool = False,
    order: Sequence[str] = (),
) -> ir.Table:
    """One row a class, with its measures and a number `class_id` that means nothing.

    Columns: `size`; `different`, how many values; `entropy` in nats; `largest` and `tail`, r_1 and r_l + ... + r_m
    of recursive diversity, so that it holds for every c above `largest / tail` (for none if `tail` is 0); `equal`,
    the total variation distance of the class to the whole table; `beta`, the largest (p - P) / P over the values
    that are more frequent in the class than in the table, or 0; `bounded`, whether (p - P) / P <= -ln P for all values
    (enhanced beta-likeness is beta-likeness and this); and, if `ordered`, `earth_mover`: the earth mover's
    distance where neighbours in the order are 1 / (m - 1) apart, m being the number of values that occur. The order
    is that of `order` (a public list of texts; what is not in it comes behind), then the natural one of the type; a
    missing value comes last.
    """
    cells = _cells(table, quasi, sensitive, order)
    count, p, whole = cells.n, cells.n / cells["size"], cells.whole
    found = cells.group_by("class_id").aggregate(
        size=count.sum(),
        different=count.count(),
        entropy=count.sum().log() - (count * count.log()).sum() / count.sum(),
        largest=count.max(),
        equal=(((p - whole).abs() - whole).sum() + 1) / 2,
        beta=ibis.greatest((p / whole).max() - 1, 0.0),
        bounded=(p / whole - 1 + whole.log()).max() <= _CLOSE,
    )
    found = found.mutate(tail=found["size"] - found.largest) if l == 2 else _beside(found, _tails(cells, l))
    return _beside(found, _earth_mover(cells)) if ordered else found


def _cells(table: ir.Table, quasi: Sequence[str], sensitive: str, order: Sequence[str]) -> ir.Table:
    """One row a class and value: how often (`n`), the class's `size`, and of the value what `_values` says."""
    names = [f"quasi_{place}_" for place, _ in enumerate(quasi)]
    plain = table.select(
        **{name: table[column] for name, column in zip(names, quasi, strict=True)}, value_=table[sensitive]
    )
    cells = plain.group_by([*names, "value_"]).aggregate(n=plain.count())
    values = _values(cells, order)
    cells = cells.inner_join(values, cells.value_.identical_to(values.of_)).drop("of_", "value_")
    if not names:
        return cells.mutate(class_id=ibis.literal(0), size=cells.n.sum().over(ibis.window()))
    classes = cells.group_by(names).aggregate(size=cells.n.sum())
    classes = classes.mutate(class_id=ibis.row_number()).rename({f"{name}of": name for name in names})
    same = [cells[name].identical_to(classes[f"{name}of"]) for name in names]
    return cells.inner_join(classes, same).drop(*names, *(f"{name}of" for name in names))


def _values(cells: ir.Table, order: Sequence[str]) -> ir.Table:
    """The column as a whole, one row a value `of_`.

    `whole`: its share; `place` in the order, from 0; `upto`: the share of all values up to it (F); `before`: the sum
    of F over the values before it; `values` (m) and `area`, the sum of F over all values.
    """
    totals = cells.group_by(of_=cells.value_).aggregate(total_=cells.n.sum())
    keys: list[ir.Value] = [totals.of_.isnull().asc()]
    if order:
        text = totals.of_.cast("string")
        keys.append(
            ibis.cases(*((text == value, place) for place, value in enumerate(order)), else_=len(order))
        )
    keys.append(totals.of_.asc())
    every, along = ibis.window(), ibis.window(order_by=keys, preceding=None, following=0)
    share = totals.total_ / totals.total_.sum().over(every)
    upto = totals.total_.sum().over(along) / totals.total_.sum().over(every)
    ranked = totals.mutate(place=ibis.row_number().over(ibis.window(order_by=keys)), upto=upto, whole=share)
    along = ibis.window(order_by=ranked.place, preceding=None, following=0)
    return ranked.mutate(
        before=ranked.upto.sum().over(along) - ranked.upto,
        area=ranked.upto.sum().over(every),
        values=ranked.count().over(every),
    ).drop("total_")


def _tails(cells: ir.Table, l: int) -> ir.Table:  # noqa: E741  # the paper's letter
    """`tail` by class: r_l + ... + r_m, the counts of a class from the l-th largest on."""
    falling = ibis.row_number().over(ibis.window(group_by="class_id", order_by=cells.n.desc()))
    ranked = cells.mutate(falling=falling)
    tail = ranked.n.sum(where=ranked.falling >= l - 1).fill_null(0)
    return ranked.group_by("class_id").aggregate(tail=tail)


def _earth_mover(cells: ir.Table) -> ir.Table:
    """`earth_mover` by class: the mean of |C - F| over the m - 1 steps of the order.

    C, the class's own share up to a value, is constant between two values that the class holds. There the sum of
    |C - F| over the places from a to b - 1 is known from sums of F, once the place is found at which F passes C.
    """
    along = ibis.window(group_by="class_id", order_by=cells.place)
    upto = ibis.window(group_by="class_id", order_by=cells.place, preceding=None, following=0)
    steps = cells.select(
        "class_id", "place", "before", "values",
        share=cells.n.sum().over(upto) / cells["size"],
        until=cells.place.lead().over(along).fill_null(cells["values"]),
        upper=cells.before.lead().over(along).fill_null(cells.area),
        first=ibis.row_number().over(along) == 0,
    )  # fmt: skip
    steps = steps.mutate(bucket=(steps.share * _BUCKETS).floor().cast("int64"))
    turns = _turns(cells)
    met = steps.inner_join(
        turns, [steps.bucket == turns.in_bucket, steps.share >= turns.low, steps.share < turns.high]
    )
    turn = ibis.least(ibis.greatest(met.at, met.place), met.until)
    inner = ibis.cases((met.at <= met.place, met.before), (met.at >= met.until, met.upper), else_=met.sum_at)
    area = met.share * (2 * turn - met.place - met.until) - 2 * inner + met.before + met.upper
    area += met.first.ifelse(met.before, 0.0)
    distance = area.sum() / ibis.greatest(met["values"].max() - 1, 1)
    return met.group_by("class_id").aggregate(earth_mover=ibis.greatest(distance, 0.0))


def _turns(cells: ir.Table) -> ir.Table:
    """For every share C from `low` to below `high`: the number `at` of values with F <= C, and their sum of F.

    A row for each bucket of C that the interval touches, so that it is found by equality.
    """
    values = cells.select("place", "upto", "before", "values", "area").distinct()
    lag = values.upto.lag().over(ibis.window(order_by=values.place)).fill_null(0.0)
    below = values.select(low=lag, high=values.upto, at=values.place, sum_at=values.before)
    top = values.filter(values.place == values["values"] - 1)
    above = top.select(low=top.upto, high=ibis.literal(2.0), at=top["values"], sum_at=top.area)
    turns = below.union(above)
    first, last = ((end * _BUCKETS).floor().cast("int64") for end in (turns.low, turns.high))
    return turns.mutate(in_bucket=ibis.range(first, ibis.least(last, _BUCKETS) + 1).unnest())


def _beside(left: ir.Table, right: ir.Table) -> ir.Table:
    """The columns of both, class by class."""
    right = right.rename(right_id="class_id")
    return left.inner_join(right, left.class_id == right.right_id).drop("right_id")
