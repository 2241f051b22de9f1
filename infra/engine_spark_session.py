"""Spark's session: its settings, and the secret that only members of the cluster know."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from infra.engine_errors import EngineError, scrubbed
from infra.quiet import hushed

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# What a cluster's own settings (spark-defaults.conf) cannot undo: nobody reads along, nothing plain lies on a disk,
# nothing is written about the rows.
SECURE = {
    "spark.authenticate": "true",
    "spark.network.crypto.enabled": "true",
    "spark.network.crypto.saslFallback": "false",
    "spark.io.encryption.enabled": "true",
    "spark.io.encryption.keySizeBits": "256",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.eventLog.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    # "names" are quoted as DuckDB's are, so that the gate asks both engines in the same words
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "16384",
    "spark.python.worker.reuse": "true",
}


@contextmanager
def spark_session(folder: Path, master: str, secret_file: Path | None) -> Iterator[SparkSession]:
    """A session on `master` (spark://host:7077 or local[n]) whose files lie in `folder`, ended on the way out.

    `secret_file` holds the cluster's `spark.authenticate.secret`. Errors: EngineError if Spark or Java is missing, the
    secret cannot be read, or no session begins.
    """
    if find_spec("pyspark") is None:
        raise EngineError("PRIVET_ENGINE=spark needs Spark; run `make spark`, or use PRIVET_ENGINE=duckdb")
    secret = _secret(master, secret_file)
    try:
        with scrubbed("Spark"), _environment():
            session = _session(folder, master, secret)
    except EngineError:
        raise EngineError(
            f"no Spark session began at {master}; look whether the master runs there and "
            "PRIVET_SPARK_SECRET_FILE holds its secret, and run `privet doctor`"
        ) from None
    try:
        yield session
    finally:
        with scrubbed("Spark"):
            session.stop()


def _session(folder: Path, master: str, secret: dict[str, str]) -> SparkSession:
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    with hushed():
        SparkContext._ensure_initialized()
    # set inside the running Java process: what its command line holds, all on this machine can read
    conf = SparkConf(_jvm=SparkContext._jvm).setMaster(master).setAppName("privet")
    own = conf.get("spark.executor.extraJavaOptions", "")
    places = {
        "spark.local.dir": str(folder / "spark"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.executor.extraJavaOptions": f"{own} {_silent()}".strip(),
    }
    session = SparkSession(SparkContext(conf=conf.setAll([*(SECURE | places | secret).items()])))
    if not conf.contains("spark.sql.shuffle.partitions"):
        # a few parts for each core: Spark's own 200 cost more than the work of a middling shop
        session.conf.set("spark.sql.shuffle.partitions", str(4 * session.sparkContext.defaultParallelism))
    return session


def _secret(master: str, file: Path | None) -> dict[str, str]:
    if master.startswith("local"):
        return {}
    if file is None:
        raise EngineError(
            "a cluster needs PRIVET_SPARK_SECRET_FILE; put its spark.authenticate.secret into a file"
        )
    with scrubbed(file):
        if file.stat().st_mode & 0o077:
            raise EngineError(f"{file.name} can be read by others; chmod 600 {file}")
        return {"spark.authenticate.secret": file.read_text().strip()}


@contextmanager
def _environment() -> Iterator[None]:
    """What Spark reads from the environment when Java and the session start."""
    given = {
        "PYSPARK_PYTHON": os.environ.get("PYSPARK_PYTHON", sys.executable),
        "SPARK_LOCAL_IP": os.environ.get("SPARK_LOCAL_IP", "127.0.0.1"),
        "SPARK_SUBMIT_OPTS": f"{os.environ.get('SPARK_SUBMIT_OPTS', '')} {_silent()}".strip(),
    }
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _silent() -> str:
    """Java's option for a log that is off: Spark writes values of rows into it when an expression fails."""
    return f"-Dlog4j2.configurationFile={files('infra') / 'log4j2.properties'}"
