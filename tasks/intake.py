"""Intake: the spec, pinned for a run."""

from __future__ import annotations

from pathlib import Path

from infra.spec import read_spec
from models.values.stage import SpecRef
from tasks.stage import scrubbed, stage


@stage(timeout_seconds=60, tags={"privet"})
def pin(path: str) -> SpecRef:
    """Read and check the spec; the reference fixes what it says for this run."""
    return SpecRef(path=str(Path(path).resolve()), policy_hash=read_spec(Path(path)).digest())


@scrubbed
def use_cases(path: str) -> tuple[str, ...]:
    """The use cases of a spec, in its order."""
    return tuple(read_spec(Path(path)).use_cases)
