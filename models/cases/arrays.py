"""Arrays from a table of features: one row per example becomes (customers, examples, features)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.privacy.examples import CustomerExamples

if TYPE_CHECKING:
    import ibis.expr.types as ir


def to_examples(rows: ir.Table, feature_names: tuple[str, ...], *, max_examples: int) -> CustomerExamples:
    """The examples of every customer in `rows`, ascending by customer id.

    `rows` has columns customer_id, place (0..max_examples - 1 within the customer), label, optionally
    household, and the features. Places without a row are masked and zero.
    """
    columns = ["customer_id", "place", "label", *feature_names, *_household(rows)]
    table = rows.select(columns).mutate(customer_id=rows.customer_id.cast("string"))
    if _household(rows):
        table = table.mutate(household=table.household.cast("string"))
    frame = table.to_pandas()
    names, customer = np.unique(frame.customer_id.to_numpy(dtype=str), return_inverse=True)
    place = frame.place.to_numpy(dtype=np.int64)
    shape = (len(names), max_examples)
    features = np.zeros((*shape, len(feature_names)), dtype=np.float32)
    labels, mask = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.bool_)
    features[customer, place] = frame[list(feature_names)].to_numpy(dtype=np.float32)
    labels[customer, place] = frame.label.to_numpy(dtype=np.float32)
    mask[customer, place] = True
    groups = None
    if _household(rows):
        household = np.unique(frame.household.to_numpy(dtype=str), return_inverse=True)[1]
        groups = np.zeros(len(names), dtype=np.int64)
        groups[customer] = household
    return CustomerExamples(features=features, labels=labels, mask=mask, groups=groups)


def _household(rows: ir.Table) -> list[str]:
    return ["household"] if "household" in rows.columns else []
