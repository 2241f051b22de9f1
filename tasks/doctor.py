"""The doctor: which version or part is wrong, and how to mend it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from infra.quiet import hushed
from infra.settings import Settings
from models.values.base import Value
from models.values.errors import PrivetError
from tasks import operate

GIB = 1024**3


class Finding(Value):
    """One examined part: whether it is well, what was found and how to mend it."""

    part: str
    well: bool
    found: str
    mend: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Examine Python, every required package, and the parts that tend to break, one after the other."""
    yield _python()
    yield from _packages()
    for part, probe, mend in (
        ("tensorflow-privacy on this TensorFlow", _tensorflow_privacy, "run `make install`"),
        ("encrypted Parquet (DuckDB's httpfs extension)", _encryption, "run `make install`"),
        ("access policies", _policies, "restore infra/policies.cedar"),
    ):
        yield _tried(part, probe, mend)
    yield _spark(settings)
    yield _disk(settings)
    yield _home(settings)
    yield _server(settings)


def show(settings: Settings, *, as_json: bool) -> int:
    """Print the findings; 0 if all is well, else 1."""
    findings = []
    for finding in examine(settings):
        findings.append(finding)
        if not as_json:
            mark = "ok   " if finding.well else "WRONG"
            print(f"{mark} {finding.part}: {finding.found}" + (f" -> {finding.mend}" if finding.mend else ""))
    if as_json:
        print(json.dumps([finding.model_dump() for finding in findings]))
    return 0 if all(finding.well for finding in findings) else 1


def _python() -> Finding:
    well = (3, 11) <= sys.version_info[:2] < (3, 13)
    found = ".".join(map(str, sys.version_info[:3]))
    return Finding(part="Python", well=well, found=found, mend="" if well else "install Python 3.11 or 3.12")


def _packages() -> Iterator[Finding]:
    from packaging.requirements import Requirement

    for line in requires("privet") or []:
        requirement = Requirement(line)
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            yield Finding(part=requirement.name, well=False, found="missing", mend="run `make install`")
            continue
        well = requirement.specifier.contains(found, prereleases=True)
        mend = "" if well else f"Privet needs {requirement.specifier}; run `make install`"
        yield Finding(part=requirement.name, well=well, found=found, mend=mend)


def _tried(part: str, probe: Callable[[], str], mend: str) -> Finding:
    try:
        return Finding(part=part, well=True, found=probe())
    except (PrivetError, ImportError, AttributeError, OSError, RuntimeError) as error:
        return Finding(part=part, well=False, found=type(error).__name__, mend=mend)


def _tensorflow_privacy() -> str:
    with hushed():
        from models.privacy.query import CustomerSumQuery

    return f"loads (noise through {CustomerSumQuery.__mro__[1].__name__})"


def _encryption() -> str:
    import tempfile
    from pathlib import Path

    from infra.engine import open_engine
    from models.values.secret import SecretBytes

    with (
        tempfile.TemporaryDirectory() as folder,
        open_engine(Path(folder), threads=1, memory_limit="1GB") as engine,
    ):
        key = SecretBytes(bytes(32))
        path = Path(folder) / "probe.parquet"
        engine.write_parquet(engine.ibis.sql("SELECT 1 AS one"), path, key)
        return f"{engine.read_encrypted([(path, key)]).count().execute()} row written and read"


def _policies() -> str:
    from infra.access import Access

    Access.load()
    return "read"


def _spark(settings: Settings) -> Finding:
    """Spark and its Java: only who asks for a cluster must have them."""
    wanted = settings.engine == "spark"
    try:
        found, mend = f"pyspark {version('pyspark')}", ""
    except PackageNotFoundError:
        found, mend = "not installed", "run `make spark`"
    else:
        java = _java()
        found = f"{found}, {java or 'no Java'}"
        mend = "" if java else "install Java 17 (Debian: openjdk-17-jre-headless)"
    if wanted and not mend and settings.spark_master.startswith("spark:") and not settings.spark_secret_file:
        mend = "set PRIVET_SPARK_SECRET_FILE to the file with the cluster's secret"
    if wanted:
        return Finding(part="Spark", well=not mend, found=found, mend=mend)
    return Finding(part="Spark", well=True, found=f"{found} (for PRIVET_ENGINE=spark only)")


def _java() -> str:
    """The version of Java that Spark would start; empty if there is none."""
    program = shutil.which("java", path=os.environ.get("JAVA_HOME", "") + "/bin") or shutil.which("java")
    if program is None:
        return ""
    said = subprocess.run([program, "-version"], capture_output=True, text=True, check=False, timeout=60)
    found = re.search(r'version "([0-9._]+)', said.stderr)
    return f"Java {found[1]}" if found and said.returncode == 0 else ""


def _disk(settings: Settings) -> Finding:
    place = settings.home if settings.home.exists() else settings.home.parent
    free = shutil.disk_usage(place).free / GIB
    mend = "" if free >= 2 else "free at least 2 GiB, or set PRIVET_HOME to another disk"
    return Finding(part="disk", well=free >= 2, found=f"{free:.0f} GiB free", mend=mend)


def _home(settings: Settings) -> Finding:
    if not settings.home.exists():
        return Finding(part="home", well=True, found=f"{settings.home} (made at the first run)")
    mode = settings.home.stat().st_mode & 0o077
    mend = "" if mode == 0 else f"chmod 700 {settings.home}"
    return Finding(part="home", well=mode == 0, found=str(settings.home), mend=mend)


def _server(settings: Settings) -> Finding:
    if settings.prefect_api_url:
        well = operate.answers(settings.prefect_api_url)
        mend = "" if well else "start that server or unset PRIVET_PREFECT_API_URL"
        return Finding(part="Prefect server", well=well, found=settings.prefect_api_url, mend=mend)
    server = operate.running_server(settings)
    if server is None:
        return Finding(part="Prefect server", well=True, found="none running; `privet run` starts one")
    well = operate.answers(server.api)
    mend = "" if well else "run `privet down`, then try again"
    return Finding(part="Prefect server", well=well, found=server.url, mend=mend)
