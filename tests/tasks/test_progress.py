"""Progress: for the person at the terminal, on standard error only."""

from __future__ import annotations

import re

import pytest
from rich.console import Console

from tasks import progress


def test_a_line_goes_to_standard_error(capsys):
    progress.say("Embedded shop: making its tables (once)")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "Embedded shop: making its tables (once)\n")


def test_without_a_terminal_a_bar_is_one_line_at_the_end(capsys):
    with progress.bar("train fraud", 3) as advance:
        for done in range(1, 4):
            advance(done, "epsilon spent <= 1.00")
        assert capsys.readouterr() == ("", "")
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"train fraud: done in \d+\.\d s\n", err)


def test_on_a_terminal_a_bar_shows_title_and_note(capsys, monkeypatch):
    monkeypatch.setattr(Console, "is_terminal", property(lambda console: True))
    with progress.bar("train fraud", 3) as advance:
        advance(2, "epsilon spent <= 1.00")
    out, err = capsys.readouterr()
    assert out == ""
    assert "train fraud" in err
    assert "epsilon spent <= 1.00" in err


def test_work_that_fails_is_not_called_done(capsys):
    def fail():
        with progress.bar("train fraud", 3):
            raise ValueError("stopped")

    with pytest.raises(ValueError, match="stopped"):
        fail()
    assert "done" not in capsys.readouterr().err
