"""The settings: where Privet runs. Every environment variable that it reads, typed, under one prefix."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.values.errors import PrivetError

PREFIX = "PRIVET_"
_S3_ADDRESS = r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[a-z0-9_=-][a-z0-9._=-]*)*/?$"
# Read by the scripts under benchmarks/, never by Privet itself.
_FOREIGN = frozenset({"PRIVET_BENCH_DATA"})


class SettingsError(PrivetError, ValueError):
    """A PRIVET_ variable is unknown or has a value that does not fit. The value is never shown."""


class Settings(BaseSettings):
    """Where things are and how much of the machine to use. Say *what* in the spec, *which run* in parameters.

    `home` holds everything that Privet writes and is made absolute. `threads` and `memory_limit` bound the
    data engine. `prefect_api_url` names a running Prefect server; None means to find or start a local one,
    for which `server_wait_seconds` are waited. `store` is where data sets are kept: None means in `home`,
    `s3://bucket/prefix` in a bucket, at `s3_endpoint_url` if that is not Amazon's. Credentials are no settings:
    boto3 finds them in its own places. `engine` says where `prepare` computes: on this machine, or on the Spark
    cluster at `spark_master`, which knows its members by the secret in `spark_secret_file`.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True, hide_input_in_errors=True
    )

    home: Path = Field(default=Path(".privet"), validate_default=True)
    threads: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=1024)
    memory_limit: str = Field(default="4GB", pattern=r"^[1-9][0-9]*(\.[0-9]+)? ?([KMGT]i?B)$")
    prefect_api_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    server_wait_seconds: int = Field(default=180, ge=1, le=3600)
    store: str | None = Field(default=None, pattern=_S3_ADDRESS)
    s3_endpoint_url: str | None = Field(default=None, pattern=r"^https?://[A-Za-z0-9.:\[\]-]+/?$")

    engine: Literal["duckdb", "spark"] = "duckdb"
    spark_master: str = Field(default="local[*]", pattern=r"^(local\[([0-9]+|\*)\]|spark://\S+:[0-9]+)$")
    spark_secret_file: Path | None = None

    @field_validator("home", "spark_secret_file")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return None if path is None else path.expanduser().absolute()

    @classmethod
    def load(cls) -> Settings:
        """The settings of this process's environment.

        Raises:
            SettingsError: a variable is unknown (a typo would silently mean the default) or does not fit.
        """
        _refuse_unknown(os.environ, cls)
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError("; ".join(_sentences(error))) from None

    @property
    def zones_dir(self) -> Path:
        """The local object store, in force without `store`: published data sets by zone, encrypted."""
        return self.home / "zones"

    @property
    def keys_dir(self) -> Path:
        """Master keyset and wrapped data keys."""
        return self.home / "keys"

    @property
    def work_dir(self) -> Path:
        """The engine's encrypted scratch space; empty between runs."""
        return self.home / "work"

    @property
    def ledger_path(self) -> Path:
        """The privacy budget."""
        return self.home / "ledger.db"

    @property
    def audit_path(self) -> Path:
        """The audit log."""
        return self.home / "audit.jsonl"

    @property
    def mlflow_uri(self) -> str:
        """Tracking address of MLflow: a local SQLite file."""
        return f"sqlite:///{self.home / 'mlflow' / 'mlflow.db'}"

    @property
    def mlflow_artifacts(self) -> Path:
        """Folder of MLflow's artifacts."""
        return self.home / "mlflow" / "artifacts"

    @property
    def prefect_home(self) -> Path:
        """Prefect's own folder, apart from any other Prefect on this machine."""
        return self.home / "prefect"

    @property
    def reports_dir(self) -> Path:
        """Dossiers and gate pages."""
        return self.home / "reports"


def _refuse_unknown(environment: Mapping[str, str], settings: type[Settings]) -> None:
    known = sorted(PREFIX + name.upper() for name in settings.model_fields)
    unknown = sorted(
        name
        for name in environment
        if name.upper().startswith(PREFIX) and name.upper() not in {*known, *_FOREIGN}
    )
    if unknown:
        raise SettingsError(
            f"environment variable {', '.join(unknown)} is unknown; use {', '.join(known)} or unset it"
        )


def _sentences(error: ValidationError) -> list[str]:
    return [
        f"{PREFIX}{'.'.join(str(part) for part in problem['loc']).upper()}: "
        f"{problem['msg'].replace('Input should', 'it should')}; correct it or unset it"
        for problem in error.errors(include_input=False, include_url=False)
    ]
