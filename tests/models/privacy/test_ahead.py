from __future__ import annotations

import os
import threading
from typing import Any

import pytest

from models.privacy.ahead import Ahead
from models.privacy.errors import PrivacyError


def _counting() -> Any:
    made: list[int] = []

    def make() -> int:
        made.append(len(made))
        return made[-1]

    return make


def test_everything_made_is_taken_once_and_in_order() -> None:
    ahead = Ahead(_counting())
    assert [ahead.take(more=more) for more in (True, True, False, False, True, False)] == [0, 1, 2, 3, 4, 5]


def test_the_next_is_made_by_another_thread_while_one_is_used() -> None:
    by: list[str] = []
    ahead = Ahead(lambda: by.append(threading.current_thread().name))
    ahead.take(more=True)
    ahead.take(more=False)
    assert by[0] == threading.current_thread().name
    assert by[1].startswith("noise")


def test_what_is_outstanding_can_be_changed() -> None:
    ahead = Ahead(_counting())
    assert ahead.outstanding() is None
    ahead.take(more=True)
    assert ahead.outstanding() == 1
    ahead.put_back(10)
    assert [ahead.take(more=True), ahead.take(more=False)] == [10, 2]
    assert ahead.outstanding() is None


def test_an_error_reaches_who_takes() -> None:
    ahead: Ahead[int] = Ahead(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        ahead.take(more=False)


def test_a_forked_process_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = Ahead(_counting())
    ahead.take(more=True)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(PrivacyError, match="the same noise"):
        ahead.take(more=False)
