"""A standalone Spark cluster on this machine: a master and workers on the loopback, to try and to test Privet on Spark.

`python -m infra.spark_cluster FOLDER` runs one until it is interrupted. A cluster of several machines is set up in the
same way; docs/spark.md says how.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from infra.engine_errors import EngineError
from infra.storage import private_folder, write_new

HOST = "127.0.0.1"
START_SECONDS = 120
# Members know each other by a secret and speak in cipher; nobody can submit a program over HTTP.
MEMBERS = {
    "spark.authenticate": "true",
    "spark.network.crypto.enabled": "true",
    "spark.network.crypto.saslFallback": "false",
    "spark.io.encryption.enabled": "true",
    "spark.master.rest.enabled": "false",
    "spark.ui.killEnabled": "false",
    "spark.worker.cleanup.enabled": "true",
}


class Cluster(NamedTuple):
    """Where a cluster is (`spark://host:port`), and the file with the secret of its members."""

    master: str
    secret_file: Path


@contextmanager
def standalone_cluster(
    folder: Path, *, workers: int = 2, cores: int = 1, memory: str = "1536m"
) -> Iterator[Cluster]:
    """A master and `workers`, whose files lie in the new folder `folder`; they end with the block.

    Errors: EngineError if Spark is missing, or the workers do not register in time.
    """
    found = find_spec("pyspark")
    if found is None or found.origin is None:
        raise EngineError("a Spark cluster needs Spark; run `make spark`")
    private_folder(folder)
    secret_file, settings = folder / "secret", folder / "members.conf"
    secret = secrets.token_hex(32)
    write_new(secret_file, [secret.encode()])
    given = MEMBERS | {"spark.authenticate.secret": secret, "spark.local.dir": str(folder / "local")}
    write_new(settings, ["".join(f"{name} {value}\n" for name, value in given.items()).encode()])
    start = _Start(Path(found.origin).parent, folder, settings)
    port, page = _free_port(), _free_port()
    running: list[subprocess.Popen[bytes]] = []
    try:
        running.append(start("master.Master", "--port", str(port), "--webui-port", str(page)))
        master = f"spark://{HOST}:{port}"
        _wait(page, running, 0)
        for number in range(workers):
            place = ["--work-dir", str(folder / f"worker-{number}"), "--webui-port", "0"]
            running.append(start("worker.Worker", "--cores", str(cores), "--memory", memory, *place, master))
        _wait(page, running, workers)
        yield Cluster(master, secret_file)
    finally:
        for process in reversed(running):
            _end(process)


class _Start(NamedTuple):
    """How a member is started."""

    home: Path
    folder: Path
    settings: Path

    def __call__(self, member: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a member; what it says goes nowhere."""
        log = f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties')}"
        return subprocess.Popen(
            [
                str(self.home / "bin" / "spark-class"),
                f"org.apache.spark.deploy.{member}",
                *("--host", HOST, "--properties-file", str(self.settings)),
                *arguments,
            ],
            env=os.environ
            | {
                "SPARK_HOME": str(self.home),
                "SPARK_CONF_DIR": str(self.folder),
                "SPARK_LOCAL_IP": HOST,
                "SPARK_LOCAL_DIRS": str(self.folder / "local"),
                "SPARK_DAEMON_MEMORY": "256m",
                "SPARK_DAEMON_JAVA_OPTS": log,
            },
            umask=0o077,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def _wait(page: int, running: list[subprocess.Popen[bytes]], workers: int) -> None:
    """Until the master knows so many workers."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and all(process.poll() is None for process in running):
        with suppress(OSError, ValueError), urllib.request.urlopen(f"http://{HOST}:{page}/json/") as answer:
            if json.load(answer)["aliveworkers"] >= workers:
                return
        time.sleep(0.5)
    raise EngineError(
        "the Spark cluster did not start; run `privet doctor`, and look whether Java 17 is installed"
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    with standalone_cluster(Path(sys.argv[1]).resolve()) as cluster:
        print(
            f"PRIVET_ENGINE=spark PRIVET_SPARK_MASTER={cluster.master} PRIVET_SPARK_SECRET_FILE={cluster.secret_file}"
        )
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)
