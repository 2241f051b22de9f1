"""Fencing: a run waits a while for a server that is started again, and stops without an answer."""

from __future__ import annotations

from types import SimpleNamespace

import httpx
import pytest

from tasks import fencing


@pytest.fixture
def in_a_run(monkeypatch):
    context = SimpleNamespace(flow_run=SimpleNamespace(id="run"))
    monkeypatch.setattr(fencing, "FlowRunContext", SimpleNamespace(get=lambda: context))
    monkeypatch.setattr(fencing.time, "sleep", lambda seconds: None)


def _server(monkeypatch, *answers):
    remaining = list(answers)

    def asked(run):
        if (answer := remaining.pop(0)) is not None:
            raise answer

    monkeypatch.setattr(fencing, "_refuse_ended", asked)
    return remaining


def test_a_server_that_comes_back_is_asked_again(in_a_run, monkeypatch):
    left = _server(monkeypatch, httpx.ConnectError("refused"), httpx.ReadError("reset"), None)
    fencing.still_wanted()
    assert left == []


def test_what_comes_back_may_say_no(in_a_run, monkeypatch):
    _server(monkeypatch, httpx.ConnectError("refused"), fencing.RunEnded("declared crashed"))
    with pytest.raises(fencing.RunEnded):
        fencing.still_wanted()


def test_without_an_answer_the_run_stops(in_a_run, monkeypatch):
    monkeypatch.setattr(fencing, "PATIENCE_SECONDS", -1.0)
    _server(monkeypatch, httpx.ConnectError("refused"))
    with pytest.raises(
        fencing.NoAnswer, match=r"has not answered .* publishes nothing more; start the server"
    ):
        fencing.still_wanted()
