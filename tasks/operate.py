"""Operation of the local servers: found or started, looked at, and stopped again.

Prefect's ephemeral mode is never used: it starts a server anew in every process and times out on a new
home. A server on loopback is started once, in the background, and stays until `privet down`.
This module does not import Prefect, whose settings must be in the environment before it is imported.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from infra.settings import Settings
from infra.storage import private_folder, write_new
from models.values.base import Value
from models.values.errors import PrivetError
from tasks import processes

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_UI_V2_ENABLED": "false",  # the second UI of Prefect 3.8 asks a host of Amplitude
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # seconds; infra/automations.yaml counts on it
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    "PREFECT_TASKS_DEFAULT_PERSIST_RESULT": "false",
    "PREFECT_LOGGING_LEVEL": "INFO",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # lines go to the server, where they can be read
    "PREFECT_LOGGING_LOG_PRINTS": "false",
    "PREFECT_CLI_PROMPT": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
}


WORD = "prefect"


class ServerError(PrivetError, ConnectionError):
    """A local server could not be started or reached."""


class Server(Value):
    """A running local Prefect server."""

    url: str
    pid: int

    @property
    def api(self) -> str:
        """The address that clients use."""
        return f"{self.url}/api"


def prepare_environment(settings: Settings) -> None:
    """Make the home, owner-only, and set what the libraries read when they are imported."""
    os.umask(0o077)  # for the files that libraries make: none is for others
    private_folder(settings.home)
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    os.environ["PREFECT_HOME"] = str(settings.prefect_home)
    for name in ("KERAS_HOME", "MPLCONFIGDIR"):  # or else these libraries write into the user's home
        os.environ.setdefault(name, str(settings.home / "libraries"))
    if not settings.prefect_api_url:
        os.environ["PREFECT_API_AUTH_STRING"] = login(settings)


def login(settings: Settings) -> str:
    """`name:password` of the local Prefect server. Without one, whoever reaches its port could run commands."""
    return f"privet:{kept_secret(settings.prefect_home / 'password')}"


def kept_secret(path: Path) -> str:
    """The secret in a file that only its owner can read; made at the first use, never a default one."""
    private_folder(path.parent)
    if not path.exists():
        with suppress(FileExistsError):
            write_new(path, [secrets.token_urlsafe(24).encode()])
    return path.read_text()


def ensure_server(settings: Settings) -> str:
    """The address of a Prefect API that answers: the configured one, a running local one or a new local one."""
    if settings.prefect_api_url:
        if not answers(settings.prefect_api_url):
            raise ServerError(
                f"no Prefect API answers at {settings.prefect_api_url}; start that server, "
                "or unset PRIVET_PREFECT_API_URL to use a local one"
            )
        return settings.prefect_api_url
    with locked(settings):
        server = running_server(settings) or _start(settings)
    _wait(server, settings)
    return server.api


def running_server(settings: Settings) -> Server | None:
    """The local server that this home started, if its process is still alive."""
    try:
        server = Server.model_validate_json(_state_file(settings).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return server if processes.runs(server.pid, WORD) else None


def died(settings: Settings) -> bool:
    """Whether a server of this home was started, not stopped by `privet down`, and is gone all the same."""
    return _state_file(settings).exists() and running_server(settings) is None


def stop_server(settings: Settings, *, patience_seconds: float = 10) -> bool:
    """Stop the local server of this home; False if none ran."""
    with locked(settings):
        server = running_server(settings)
        _state_file(settings).unlink(missing_ok=True)
        if server is None:
            return False
        signals = (signal.SIGTERM, signal.SIGKILL)
        if processes.stop(server.pid, WORD, signals=signals, patience_seconds=patience_seconds):
            return True
    raise ServerError(f"the Prefect server (process {server.pid}) does not stop; end it by hand")


def answers(api: str, *, timeout_seconds: float = 2) -> bool:
    """Whether a Prefect API answers at this address."""
    try:
        with urllib.request.urlopen(f"{api}/health", timeout=timeout_seconds) as reply:  # noqa: S310
            return bool(reply.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def _start(settings: Settings) -> Server:
    port = processes.free_port(_last_port(settings))
    command = [
        *(sys.executable, "-m", "tasks.prefect_server", "server", "start"),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]
    not_for_server = {"PREFECT_API_URL", "PREFECT_LOGGING_LEVEL", "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"}
    environment = {key: value for key, value in os.environ.items() if key not in not_for_server} | {
        "PREFECT_HOME": str(settings.prefect_home),
        "PREFECT_SERVER_API_AUTH_STRING": login(settings),
        "PREFECT_SERVER_UI_API_URL": f"http://127.0.0.1:{port}/api",  # the browser asks here, not port 4200
    }
    log = settings.prefect_home / "server.log"
    pid = processes.start(command, log=log, environment=environment)
    server = Server(url=f"http://127.0.0.1:{port}", pid=pid)
    _state_file(settings).write_text(server.model_dump_json())
    return server


def _last_port(settings: Settings) -> int:
    """The port of a server that died, so that runs and workers find the next one there; 0 if there is none."""
    try:
        return int(Server.model_validate_json(_state_file(settings).read_text()).url.rpartition(":")[2])
    except (FileNotFoundError, ValueError):
        return 0


def _wait(server: Server, settings: Settings) -> None:
    deadline = time.monotonic() + settings.server_wait_seconds
    while time.monotonic() < deadline:
        if answers(server.api):
            return
        if not processes.runs(server.pid, WORD):
            raise ServerError(
                f"the Prefect server ended while it started; see {settings.prefect_home / 'server.log'} "
                "and run `privet doctor`"
            )
        time.sleep(0.2)
    raise ServerError(
        f"the Prefect server did not answer within {settings.server_wait_seconds} s; try again, "
        "or raise PRIVET_SERVER_WAIT_SECONDS"
    )


def _state_file(settings: Settings) -> Path:
    return settings.prefect_home / "server.json"


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Only one command at a time starts or stops servers of a home."""
    settings.prefect_home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (settings.prefect_home / "server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
