"""The MLflow server of a home: on loopback, with a login, on the very store that the flows write to.

Flows write to the store's file themselves and need no running server; the server is for readers. Its login is
`privet` with a password made for this home; MLflow keeps only its hash.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from infra.settings import Settings
from infra.storage import make_private_file
from models.values.base import Value
from tasks import operate, processes
from tasks.operate import ServerError

USER = "privet"
_WORD = "mlflow"
_AUTH = """[mlflow]
default_permission = READ
database_uri = sqlite:///{database}
admin_username = {user}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""


class Mlflow(Value):
    """A running MLflow server."""

    url: str
    pid: int


def password_file(settings: Settings) -> Path:
    """The file with the password of MLflow's login."""
    return settings.home / "mlflow" / "password"


def start(settings: Settings) -> Mlflow:
    """The MLflow server of this home: the running one, or a new one that may not answer yet."""
    with operate.locked(settings):
        return running(settings) or _start(settings)


def running(settings: Settings) -> Mlflow | None:
    """The MLflow server that this home started, if its process is still alive."""
    try:
        server = Mlflow.model_validate_json(_state_file(settings).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return server if processes.runs(server.pid, _WORD) else None


def wait(server: Mlflow, settings: Settings) -> None:
    """Wait until the server answers. Raises ServerError if it ends or takes too long."""
    deadline = time.monotonic() + settings.server_wait_seconds
    log = settings.home / "mlflow" / "server.log"
    while not answers(server.url):
        if not processes.runs(server.pid, _WORD):
            raise ServerError(f"the MLflow server ended while it started; see {log} and run `privet doctor`")
        if time.monotonic() > deadline:
            raise ServerError(
                f"the MLflow server did not answer within {settings.server_wait_seconds} s; see {log}, "
                "or raise PRIVET_SERVER_WAIT_SECONDS"
            )
        time.sleep(0.3)


def stop(settings: Settings, *, patience_seconds: float = 10) -> bool:
    """Stop the MLflow server of this home; False if none ran."""
    with operate.locked(settings):
        server = running(settings)
        _state_file(settings).unlink(missing_ok=True)
        if server is None:  # killed, it leaves a child that goes on serving
            return processes.end_marked(_mark(settings), patience_seconds=patience_seconds)
        signals = (signal.SIGTERM, signal.SIGKILL)
        if not processes.stop(server.pid, _WORD, signals=signals, patience_seconds=patience_seconds):
            raise ServerError(f"the MLflow server (process {server.pid}) does not stop; end it by hand")
        return True


def died(settings: Settings) -> bool:
    """Whether a server of this home was started, not stopped by `privet down`, and is gone all the same."""
    return _state_file(settings).exists() and running(settings) is None


def answers(url: str, *, timeout_seconds: float = 2) -> bool:
    """Whether an MLflow server answers at this address."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=timeout_seconds) as reply:  # noqa: S310
            return bool(reply.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def _start(settings: Settings) -> Mlflow:
    processes.end_marked(_mark(settings), patience_seconds=5)  # what a killed one left
    folder = settings.home / "mlflow"
    password = operate.kept_secret(password_file(settings))
    for database in (folder / "mlflow.db", folder / "logins.db"):
        make_private_file(database)
    login = folder / "login.ini"
    login.write_text(_AUTH.format(database=folder / "logins.db", user=USER))
    port = processes.free_port()
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth", "--workers", "1"),
        *("--host", "127.0.0.1", "--port", str(port), "--backend-store-uri", settings.mlflow_uri),
        *("--default-artifact-root", settings.mlflow_artifacts.as_uri(), "--no-serve-artifacts"),
    ]
    environment = os.environ | {
        "MLFLOW_AUTH_CONFIG_PATH": str(login),
        "MLFLOW_AUTH_ADMIN_PASSWORD": password,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(32),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # seven more processes, for what Privet does not use
    }
    pid = processes.start(command, log=folder / "server.log", environment=environment, mark=_mark(settings))
    server = Mlflow(url=f"http://127.0.0.1:{port}", pid=pid)
    _state_file(settings).write_text(server.model_dump_json())
    return server


def _mark(settings: Settings) -> str:
    return processes.mark_of("mlflow", settings.home)


def _state_file(settings: Settings) -> Path:
    return settings.home / "mlflow" / "server.json"
