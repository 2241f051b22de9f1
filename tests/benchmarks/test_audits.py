"""What the benchmark of audits calls found, and which audits it measures."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from benchmarks import _audits
from models.values.risk import OWN_PARTS
from tests.infra.report import evidence_sample as sample

AUDIT = sample.risk().audits[0]


@pytest.mark.parametrize(("found", "holds"), [(27, False), (29, False), (30, True)])
def test_a_power_holds_by_its_lower_bound(found: int, holds: bool) -> None:
    answers = iter([True] * found + [False] * (30 - found))
    line: Any = _audits._found("a bug", nullcontext(), lambda: AUDIT, lambda _: next(answers))
    assert line["holds"] is holds
    assert line["measured"]["chance at least"] <= found / 30
    if found == 30:
        assert line["measured"]["chance at least"] == 0.905


def test_what_is_measured_is_what_every_training_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """No audit of correct runs is a shorter one."""
    asked: list[dict[str, Any]] = []
    for name in ("audit_one_run", "audit_epsilon"):
        monkeypatch.setattr(_audits, name, lambda _, **named: asked.append(named) or AUDIT)
    assert len(list(_audits.claims())) == 7
    assert len(asked) == 5 * 30 + 2 * 100
    same = {"audited": "benchmark", "claimed": 2.0, "audits": OWN_PARTS}
    assert all(named in (same, same | {"canaries": 5000}) for named in asked)
