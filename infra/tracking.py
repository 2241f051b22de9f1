"""Tracking: MLflow at an address, quiet, with files that are the owner's alone."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SQLITE = "sqlite:///"
_UMASK = threading.RLock()


def connect(uri: str, artifacts: Path) -> MlflowClient:
    """MLflow at `uri`; with sqlite, a database of mode 0600 and a folder `artifacts` of mode 0700."""
    _quieten()
    from mlflow import MlflowClient

    with private_files():
        artifacts.mkdir(parents=True, exist_ok=True, mode=0o700)
        if is_file(uri):
            database = Path(uri.removeprefix(_SQLITE))
            database.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(database, os.O_CREAT | os.O_RDWR, 0o600))
        return MlflowClient(uri, uri)


def is_file(uri: str) -> bool:
    """Whether the address is that of a database on this machine, not of a server."""
    return uri.startswith(_SQLITE)


@contextmanager
def private_files() -> Iterator[None]:
    """New files are the owner's alone. The mask belongs to the process, so one thread holds it at a time."""
    with _UMASK:
        before = os.umask(0o077)
        try:
            yield
        finally:
            os.umask(before)


@contextmanager
def already_there() -> Iterator[None]:
    """Creating what another registration has just created is no error."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except FileExistsError:
        return
    except MlflowException as refused:
        if refused.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _quieten() -> None:
    """Switch off MLflow's telemetry, progress bars and start-up talk, before its first import."""
    for name, value in (
        ("MLFLOW_DISABLE_TELEMETRY", "true"),
        ("DO_NOT_TRACK", "1"),
        ("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false"),
    ):
        os.environ[name] = value
    for logger in ("mlflow", "alembic"):
        logging.getLogger(logger).setLevel(logging.ERROR)
