"""Operation of the local server: what is left of an old one harms nobody, and a real one comes and goes."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from infra.settings import Settings
from tasks import operate

STALE = ["", "{", "[]", '{"url": "http://127.0.0.1:1"}', '{"url": "http://127.0.0.1:1", "pid": "x"}']


@pytest.fixture
def settings(home, monkeypatch) -> Settings:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.delenv("PRIVET_PREFECT_API_URL", raising=False)
    settings = Settings.load()
    settings.prefect_home.mkdir(parents=True, mode=0o700)
    return settings


@pytest.fixture
def other_program() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def _remember(settings, pid, url="http://127.0.0.1:1"):
    state = settings.prefect_home / "server.json"
    state.write_text(operate.Server(url=url, pid=pid).model_dump_json())
    return state


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("content", STALE, ids=repr)
def test_a_state_file_that_says_nothing_is_no_server(settings, content):
    (settings.prefect_home / "server.json").write_text(content)
    assert operate.running_server(settings) is None
    assert operate.stop_server(settings) is False


def test_without_a_state_file_no_server_runs(settings):
    assert operate.running_server(settings) is None
    assert operate.stop_server(settings) is False


def test_a_dead_process_is_no_server_and_its_state_is_forgotten(settings):
    process = subprocess.Popen([sys.executable, "-c", "'prefect'"])
    process.wait()
    state = _remember(settings, process.pid)
    assert operate.running_server(settings) is None
    assert operate.stop_server(settings) is False
    assert not state.exists()


def test_a_child_that_ended_unseen_is_no_server(settings):
    process = subprocess.Popen([sys.executable, "-c", "'prefect'"], stdout=subprocess.PIPE)
    process.stdout.read()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    _remember(settings, process.pid)
    assert operate.running_server(settings) is None


def test_the_process_of_another_program_is_not_killed(settings, other_program):
    state = _remember(settings, other_program.pid)
    assert operate.running_server(settings) is None
    assert operate.stop_server(settings) is False
    assert other_program.poll() is None
    assert not state.exists()


def test_a_process_is_recognised_from_its_first_moment(settings):
    from tasks import processes

    command = [sys.executable, "-c", "import time; 'prefect'; time.sleep(0.2)"]
    for number in range(10):
        pid = processes.start(command, log=settings.prefect_home / f"{number}.log", environment=os.environ)
        assert processes.runs(pid, "prefect")


def test_a_port_that_nobody_holds_does_not_answer():
    assert operate.answers(f"http://127.0.0.1:{_free_port()}/api") is False


def test_a_port_that_holds_its_tongue_does_not_answer():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        api = f"http://127.0.0.1:{silent.getsockname()[1]}/api"
        assert operate.answers(api, timeout_seconds=0.2) is False


@pytest.mark.parametrize(("status", "answer"), [(200, True), (204, False), (404, False), (503, False)])
def test_only_health_with_status_200_is_an_answer(status, answer):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == "/api/health" else 500)
            self.end_headers()

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert operate.answers(f"http://127.0.0.1:{server.server_port}/api") is answer


@pytest.mark.parametrize("api", ["", "nonsense", "http://", "http://127.0.0.1:99999999/api"])
def test_what_is_no_address_does_not_answer(api):
    assert operate.answers(api, timeout_seconds=0.2) is False


def test_a_configured_server_that_does_not_answer_is_told(settings):
    api = f"http://127.0.0.1:{_free_port()}/api"
    with pytest.raises(operate.ServerError, match=r"no Prefect API answers at .*; start that server"):
        operate.ensure_server(settings.model_copy(update={"prefect_api_url": api}))
    assert not (settings.prefect_home / "server.json").exists()


def test_a_server_that_ends_at_once_is_told(settings, monkeypatch):
    monkeypatch.setattr(operate.sys, "executable", "/bin/false")
    with pytest.raises(operate.ServerError, match=r"ended while it started; see .*server\.log"):
        operate.ensure_server(settings)


def test_the_environment_is_quiet_and_the_home_private(settings, monkeypatch):
    for name in operate.QUIET:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("PREFECT_HOME", "/elsewhere")
    new = settings.model_copy(update={"home": settings.home / "new"})
    operate.prepare_environment(new)
    assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert os.environ["PREFECT_RESULTS_PERSIST_BY_DEFAULT"] == "false"
    assert os.environ["PREFECT_HOME"] == str(new.prefect_home)
    assert stat.S_IMODE(new.home.stat().st_mode) == 0o700


@pytest.mark.server
def test_a_real_server_starts_once_answers_and_stops(settings, monkeypatch):
    monkeypatch.setenv("PREFECT_HOME", str(settings.prefect_home))
    operate.prepare_environment(settings)
    previous = os.umask(0)
    try:
        api = operate.ensure_server(settings)
    finally:
        os.umask(previous)
    try:
        assert api.startswith("http://127.0.0.1:")
        assert operate.answers(api)
        assert operate.ensure_server(settings) == api
        files = [path for path in settings.prefect_home.rglob("*") if path.is_file()]
        databases = [path.name for path in files if path.name.startswith("prefect.db")]
        assert databases
        open_to_others = [
            path.name
            for path in files
            if path.name.startswith(("prefect.db", "server.log")) and path.stat().st_mode & 0o077
        ]
        assert open_to_others == []
    finally:
        assert operate.stop_server(settings) is True
    assert not operate.answers(api, timeout_seconds=0.5)
    assert operate.running_server(settings) is None
    assert operate.stop_server(settings) is False
