"""A real S3 server on this machine, and a proxy before it that misbehaves as told."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

OWNER, READER = ("ownerkey", "owner-secret-canary"), ("readerkey", "reader-secret-canary")
_PORTS = (
    *("master.port", "master.port.grpc", "volume.port", "volume.port.grpc"),
    *("filer.port", "filer.port.grpc", "s3.port.grpc", "s3.port"),
)


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on, each once."""
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """The address of a SeaweedFS with two users: OWNER may do all, READER only read."""
    ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
    identities = [_identity("owner", OWNER, "Admin", "Read", "List", "Tagging", "Write")]
    identities.append(_identity("reader", READER, "Read", "List"))
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    (folder / "data").mkdir()
    options = [f"-{name}={port}" for name, port in ports.items()]
    options += [f"-dir={folder}/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]
    options += [f"-s3.config={folder}/s3.json", "-s3.port.iceberg=0", "-s3.port.lance=0", "-metricsPort=0"]
    options += ["-volume.max=50", "-master.volumeSizeLimitMB=64", "-master.telemetry=false"]
    command = [str(Path(sys.executable).with_name("weed")), "server", *options]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_for(f"http://127.0.0.1:{ports['s3.port']}", server)
        yield f"http://127.0.0.1:{ports['s3.port']}"
    finally:
        server.kill()  # asked nicely, it waits half a minute for connections to end
        server.wait()
        for name, port in ports.items():
            for path in Path("/tmp").glob(f"seaweedfs-{name.split('.')[0]}*-{port}.sock"):
                path.unlink()


@cache
def client(endpoint: str, user: tuple[str, str] = OWNER) -> Any:
    """A plain boto3 client of the server, to look behind the store's back."""
    import boto3
    from botocore.config import Config

    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=user[0],
        aws_secret_access_key=user[1],
        config=Config(s3={"addressing_style": "path"}),
    )


def make_bucket(endpoint: str, name: str, *, versions: str | None = "Enabled") -> str:
    """A new bucket's `s3://` address."""
    owner = client(endpoint)
    owner.create_bucket(Bucket=name)
    if versions:
        owner.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": versions})
    return f"s3://{name}"


def _identity(name: str, user: tuple[str, str], *actions: str) -> dict[str, Any]:
    return {
        "name": name,
        "credentials": [{"accessKey": user[0], "secretKey": user[1]}],
        "actions": list(actions),
    }


def _wait_for(endpoint: str, server: subprocess.Popen[bytes], seconds: float = 120) -> None:
    """Until a bucket can be made and written: the volume server joins some time after the S3 port opens."""
    from botocore.exceptions import BotoCoreError, ClientError

    owner, end = client(endpoint), time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        with suppress(BotoCoreError, ClientError):
            owner.create_bucket(Bucket="ready")
        with suppress(BotoCoreError, ClientError):
            owner.put_object(Bucket="ready", Key="ready", Body=b"ready")
            return
        time.sleep(0.2)
    raise RuntimeError(f"the S3 server did not start (exit {server.poll()})")


class Fault:
    """How the proxy misbehaves with requests that match, `times` times from the `skip`-th on.

    `kind`: "refuse" (closes before forwarding), "cut" (forwards, closes without an answer), "half" (forwards,
    closes in the middle of the answer's body), "slow" (answers after `seconds`), "late" (forwards after
    `seconds`), "deaf" (forwards without the headers `drop`, signed anew), an int (answers that status) or a pair of
    status and code.
    """

    def __init__(
        self,
        kind: str | int | tuple[int, str],
        *,
        method: str = "",
        path: str = "",
        times: float = 1,
        skip: int = 0,
        seconds: float = 0,
        drop: str = "if-none-match",
    ) -> None:
        self.kind, self.method, self.path = kind, method, path
        self.times, self.skip, self.seconds, self.drop, self.met = times, skip, seconds, drop, 0

    def strikes(self, method: str, path: str) -> bool:
        if self.method not in ("", method) or self.path not in path:
            return False
        self.met += 1
        return self.skip < self.met <= self.skip + self.times


class Proxy(ThreadingHTTPServer):
    """Forwards to the real server; `faults` says what to do wrong, `seen` keeps every request's head."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        self.target = target.removeprefix("http://")
        self.faults: list[Fault] = []
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """Clients that gave up are what the tests are about."""


@contextmanager
def proxy(target: str) -> Iterator[Proxy]:
    server = Proxy(target)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = dict(self.headers.items())
        self.server.seen.append((self.command, self.path, headers))
        fault = next((f for f in self.server.faults if f.strikes(self.command, self.path)), None)
        kind = fault.kind if fault else None
        if fault and kind == "late":
            time.sleep(fault.seconds)
        if kind == "refuse":
            self.close_connection = True
            return
        if isinstance(kind, int | tuple):
            self._say(*(kind if isinstance(kind, tuple) else (kind, "SlowDown")))
            return
        if fault and kind == "deaf":
            headers = self._signed_anew(body, headers, fault.drop)
        status, answered, content = self._forward(body, headers)
        if fault and kind == "slow":
            time.sleep(fault.seconds)
        if kind == "cut":
            self.close_connection = True
            return
        self._answer(status, answered, content, half=kind == "half")

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any  # noqa: N815  # names of http.server

    def _forward(self, body: bytes, headers: dict[str, str]) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.server.target, timeout=30)
        kept = {name: value for name, value in headers.items() if name.lower() != "expect"}
        connection.request(self.command, self.path, body=body, headers=kept)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.getheaders(), content

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, *, half: bool) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in headers) and status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if half else content)
        self.close_connection = half

    def _say(self, status: int, code: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>told by the test</Message></Error>".encode()
        self._answer(status, [("Content-Type", "application/xml")], text, half=False)

    def _signed_anew(self, body: bytes, headers: dict[str, str], drop: str) -> dict[str, str]:
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        dropped = {drop, "authorization", "x-amz-date", "x-amz-content-sha256", "expect"}
        kept = {name: value for name, value in headers.items() if name.lower() not in dropped}
        url = f"http://{headers['Host']}{self.path}"
        request = AWSRequest(method=self.command, url=url, data=body, headers=kept)
        S3SigV4Auth(Credentials(*OWNER), "s3", "us-east-1").add_auth(request)
        return dict(request.headers.items())

    def log_message(self, *_: object) -> None:
        """Quiet."""


def as_owner(setenv: Callable[[str, str], None], user: tuple[str, str] = OWNER) -> None:
    """Put a user's credentials where boto3 looks for them, and nothing of this machine's own."""
    setenv("AWS_ACCESS_KEY_ID", user[0])
    setenv("AWS_SECRET_ACCESS_KEY", user[1])
    setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        setenv(name, os.devnull)
