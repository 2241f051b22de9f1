"""The gate's execution engine for Great Expectations: every metric is a question to the judge."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read when the library is imported, on the next lines

import great_expectations as gx
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.execution_engine import ExecutionEngine
from great_expectations.expectations.metrics.metric_provider import MetricProvider, metric_value
from great_expectations.validator.validator import Validator

from models.values.errors import PrivetError

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation import Expectation

    from expectations.gates.judge import Judge

BROKEN = "gate.broken"
_LOUD = ("great_expectations", "sqlalchemy")


class AskingEngine(ExecutionEngine):  # type: ignore[misc]  # untyped library
    """Asks a judge about one table. It holds no rows, and the gate's expectations have no row conditions."""

    def __init__(self, judge: Judge, table: str) -> None:
        super().__init__()
        self._judge, self._table = judge, table
        self._answers: dict[tuple[str, str], bool | PrivetError] = {}

    def broken(self, rows: str, query: str) -> bool:
        """Whether the question finds a row. It is asked once: after a fault GX asks all that is open again."""
        asked = (rows, query)
        if asked not in self._answers:
            try:
                self._answers[asked] = self._judge.finds(self._table, rows, query)
            except PrivetError as fault:
                self._answers[asked] = fault
        answer = self._answers[asked]
        if isinstance(answer, PrivetError):
            raise answer
        return answer

    def resolve_metric_bundle(self, metric_fn_bundle: Any) -> dict[Any, Any]:
        """None of the metrics are bundled."""
        return {}

    def _refused(self, *_: Any) -> NoReturn:
        raise NotImplementedError("the gate's expectations judge whole tables")

    get_batch_data_and_markers = _refused
    _comparison_condition_to_filter_clause = _nullity_condition_to_filter_clause = _refused
    _and_condition_to_filter_clause = _or_condition_to_filter_clause = _refused


class Broken(MetricProvider):  # type: ignore[misc]  # untyped library
    """The metric of all the gate's expectations: whether the table has what breaks them."""

    metric_name = BROKEN
    domain_keys = ("batch_id",)
    value_keys = ("rows_query", "unexpected_rows_query")

    @metric_value(engine=AskingEngine)  # type: ignore[untyped-decorator]  # untyped library
    def _asked(
        cls,  # noqa: N805  # the decorator makes it a method of the class
        execution_engine: AskingEngine,
        metric_value_kwargs: dict[str, str],
        **_: Any,
    ) -> bool:
        return execution_engine.broken(*(metric_value_kwargs[key] for key in Broken.value_keys))


def validated(
    judge: Judge, table: str, expectations: Sequence[Expectation]
) -> list[ExpectationValidationResult]:
    """The results of a suite of expectations on one table, in a context of its own that keeps no files."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    suite = gx.ExpectationSuite(name="gate", expectations=list(expectations))
    validator = Validator(execution_engine=AskingEngine(judge, table), data_context=context)
    found: list[ExpectationValidationResult] = validator.graph_validate(
        configurations=suite.expectation_configurations,
        runtime_configuration={"result_format": "BOOLEAN_ONLY"},
    )
    return found


@contextmanager
def quiet() -> Iterator[None]:
    """No log records of GX: at DEBUG they hold queries and the engine's messages."""

    inside = tuple(f"{loud}." for loud in _LOUD)
    children = [name for name in logging.root.manager.loggerDict if name.startswith(inside)]
    silenced = [
        logging.getLogger(name) for name in (*_LOUD, *children)
    ]  # a child may have a handler of its own
    before = [(logger, logger.propagate, logger.handlers) for logger in silenced]
    for logger in silenced:
        logger.propagate, logger.handlers = False, [logging.NullHandler()]
    try:
        yield
    finally:
        for logger, propagate, handlers in before:
            logger.propagate, logger.handlers = propagate, handlers
