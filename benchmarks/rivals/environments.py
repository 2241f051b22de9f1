"""Environments: each rival has its own, made on first use from a hashed list under `.rivals`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
PLACE = HERE.parent.parent / ".rivals"


class NoEnvironment(Exception):
    """A rival's environment cannot be made here; the text says why."""


def python(rival: str) -> Path:
    """The interpreter of the rival's environment, which is made if it is missing or its list has changed.

    Where there is a list `RIVAL_cpu.txt` it is tried first: it needs a build without CUDA, which pip finds by its
    setting PIP_FIND_LINKS, and is gigabytes smaller. Raises NoEnvironment; what failed once is not tried again.
    """
    found = _found(rival)
    if isinstance(found, NoEnvironment):
        raise found
    return found


@cache
def _found(rival: str) -> Path | NoEnvironment:
    try:
        return _made(rival)
    except NoEnvironment as why:
        return why


def _made(rival: str) -> Path:
    lists = [path for path in (HERE / f"{rival}_cpu.txt", HERE / f"{rival}.txt") if path.exists()]
    environment, made = PLACE / rival, PLACE / rival / "made-from.txt"
    interpreter = environment / "bin" / "python"
    if made.exists() and made.read_text() in [path.read_text() for path in lists]:
        return interpreter
    shutil.rmtree(environment, ignore_errors=True)
    _uv("venv", "--python", "3.11", str(environment))
    for place, path in enumerate(lists, 1):
        try:
            _uv("pip", "sync", "--require-hashes", "--python", str(interpreter), str(path))
        except NoEnvironment:
            if place == len(lists):
                raise
            continue
        shutil.copy(path, made)
        break
    return interpreter


def _uv(*arguments: str) -> None:
    settings = dict(os.environ)
    if "PIP_FIND_LINKS" in settings:  # uv does not read pip's settings
        settings.setdefault("UV_FIND_LINKS", ",".join(settings["PIP_FIND_LINKS"].split()))
    uv = Path(sys.executable).parent / "uv"
    print(f"uv {' '.join(arguments)}", file=sys.stderr)
    done = subprocess.run(
        [str(uv), *arguments, "--quiet"], check=False, capture_output=True, text=True, env=settings
    )
    if done.returncode != 0:
        raise NoEnvironment(" ".join(done.stderr.split())[:300])
