"""What the end-to-end tests share: one home with a real Prefect server, and the real command run in it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class House:
    """A Privet home under test. `home` is Privet's, the other folders are watched for what else is written."""

    folder: Path
    env: dict[str, str]

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def elsewhere(self) -> tuple[Path, Path, Path]:
        """The user's own folder, the folder of temporary files and the folder in which commands are run."""
        return self.folder / "user", self.folder / "tmp", self.folder / "cwd"

    @property
    def api(self) -> str:
        """Address of the Prefect server that runs."""
        return str(json.loads((self.home / "prefect" / "server.json").read_text())["url"]) + "/api"

    def run(self, *arguments: str, timeout: float = 580) -> subprocess.CompletedProcess[str]:
        """A program of this Python, away from the project's folder."""
        return subprocess.run(
            [sys.executable, *arguments],
            env=self.env,
            cwd=self.folder / "cwd",
            capture_output=True,
            text=True,
            timeout=timeout,
            umask=0o022,
        )

    def privet(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command `privet` as its users run it."""
        return self.run("-m", "flows.cli", *arguments)

    @property
    def login(self) -> str:
        """Name and password for the Prefect server that runs."""
        return "privet:" + (self.home / "prefect" / "password").read_text()

    def ask(self, path: str, **body: Any) -> Any:
        """What Prefect's API answers to a question."""
        headers = {
            "Content-Type": "application/json",
            "Authorization": "Basic " + base64.b64encode(self.login.encode()).decode(),
        }
        request = urllib.request.Request(f"{self.api}/{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)


def new_house(folder: Path) -> House:
    """A home of its own in a folder; nothing runs yet."""
    for name in ("user", "tmp", "cwd"):
        (folder / name).mkdir()
    foreign = ("PREFECT_", "PRIVET_", "MLFLOW_", "XDG_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    env |= {
        "PRIVET_HOME": str(folder / "home"),
        "HOME": str(folder / "user"),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return House(folder=folder, env=env)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A new home whose Prefect server is stopped at the end."""
    house = new_house(tmp_path_factory.mktemp("house"))
    yield house
    stopped = house.privet("down")
    assert stopped.returncode == 0, stopped.stderr


@pytest.fixture(scope="session")
def first_run(house: House, small_shop: Path) -> subprocess.CompletedProcess[str]:
    """The main job on the small shop, once for all."""
    return house.privet("run", str(small_shop / "shop.yaml"), "--json")


@pytest.fixture(scope="session")
def report(first_run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What the first run printed."""
    assert first_run.returncode == 0, first_run.stderr
    found: dict[str, Any] = json.loads(first_run.stdout)
    return found
