"""Arrays from a table of features: one row per example becomes (customers, examples, features)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.privacy.examples import CustomerExamples, Features, each_array

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class DatedExamples(CustomerExamples):
    """Examples with the `day` (n, m) of each, counted from 1970, for what is measured day by day."""

    day: NDArray[np.int64]


def dated(frame: pd.DataFrame, features: Features, *, max_examples: int) -> DatedExamples:
    """The examples of every customer in `frame`, ascending by customer id, with `features` (rows, ...).

    `frame` has columns customer_id, place (0..max_examples - 1 within the customer), label, day and optionally
    household. Places without a row are masked and zero.
    """
    labels, days = frame.label.to_numpy(dtype=np.float32), frame.day.to_numpy(dtype=np.int64)
    held = by_customer(frame, features, labels, max_examples=max_examples)
    day = by_customer(frame, days, labels, max_examples=max_examples).features
    return DatedExamples(**vars(held), day=np.asarray(day))


def to_frame(rows: ir.Table, columns: tuple[str, ...]) -> pd.DataFrame:
    """customer_id, household where it is known, and `columns` of `rows`, fetched from the engine; ids as text."""
    ids = ["customer_id", *(["household"] if "household" in rows.columns else [])]
    table = rows.select([*ids, *columns])
    frame: pd.DataFrame = table.mutate(**{name: table[name].cast("string") for name in ids}).to_pandas()
    return frame


def by_customer(
    frame: pd.DataFrame, features: Features, labels: NDArray[Any], *, max_examples: int
) -> CustomerExamples:
    """Rows `features` (rows, ...) and `labels` (rows, ...) as those of customers, ascending by customer id.

    `frame` says whose and which each row is: customer_id, place and, where known, household (see `to_frame`).
    """
    names, customer = np.unique(frame.customer_id.to_numpy(dtype=str), return_inverse=True)
    place, shape = frame.place.to_numpy(dtype=np.int64), (len(names), max_examples)

    def spread(array: NDArray[Any]) -> NDArray[Any]:
        filled = np.zeros((*shape, *array.shape[1:]), dtype=array.dtype)
        filled[customer, place] = array
        return filled

    groups = None
    if "household" in frame.columns:
        groups = np.zeros(len(names), dtype=np.int64)
        groups[customer] = np.unique(frame.household.to_numpy(dtype=str), return_inverse=True)[1]
    return CustomerExamples(
        features=each_array(features, spread),
        labels=spread(labels),
        mask=spread(np.ones(len(frame), dtype=np.bool_)),
        groups=groups,
    )
