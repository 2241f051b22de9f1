"""The pages that a person opens after a run, in a real browser: they say what they must and ask no other host."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.flows.browser import look
from tests.flows.conftest import House

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed (infra/debian.txt)"),
]
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
FOREIGN = re.compile(
    r"""(?:src|href|action)\s*=\s*["']?\s*(?:https?:)?//|@import|url\(\s*["']?(?:https?:)?//""", re.I
)


@pytest.fixture
def browse(tmp_path: Path) -> Any:
    """Opens an address; returns the page's DOM once its scripts have run, and leaves a screenshot."""

    def opened(address: str, name: str, *, milliseconds: int = 1000, size: str = "1280,1600") -> str:
        def chromium(*more: str) -> str:
            return subprocess.run(
                [
                    str(CHROMIUM),
                    *FLAGS,
                    f"--user-data-dir={tmp_path / 'profile'}",
                    f"--virtual-time-budget={milliseconds}",
                    f"--window-size={size}",
                    *more,
                    address,
                ],
                check=True,
                capture_output=True,
                text=True,
                timeout=120,
            ).stdout

        chromium(f"--screenshot={tmp_path / f'{name}.png'}")
        assert (tmp_path / f"{name}.png").stat().st_size > 5000
        return chromium("--dump-dom")

    return opened


def test_dossier_answers_the_reader(report: dict[str, Any], browse: Any) -> None:
    model = report["models"][0]
    page = Path(model["dossier"])
    seen = _text(browse(page.as_uri(), "dossier", size="1000,3200"))
    for sentence in ("embedded-shop", "fraud", model["run"], "customer", "household", "resampled from"):
        assert sentence in seen, sentence
    assert re.search(r"epsilon.{0,80}\b3\b|ε.{0,80}\b3\b", seen, re.I), seen[:2000]
    assert not FOREIGN.search(page.read_text())


def test_page_of_the_gate_shows_every_check(report: dict[str, Any], browse: Any) -> None:
    page = Path(report["gate"]["page"])
    seen = _text(browse(page.as_uri(), "gate", size="1000,2400"))
    assert report["released"] in seen
    for table in ("customer_profiles", "fraud_customers", "fraud_orders", "support_tickets"):
        assert table in seen
    assert "resampled from" in seen
    assert not FOREIGN.search(page.read_text())


def test_page_of_the_flow_run_shows_its_state(house: House, report: dict[str, Any], tmp_path: Path) -> None:
    seen = look(
        str(CHROMIUM),
        report["prefect_run"],
        login=house.login,
        until="shop",
        picture=tmp_path / "prefect.png",
        profile=tmp_path / "profile",
    )
    assert "Completed" in seen.text
    assert "shop" in seen.text
    assert seen.foreign == []


def test_page_of_the_model_shows_its_card(mlflow: str, report: dict[str, Any], browse: Any) -> None:
    address = f"{mlflow}/#/models/embedded-shop-fraud/versions/1"
    seen = _text(browse(address, "mlflow", milliseconds=20_000))
    assert "embedded-shop-fraud" in seen
    assert "epsilon" in seen.lower()
    assert "customer" in seen


def _text(dom: str) -> str:
    """What a person reads: without scripts, styles and tags."""
    bare = re.sub(r"(?s)<(script|style)\b.*?</\1>", " ", dom)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", bare))


@pytest.fixture
def mlflow(house: House, report: dict[str, Any], tmp_path: Path) -> Iterator[str]:
    """MLflow's server on the home's registry, on loopback; stopped afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    store = f"sqlite:///{house.home / 'mlflow' / 'mlflow.db'}"
    with (tmp_path / "mlflow.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, *command, "--backend-store-uri", store],
            env=house.env | {"MLFLOW_DISABLE_TELEMETRY": "true", "TMPDIR": str(tmp_path)},
            cwd=tmp_path,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait(f"http://127.0.0.1:{port}/health", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.wait(10)
        server.kill()


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(OSError), urllib.request.urlopen(address, timeout=2):
            return
        time.sleep(0.3)
    raise AssertionError("MLflow's server did not answer")
