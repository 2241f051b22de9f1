"""anjana, anonypy and pyCANON on one Parquet file: one JSON line `{"seconds": ..., ...}`, or `{"failed": "why"}`.

Run in the environment `anonymity`: `anonymity_steps.py TOOL FILE OUT JSON`, where OUT is the released table (CSV, all
text) of a tool that makes one, and JSON the tool's settings.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import pandas as pd

Settings = dict[str, Any]


def main() -> None:
    """Read the file, time the tool alone, say how long it took."""
    tool, file, out, settings = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
    table = pd.read_parquet(file)
    try:
        started = time.perf_counter()
        answer = TOOLS[tool](table, out, settings)
        answer.setdefault("seconds", time.perf_counter() - started)
    except Exception as fault:  # noqa: BLE001  whatever a rival raises is its answer
        answer = {"failed": f"{type(fault).__name__}: {fault}".splitlines()[0][:200]}
    print(json.dumps(answer))


def _anjana(table: pd.DataFrame, out: str, settings: Settings) -> dict[str, Any]:
    """The first k-anonymous generalisation that anjana finds; `levels` are value -> value, level by level."""
    from anjana.anonymity import k_anonymity

    hierarchies = {
        name: {int(level): pd.Series(values).to_numpy() for level, values in levels.items()}
        for name, levels in settings["hierarchies"].items()
    }
    # as it reads tables itself, from CSV: it refuses categories
    table = table.astype({name: object for name in table.columns if table[name].dtype == "category"})
    started = time.perf_counter()
    share = 100 * settings["suppression"]
    found = k_anonymity(table, [], settings["quasi"], settings["k"], share, hierarchies)
    seconds = time.perf_counter() - started
    found[settings["quasi"]].astype(str).to_csv(out, index=False)
    return {"seconds": seconds}


def _anonypy(table: pd.DataFrame, out: str, settings: Settings) -> dict[str, Any]:
    """Mondrian; released is one row a class and sensitive value, with its count."""
    import anonypy

    for name in table.columns:
        if table[name].dtype == object:
            table[name] = table[name].astype("category")
    started = time.perf_counter()
    found = anonypy.Preserver(table, settings["quasi"], settings["sensitive"]).anonymize_k_anonymity(
        settings["k"]
    )
    seconds = time.perf_counter() - started
    released = pd.DataFrame(found)
    for name in settings["quasi"]:
        released[name] = [value[0] for value in released[name]]
    released.astype(str).to_csv(out, index=False)
    return {"seconds": seconds}


def _pycanon(table: pd.DataFrame, out: str, settings: Settings) -> dict[str, Any]:
    """The measures named in `settings`, each with its own seconds."""
    from pycanon import anonymity

    del out
    answer: dict[str, Any] = {"seconds": {}, "values": {}}
    for measure in settings["measures"]:
        started = time.perf_counter()
        sensitive = () if measure == "k_anonymity" else (list(settings["sensitive"]),)
        value = getattr(anonymity, measure)(table, settings["quasi"], *sensitive)
        answer["seconds"][measure] = time.perf_counter() - started
        answer["values"][measure] = float(value)
    return answer


TOOLS: dict[str, Callable[[pd.DataFrame, str, Settings], dict[str, Any]]] = {
    "anjana": _anjana,
    "anonypy": _anonypy,
    "pycanon": _pycanon,
}

if __name__ == "__main__":
    main()
