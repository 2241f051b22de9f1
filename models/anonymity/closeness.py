"""Closeness: how much classes of equal quasi-identifiers say about a sensitive column.

Everything follows from one aggregate, made by the engine: how often each value stands in each class. The measures are
those of Machanavajjhala et al. 2007 (distinct, entropy and recursive (c, l)-diversity), Li, Li and Venkatasubramanian
2007 (t-closeness) and Cao and Karras 2012 (beta-likeness). A missing value is a value like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import exp

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt

from models.values.measures import ColumnMeasures

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_BITS = 63
_CLOSE = 1e-9  # shares are floating-point numbers


def cells(table: ir.Table, quasi: Sequence[str], sensitive: str, order: Sequence[str] = ()) -> ir.Table:
    """One row a class and value: `class_id`, the value's `place` in its order (both from 0), and `n`, how often.

    The order is that of `order` (a public list of texts; what is not in it comes behind), then the natural one of
    the type; a missing value comes last.
    """
    names = [f"quasi_{place}_" for place, _ in enumerate(quasi)]
    plain = table.select(
        **{name: table[column] for name, column in zip(names, quasi, strict=True)}, value_=table[sensitive]
    )
    found = plain.group_by([*names, "value_"]).aggregate(n=plain.count())
    values = _values(found, order)
    placed = found.inner_join(values, found.value_.identical_to(values.of_)).drop("of_", "value_")
    if not names:
        return placed.mutate(class_id=ibis.literal(0, "int64"))
    classes = found.select(*names).distinct()
    classes = classes.mutate(class_id=ibis.row_number()).rename({f"{name}of": name for name in names})
    same = [placed[name].identical_to(classes[f"{name}of"]) for name in names]
    return placed.inner_join(classes, same).select("class_id", "place", "n")


def _values(found: ir.Table, order: Sequence[str]) -> ir.Table:
    """The column's different values: `of_` and its `place`."""
    every = found.select(of_=found.value_).distinct()
    keys: list[ir.Value] = [every.of_.isnull().asc()]
    if order:
        text = every.of_.cast("string")
        keys.append(
            ibis.cases(*((text == value, place) for place, value in enumerate(order)), else_=len(order))
        )
    return every.mutate(place=ibis.row_number().over(ibis.window(order_by=[*keys, every.of_.asc()])))


@dataclass(frozen=True, kw_only=True)
class Cells:
    """The rows of `cells`, in the order of classes and then of places."""

    owner: Ints
    place: Ints
    n: Ints

    @classmethod
    def of(cls, owner: Ints, place: Ints, n: Ints) -> Cells:
        """Rows in any order; sorted as single numbers where they fit, which takes a quarter of the time."""
        few, fewer = (int(part.max(initial=0)).bit_length() for part in (place, n))
        if int(owner.max(initial=0)).bit_length() + few + fewer > _BITS:
            rows = np.lexsort((place, owner))
            return cls(owner=owner[rows], place=place[rows], n=n[rows])
        packed = owner << few + fewer | place << fewer | n
        packed.sort()
        return cls(
            owner=packed >> few + fewer, place=packed >> fewer & (1 << few) - 1, n=packed & (1 << fewer) - 1
        )

    @cached_property
    def first(self) -> Ints:
        """Where each class begins."""
        return np.flatnonzero(np.diff(self.owner, prepend=-1))

    @cached_property
    def size(self) -> Ints:
        """The rows of each class."""
        return np.add.reduceat(self.n, self.first)

    @cached_property
    def whole(self) -> Ints:
        """How often each value stands in the table."""
        return np.bincount(self.place, weights=self.n).astype(np.int64)


def worst(name: str, found: Cells, *, l: int, ordered: bool) -> ColumnMeasures:  # noqa: E741  # the paper's letter
    """What the worst class says about the column `name`, measure by measure; `found` has a row at least."""
    share = (found.whole / found.whole.sum())[found.place]
    within = found.n / found.size[found.owner]
    likelier = within / share - 1
    above = np.bincount(found.owner, weights=np.maximum(within - share, 0))
    bits = np.bincount(found.owner, weights=found.n * np.log(found.n))
    largest, tail = _recursive(found, l)
    beta = max(float(likelier.max()), 0.0)
    return ColumnMeasures(
        column=name,
        l=int(np.bincount(found.owner).min()),
        entropy_l=exp(max(float((np.log(found.size) - bits / found.size).min()), 0.0)),
        c=float((largest / tail).max()) if tail.all() else None,
        equal=float(above.max()),
        ordered=float(earth_mover(found).max()) if ordered else None,
        beta=beta,
        enhanced_beta=beta if (likelier + np.log(share)).max() <= _CLOSE else None,
    )


def _recursive(found: Cells, l: int) -> tuple[Ints, Ints]:  # noqa: E741  # the paper's letter
    """r_1 and r_l + ... + r_m of each class: the recursive measure holds for every c above their quotient."""
    largest = np.maximum.reduceat(found.n, found.first)
    if l == 2:
        return largest, found.size - largest
    falling = np.lexsort((-found.n, found.owner))
    rank = np.arange(falling.size) - found.first[found.owner]
    tail = np.bincount(found.owner, weights=np.where(rank >= l - 1, found.n[falling], 0))
    return largest, tail.astype(np.int64)


def earth_mover(found: Cells) -> Floats:
    """Each class's earth mover's distance to the table where neighbours in the order are 1 / (m - 1) apart.

    It is the mean of |C - F| over the m - 1 steps of the order. C, the class's own share up to a value, is constant
    between two values that the class holds; F, the table's, passes it there at one place, so that the sum over the
    places from a to b - 1 is known from sums of F.
    """
    total = np.cumsum(found.whole)
    steps = total / total[-1]
    sums = np.concatenate([[0.0], np.cumsum(steps)])
    passed = np.cumsum(found.n)
    before = (passed - found.n)[found.first]
    share = (passed - before[found.owner]) / found.size[found.owner]
    a, b = found.place, np.append(found.place[1:], steps.size)
    b[np.append(found.first[1:], a.size) - 1] = steps.size
    turn = np.clip(np.searchsorted(steps, share, side="right"), a, b)
    area = share * (2 * turn - a - b) - 2 * sums[turn] + sums[a] + sums[b]
    area[found.first] += sums[a[found.first]]
    mean: Floats = np.bincount(found.owner, weights=area) / max(steps.size - 1, 1)
    return np.maximum(mean, 0.0, out=mean)
