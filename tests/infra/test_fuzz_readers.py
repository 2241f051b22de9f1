"""The fuzz target, run: nothing but a PrivetError comes out of a stranger's file, in time and without its values."""

from __future__ import annotations

import os

import pytest

from tests.infra import fuzz_readers

SECONDS = float(os.environ.get("FUZZ_SECONDS", "120"))


def told(found: list[fuzz_readers.Finding]) -> list[str]:
    return [f"{finding.target}: {finding.why} {finding.content[:400]!r}" for finding in found]


def test_a_few_mutations_are_read_or_refused():
    count, found = fuzz_readers.fuzz(seed=7, inputs=200)
    assert told(found) == []
    assert {ended.split()[0] for ended in count} == set(fuzz_readers.corpus())
    assert {ended.split()[1] for ended in count} == {"read", "refused"}


@pytest.mark.prove
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_many_mutations_are_read_or_refused(seed):
    _, found = fuzz_readers.fuzz(seed=seed, seconds=SECONDS / 3)
    assert told(found) == []


def test_the_target_finds_what_it_looks_for(monkeypatch):
    """A reader that raises another kind, one that says a value, and one that hangs."""
    monkeypatch.setattr(fuzz_readers, "LIMIT_SECONDS", 1)

    def bad(_: bytes) -> None:
        raise KeyError("x")

    def leaking(_: bytes) -> None:
        raise fuzz_readers.PrivetError(fuzz_readers.CANARY)

    def hanging(_: bytes) -> None:
        while True:
            pass

    import signal

    before = signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(fuzz_readers.TooSlowError))
    try:
        ends = [fuzz_readers.tried("utf-8", act, b"x") for act in (bad, leaking, hanging)]
    finally:
        signal.signal(signal.SIGALRM, before)
    assert [end for end, _ in ends] == ["raised", "refused", "slow"]
    assert all(finding for _, finding in ends)
