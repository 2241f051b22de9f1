"""Operation of the local servers: found or started, looked at, and stopped again.

Prefect's ephemeral mode is never used: it starts a server anew in every process and times out on a new
home. A server on loopback is started once, in the background, and stays until `privet down`.
This module does not import Prefect, whose settings must be in the environment before it is imported.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from infra.settings import Settings
from models.values.base import Value
from models.values.errors import PrivetError

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
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
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    os.environ["PREFECT_HOME"] = str(settings.prefect_home)


def ensure_server(settings: Settings) -> str:
    """The address of a Prefect API that answers: the configured one, a running local one or a new local one."""
    if settings.prefect_api_url:
        if not answers(settings.prefect_api_url):
            raise ServerError(
                f"no Prefect API answers at {settings.prefect_api_url}; start that server, "
                "or unset PRIVET_PREFECT_API_URL to use a local one"
            )
        return settings.prefect_api_url
    with _locked(settings):
        server = running_server(settings) or _start(settings)
    _wait(server, settings)
    return server.api


def running_server(settings: Settings) -> Server | None:
    """The local server that this home started, if its process is still alive."""
    try:
        server = Server.model_validate_json(_state_file(settings).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return server if _is_ours(server.pid) else None


def stop_server(settings: Settings, *, patience_seconds: float = 10) -> bool:
    """Stop the local server of this home; False if none ran."""
    with _locked(settings):
        server = running_server(settings)
        _state_file(settings).unlink(missing_ok=True)
        if server is None:
            return False
        for number in (signal.SIGTERM, signal.SIGKILL):
            _signal(server.pid, number)
            deadline = time.monotonic() + patience_seconds
            while time.monotonic() < deadline:
                if not _is_ours(server.pid):
                    return True
                time.sleep(0.1)
    raise ServerError(f"the Prefect server (process {server.pid}) does not stop; end it by hand")


def answers(api: str, *, timeout_seconds: float = 2) -> bool:
    """Whether a Prefect API answers at this address."""
    try:
        with urllib.request.urlopen(f"{api}/health", timeout=timeout_seconds) as reply:  # noqa: S310
            return bool(reply.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def _start(settings: Settings) -> Server:
    settings.prefect_home.mkdir(parents=True, exist_ok=True, mode=0o700)
    port = _free_port()
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    not_for_server = {"PREFECT_API_URL", "PREFECT_LOGGING_LEVEL", "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"}
    environment = {key: value for key, value in os.environ.items() if key not in not_for_server}
    log = settings.prefect_home / "server.log"
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
            umask=0o077,
            env={
                **environment,
                "PREFECT_HOME": str(settings.prefect_home),
                "PREFECT_SERVER_UI_API_URL": f"http://127.0.0.1:{port}/api",  # the browser asks here, not port 4200
            },
        )
    finally:
        os.close(descriptor)
    server = Server(url=f"http://127.0.0.1:{port}", pid=process.pid)
    _state_file(settings).write_text(server.model_dump_json())
    return server


def _wait(server: Server, settings: Settings) -> None:
    deadline = time.monotonic() + settings.server_wait_seconds
    while time.monotonic() < deadline:
        if answers(server.api):
            return
        if not _is_ours(server.pid):
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


def _is_ours(pid: int) -> bool:
    """Whether the process lives and is a Prefect server (a number may have been given to another program)."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # if it is our own child and has ended, let it go
    if not Path("/proc/self").exists():
        return _signal(pid, 0)
    try:
        return b"prefect" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _signal(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    settings.prefect_home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (settings.prefect_home / "server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
