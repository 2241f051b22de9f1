"""Stages: from a fault only its kind and its place come out."""

from __future__ import annotations

import json
import logging
import re
import traceback

import numpy as np
import pytest

from models.values.errors import PrivetError
from tasks.stage import StageFailed, scrubbed, stage

CANARY = "ann-5d1f@leak.example"


class Refused(PrivetError, ValueError):
    pass


def in_the_message():
    raise ValueError(f"could not convert {CANARY!r}")


def in_the_cause():
    try:
        in_the_message()
    except ValueError as error:
        raise RuntimeError("bad row") from error


def in_the_context():
    try:
        in_the_message()
    except ValueError:
        raise KeyError(CANARY)  # noqa: B904  # the context is what is tested


def in_the_locals():
    row = {"email": CANARY}
    return row["phone"]


def in_a_note():
    error = OSError("broken")
    error.add_note(CANARY)
    raise error


def in_a_group():
    raise ExceptionGroup(CANARY, [ValueError(CANARY)])


def in_the_library():
    return json.loads('{"a": ' + CANARY)


def in_a_name():
    return getattr(object(), CANARY)


FAULTS = [
    in_the_message,
    in_the_cause,
    in_the_context,
    in_the_locals,
    in_a_note,
    in_a_group,
    in_the_library,
    in_a_name,
]


def _failure(function):
    with pytest.raises(PrivetError) as caught:
        scrubbed(function)()
    return caught.value


def _all_of(error):
    """Everything that a log, a page or a debugger could show of an error, its locals included."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True, compact=False)
    return "".join([*shown.format(), repr(error), repr(vars(error)), repr(error.args)])


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_of_a_fault_leaves_the_stage(fault):
    error = _failure(fault)
    assert isinstance(error, StageFailed)
    assert error.__cause__ is None
    assert error.__context__ is None
    assert CANARY not in _all_of(error)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_kind_and_the_place_are_told(fault):
    text = str(_failure(fault))
    assert re.search(
        r"failed with [A-Za-z]+ at tests/tasks/test_stage\.py:\d+; its message is withheld", text
    )
    assert f"stage '{fault.__name__}'" in text
    assert "privet doctor" in text


def test_a_fault_of_a_library_is_placed_where_the_house_called_it():
    def stack():
        return np.stack([])

    text = str(_failure(stack))
    assert re.search(r"with ValueError at tests/tasks/test_stage\.py:\d+;", text)
    assert "site-packages" not in text


def test_a_privet_error_passes_without_its_chain():
    def refuse():
        try:
            in_the_message()
        except ValueError as error:
            raise Refused("table 'orders' has no column 'amount'; add it") from error

    error = _failure(refuse)
    assert type(error) is Refused
    assert str(error) == "table 'orders' has no column 'amount'; add it"
    assert error.__cause__ is error.__context__ is None
    assert CANARY not in _all_of(error)


def test_an_interruption_is_no_failure():
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scrubbed(interrupted)()


def test_a_logged_failure_holds_nothing_either(caplog):
    error = _failure(in_the_cause)
    logging.getLogger("test").error("stage failed", exc_info=error)
    assert "StageFailed" in caplog.text
    assert CANARY not in caplog.text


def test_a_stage_is_scrubbed_and_keeps_no_results():
    task = stage(timeout_seconds=60, tags={"privet"})(in_the_message)
    with pytest.raises(StageFailed):
        task.fn()
    assert task.persist_result is False
    assert task.log_prints is False
    assert task.retries == 0
    assert task.timeout_seconds == 60
    assert type(task.cache_policy).__name__ == "_None"


def test_what_a_stage_returns_passes():
    assert scrubbed(lambda number, *, by: number * by)(6, by=7) == 42
