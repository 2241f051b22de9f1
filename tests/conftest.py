"""What all tests share: quiet libraries, a home of their own and a small shop."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import absl.logging
import pytest
import yaml
from hypothesis import HealthCheck, Phase, settings

from tests.small_spec import reduced

for name, value in {
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    "PREFECT_LOGGING_LEVEL": "ERROR",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}.items():
    os.environ.setdefault(name, value)

# TensorFlow's absl keeps the standard error of the moment and closes it when Prefect sets up logging; under
# pytest that is the capture's own file.
absl.logging.get_absl_handler().python_handler.stream = sys.__stderr__


# A machine that is busy is no failure of a property; whatever else the environment has chosen stays.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# For planted bugs, of which is asked whether a test fails and not by which example: the same examples each time.
settings.register_profile("planted", derandomize=True, database=None, phases=(Phase.explicit, Phase.generate))

LONGEST = ("test_canary", "test_schedule", "test_run", "test_pages", "test_s3_faults")
FIRST_RUN = ("test_run", "test_pages")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first."""
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Files run beside each other, each in one process: what its tests share is made once; two share the first run."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            stem = Path(nodeid.split("::")[0]).stem
            return "first run" if stem in FIRST_RUN else stem

    return ByFile(config, log)


@pytest.fixture(scope="session")
def small_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a shop of 3,000 customers from the built-in sample; copy it before changing it."""
    from models.shop.generate import make_shop
    from models.shop.purchases import Purchases

    folder = tmp_path_factory.mktemp("small") / "shop"
    make_shop(folder, customers=3_000, seed=7, purchases=Purchases.sample())
    spec = yaml.safe_load((folder / "shop.yaml").read_text())
    spec = reduced(spec)
    spec["releases"]["customer_profiles"]["anonymity"]["suppression_limit"] = 0.7
    (folder / "shop.yaml").write_text(yaml.safe_dump(spec, allow_unicode=True, sort_keys=False))
    return folder


@pytest.fixture
def shop(small_shop: Path, tmp_path: Path) -> Path:
    """A copy of the small shop that a test may change; its spec is `shop.yaml` in this folder."""
    return Path(shutil.copytree(small_shop, tmp_path / "shop"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Privet home of this test's own, set in the environment."""
    monkeypatch.setenv("PRIVET_HOME", str(tmp_path / "home"))
    return tmp_path / "home"
