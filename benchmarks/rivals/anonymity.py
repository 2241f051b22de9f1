"""Rivals of the anonymisation, each in its own environment and process: what they take and what they release."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.rivals.environments import HERE, NoEnvironment, python

ENVIRONMENT = "anonymity"


class Unfinished(Exception):
    """A rival that failed or ran out of time; the text says which."""


def run(
    tool: str, table: Path, settings: dict[str, Any], *, limit: float = 600
) -> tuple[dict[str, Any], Any]:
    """What `tool` answers of a Parquet file, and the table that it releases (all text), if it makes one.

    Raises Unfinished after `limit` seconds or if the rival fails, NoEnvironment if it cannot be installed here.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "released.csv"
        arguments = [tool, str(table), str(out), json.dumps(settings)]
        try:
            done = subprocess.run(
                [str(python(ENVIRONMENT)), str(HERE / "anonymity_steps.py"), *arguments],
                capture_output=True, text=True, check=False, timeout=limit,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Unfinished(f"not finished after {limit:g} s") from None
        if done.returncode != 0:
            raise Unfinished(f"ended with {done.returncode}: {done.stderr.strip()[-200:]}")
        answer = json.loads(done.stdout.strip().splitlines()[-1])
        if "failed" in answer:
            raise Unfinished(answer["failed"])
        return answer, pd.read_csv(out, dtype=str, keep_default_na=False) if out.exists() else None


__all__ = ["NoEnvironment", "Unfinished", "run"]
