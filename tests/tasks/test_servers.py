"""The login of local servers and the MLflow server's state: nothing default, nothing open, nobody else's process."""

from __future__ import annotations

import stat
import subprocess

import pytest

from infra.settings import Settings
from tasks import operate, servers, workers

STALE = ["", "{", "[]", '{"url": "http://127.0.0.1:1"}', '{"pool": "cpu", "api": "x", "pid": "y"}']


@pytest.fixture
def settings(home, monkeypatch) -> Settings:
    monkeypatch.delenv("PRIVET_PREFECT_API_URL", raising=False)
    return Settings.load()


def test_a_secret_is_made_once_and_is_its_owners_alone(tmp_path):
    path = tmp_path / "new" / "password"
    secret = operate.kept_secret(path)
    assert operate.kept_secret(path) == secret
    assert len(secret) >= 30
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert operate.kept_secret(tmp_path / "other") != secret


def test_both_servers_have_passwords_of_their_own(settings):
    name, _, password = operate.login(settings).partition(":")
    assert name == "privet"
    assert password != operate.kept_secret(servers.password_file(settings))


@pytest.mark.parametrize("content", STALE, ids=repr)
def test_a_state_file_that_says_nothing_is_nothing_running(settings, content):
    for folder, name in ((settings.home / "mlflow", "server"), (settings.prefect_home, "worker-cpu")):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(content)
    assert servers.running(settings) is None
    assert workers.running(settings, "cpu") is None
    assert servers.stop(settings) is False
    assert workers.stop(settings) == ()


def test_the_process_of_another_program_is_not_stopped(settings):
    other = subprocess.Popen(["sleep", "60"])
    try:
        (settings.home / "mlflow").mkdir(parents=True)
        state = servers.Mlflow(url="http://127.0.0.1:1", pid=other.pid)
        (settings.home / "mlflow" / "server.json").write_text(state.model_dump_json())
        assert servers.stop(settings) is False
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_server_that_ends_at_once_is_told(settings, monkeypatch):
    monkeypatch.setattr(servers.sys, "executable", "/bin/false")
    with pytest.raises(operate.ServerError, match=r"MLflow server ended while it started; see .*server\.log"):
        servers.wait(servers.start(settings), settings)
