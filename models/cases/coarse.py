"""Coarser features: each rounded to a public step, in training and in scoring alike.

The step depends on the level alone, so a customer's values still decide about that customer only (docs/privacy.md,
rule 1). Features of these cases are scaled by public constants to about [-3, 3].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from models.cases.case import CaseError, UseCase

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd
    import pyarrow as pa

STEPS: Final = (None, 1 / 8, 1 / 4, 1 / 2, 1.0)  # by level


def coarser(
    case: UseCase,
    level: int,
    columns: tuple[str, ...],
    served: Callable[[pd.DataFrame], ir.Table],
    told: Callable[[pa.Table], pd.DataFrame],
) -> UseCase:
    """`case` with `columns` of its features rounded; level 0 is the case itself.

    `served` makes features of a request, `told` an answer of scores. Raises CaseError for an unknown level.
    """
    if not 0 <= level < len(STEPS):
        raise CaseError(f"level {level} of coarser values is not in 0..{len(STEPS) - 1}; choose one of these")
    step = STEPS[level]
    if step is None:
        return case

    def read(rows: ir.Table) -> ir.Table:
        return rows.mutate(**{name: (rows[name] / step).round() * step for name in columns})

    def score(rows: ir.Table, model: Any, facts: Any) -> pa.Table:
        return case.score(read(rows), model, facts)

    return replace(
        case,
        examples=lambda rows, part, facts: case.examples(read(rows), part, facts),
        score=score,
        answer=lambda frame, model, facts: told(score(served(frame), model, facts)),
    )
