"""Settings: every variable known, typed, and never shown."""

import os
from pathlib import Path

import pytest

from infra.settings import Settings, SettingsError


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.upper().startswith("PRIVET_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_defaults_are_absolute_and_below_home(tmp_path):
    settings = Settings.load()
    assert settings.home == tmp_path / ".privet"
    assert settings.threads == os.cpu_count()
    assert (settings.memory_limit, settings.prefect_api_url) == ("4GB", None)
    assert settings.server_wait_seconds == 180
    places = [settings.zones_dir, settings.keys_dir, settings.work_dir, settings.ledger_path]
    places += [settings.audit_path, settings.mlflow_artifacts, settings.prefect_home, settings.reports_dir]
    assert all(place.is_relative_to(settings.home) for place in places)
    assert len(set(places)) == len(places)
    assert settings.mlflow_uri == f"sqlite:///{tmp_path}/.privet/mlflow/mlflow.db"


def test_environment_is_read(monkeypatch):
    monkeypatch.setenv("PRIVET_HOME", "~/elsewhere")
    monkeypatch.setenv("PRIVET_THREADS", "3")
    monkeypatch.setenv("PRIVET_PREFECT_API_URL", "")
    monkeypatch.setenv("PRIVET_BENCH_DATA", "/anywhere")
    settings = Settings.load()
    assert settings.home == Path.home() / "elsewhere"
    assert (settings.threads, settings.prefect_api_url) == (3, None)


@pytest.mark.parametrize("name", ["PRIVET_THREAD", "privet_homes", "PRIVET_"])
def test_unknown_variable_is_refused_with_the_known_ones(monkeypatch, name):
    monkeypatch.setenv(name, "canary-value")
    with pytest.raises(SettingsError, match="PRIVET_THREADS") as caught:
        Settings.load()
    assert name in str(caught.value)
    assert "canary-value" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("THREADS", "0"),
        ("THREADS", "canary"),
        ("MEMORY_LIMIT", "canary"),
        ("MEMORY_LIMIT", "4GB'; DROP"),
        ("PREFECT_API_URL", "canary"),
        ("SERVER_WAIT_SECONDS", "-1"),
    ],
)
def test_bad_value_is_refused_and_not_shown(monkeypatch, name, value):
    monkeypatch.setenv(f"PRIVET_{name}", value)
    with pytest.raises(SettingsError, match=f"PRIVET_{name}: ") as caught:
        Settings.load()
    assert len(value) < 3 or value not in str(caught.value)


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Settings.load().threads = 9
