"""The line protocol: what a contender says, and how it fails."""

import sys

import pytest

from benchmarks.rivals.contender import Contender, Failed

SERVE = "from benchmarks.rivals.protocol import serve\n"
STEP = SERVE + "serve(lambda model, batch, mode: lambda: print(model, batch, mode))"


def _command(code: str) -> list[str]:
    return [sys.executable, "-c", code, "mlp", "256", "ghost"]


def test_steps_are_timed_without_the_first_ones_even_if_a_library_prints() -> None:
    contender = Contender(_command(STEP))
    contender.steps(3, untimed=2)
    contender.steps(2)
    contender.stop()
    assert len(contender.times) == 5
    assert all(seconds > 0 for seconds in [contender.warm, *contender.times])
    assert contender.peak_mib > 1


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (SERVE + "serve(lambda model, batch, mode: 1 / 0)", "ZeroDivisionError: division by zero"),
        (SERVE + "serve(lambda *asked: lambda: open(f'/no/{asked[2]}'))", "FileNotFoundError"),
        ("", "ended without an answer"),
    ],
)
def test_a_contender_that_cannot_is_told_by_its_own_word(code: str, why: str) -> None:
    with pytest.raises(Failed, match=why):
        Contender(_command(code))


def test_a_contender_that_dies_in_a_turn_is_noticed() -> None:
    contender = Contender(_command(STEP))
    contender._process.kill()
    contender._process.wait()
    with pytest.raises(Failed):
        contender.steps(1)
