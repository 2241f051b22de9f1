"""Smaller specs of the embedded shop, for tests that need not do all of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

FRAUD = ("fraud",)


def reduced(
    spec: dict[str, Any], *, without: Collection[str] = (), use_cases: Collection[str] = FRAUD
) -> dict[str, Any]:
    """`spec` less the tables `without`, all use cases but those named, and releases that nobody then needs.

    No reference models are trained to attack a use case's models. Releases of a table that stays are kept where no use
    case of the whole spec trains on them.
    """
    trained = {table for case in spec["use_cases"].values() for table in case["tables"]}
    spec["use_cases"] = {name: case for name, case in spec["use_cases"].items() if name in use_cases}
    for case in spec["use_cases"].values():
        case["balance"] = {"attack_seconds": 0}
    needed = {table for case in spec["use_cases"].values() for table in case["tables"]}
    spec["tables"] = {name: table for name, table in spec["tables"].items() if name not in without}
    spec["releases"] = {
        name: release
        for name, release in spec["releases"].items()
        if release["table"] in spec["tables"]
        and (name in needed or name not in trained or release["table"] == "tickets")
    }
    return spec
