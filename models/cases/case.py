"""A use case: what is learnt from which tables, by which features, with which public choices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from models.privacy.examples import CustomerExamples
from models.privacy.plan import PrivacyPlan
from models.values.base import Value
from models.values.errors import PrivetError
from models.values.scope import Measure
from models.values.target import PrivacyTarget

if TYPE_CHECKING:
    import ibis.expr.types as ir


class CaseError(PrivetError, ValueError):
    """Tables or a name that a use case cannot work with."""


class Recipe(Value):
    """The public choices of a training; they were made on public synthetic data, never on a shop's own."""

    sampling_rate: float = Field(gt=0, le=1)
    steps: int = Field(ge=1)
    max_examples: int = Field(ge=1)
    clipping_norm: float = Field(gt=0)
    learning_rate: float = Field(gt=0)

    def plan(self, target: PrivacyTarget) -> PrivacyPlan:
        """The plan of this recipe under `target`, with the least noise that keeps it.

        Raises CaseError for a target whose delta is an exception: customers' data is trained on by the rule.
        """
        if target.delta_exception is not None:
            raise CaseError("a use case takes no exception from delta <= 1/(10 N); lower delta")
        return PrivacyPlan.calibrate(
            target,
            expected_batch=self.sampling_rate * target.n_public,
            steps=self.steps,
            max_examples=self.max_examples,
            clipping_norm=self.clipping_norm,
        )


@dataclass(frozen=True, kw_only=True)
class UseCase:
    """One use case. `tables` names the released event tables in the order in which `features` takes them.

    `features(*tables)` gives one row per example: a customer's columns come from that customer's own rows
    and public constants only. `examples(features, part)` turns them into arrays for one part of the
    customers (train, test, holdout). `build_model()` and `optimizer()` are fresh at every call; the model
    ends in one log-odds. `loss(labels, outputs)` is per example. `baseline` is what a constant reaches.
    """

    name: str
    title: str
    tables: dict[str, tuple[str, ...]]
    feature_names: tuple[str, ...]
    features: Callable[..., ir.Table]
    examples: Callable[[ir.Table, str], CustomerExamples]
    build_model: Callable[[], Any]
    optimizer: Callable[[], Any]
    loss: Callable[[Any, Any], Any]
    recipe: Recipe
    metric: str
    baseline: Measure


def require_columns(table: ir.Table, columns: tuple[str, ...], name: str) -> None:
    """Raise CaseError if `table` lacks one of `columns`, naming them."""
    if missing := [column for column in columns if column not in table.columns]:
        raise CaseError(
            f"table {name!r} lacks column {', '.join(missing)}; add it to the release's columns in the spec"
        )
