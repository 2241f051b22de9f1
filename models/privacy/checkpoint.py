"""Checkpoints: the whole state of a training after a step, as bytes without pickles.

They hold exact private numbers (who took part, weights before the noise of all steps is in): internal, to be
encrypted by whoever stores them. The state of the noise source is not among them: its key is never stored,
and a resumed training draws from a new one.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.privacy.errors import PrivacyError
from models.privacy.lazy import LazyState
from models.privacy.plan import PrivacyPlan
from models.privacy.runlog import StepLog


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """Where checkpoints go, and the last one of a training that is to go on."""

    save: Callable[[bytes], None]
    last: bytes | None = field(default=None, repr=False)


def dump(
    plan: PrivacyPlan,
    model: Any,
    optimizer: Any,
    steps: list[StepLog],
    losses: list[float],
    tables: list[LazyState],
) -> bytes:
    """The state as an archive of arrays."""
    facts = {
        "plan": plan.digest(),
        "steps": [step.model_dump() for step in steps],
        "losses": losses,
        "tables": [{"row_steps": table.row_steps, "variance": table.variance} for table in tables],
    }
    arrays: dict[str, Any] = {"facts": np.frombuffer(json.dumps(facts).encode(), np.uint8)}
    arrays |= {f"variable{number}": np.asarray(v) for number, v in enumerate(_variables(model, optimizer))}
    for number, table in enumerate(tables):
        arrays |= {f"upto{number}": table.upto, f"variances{number}": table.variances}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def load(
    contents: bytes, plan: PrivacyPlan, model: Any, optimizer: Any
) -> tuple[list[StepLog], list[float], list[LazyState]]:
    """Set model and optimiser (built) to the state in `contents`; the rest is returned.

    Raises PrivacyError for a checkpoint of another plan or model.
    """
    with np.load(io.BytesIO(contents), allow_pickle=False) as arrays:
        facts = json.loads(arrays["facts"].tobytes())
        variables = _variables(model, optimizer)
        stored = [arrays[f"variable{number}"] for number in range(_count(arrays, "variable"))]
        if facts["plan"] != plan.digest():
            raise PrivacyError("the checkpoint belongs to another plan; resume under its own or start anew")
        if [value.shape for value in stored] != [tuple(variable.shape) for variable in variables]:
            raise PrivacyError("the checkpoint belongs to another model or optimiser; resume with its own")
        tables = [
            LazyState(upto=arrays[f"upto{number}"], variances=arrays[f"variances{number}"], **kept)
            for number, kept in enumerate(facts["tables"])
        ]
    for variable, value in zip(variables, stored, strict=True):
        variable.assign(value)
    return [StepLog.model_validate(step) for step in facts["steps"]], list(facts["losses"]), tables


def _variables(model: Any, optimizer: Any) -> list[Any]:
    return [*model.variables, *optimizer.variables]


def _count(arrays: Any, prefix: str) -> int:
    return sum(name.startswith(prefix) for name in arrays.files)
