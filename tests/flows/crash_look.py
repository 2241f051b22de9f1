"""The look at a home in which a stage was killed, and at what a new run and a sweep then make of it."""

from __future__ import annotations

import json
import os
import pickle
import signal
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.flows.crash_models import check_models
from tests.flows.crash_points import POINTS, TRAIN, Point
from tests.flows.crash_sets import check_datasets, published
from tests.flows.crash_way import LATER_DAYS, again, believe, few_steps


def look(folder: Path, name: str, died: int) -> None:
    """Everything that must hold after the death, then again after a new run and a sweep."""
    from tasks import resolve

    point, kept = POINTS[name], pickle.loads((folder / "kept.pickle").read_bytes())
    if point.stage in TRAIN:
        few_steps()
    if point.stage == "expire":
        believe(LATER_DAYS)
    wrong = [] if died == -signal.SIGKILL else [f"the stage ended with {died} and not with the kill"]
    left = left_over(folder)
    wrong += _lost(folder, point)
    torn = _log_wrongs(folder, wrong)
    new = check_datasets(kept, wrong, expiring=point.stage == "expire")
    if len(new) != point.published:
        wrong.append(f"{len(new)} new data sets are visible, {point.published} should be")
    models = check_models(wrong) if point.stage in TRAIN else "-"
    spent = resolve.site().ledger.spent("embedded-shop/customers").epsilon
    again(kept, point.stage)
    anew = check_datasets(kept, wrong, expiring=False)
    _swept(kept, wrong)
    if point.stage in TRAIN:
        check_models(wrong)
    found = {
        "point": name,
        "stage": point.stage,
        "new": [str(ref).split("/")[0] for ref in new],
        "unpublished": left,
        "log": "torn line aside" if torn else "whole",
        "spent": spent,
        "models": models,
        "again": [str(ref).split("/")[0] for ref in anew],
        "wrong": wrong,
    }
    tell(folder, found)


def _lost(folder: Path, point: Point) -> list[str]:
    """What the dead process had been promised and is not there; reservations that are one too few or many."""
    from tasks import resolve

    site = resolve.site()
    known: dict[str, set[str]] = {}
    with suppress(FileNotFoundError):
        for line in (folder / "known.log").read_text().splitlines():
            kind, _, what = line.partition(" ")
            known.setdefault(kind, set()).add(what)
    entries = {entry.id: entry.committed for entry in site.ledger.entries("embedded-shop/customers")}
    with sqlite3.connect(folder / "saved" / "ledger.db") as db:
        before = dict(db.execute("SELECT id, state = 'committed' FROM entry").fetchall())
    with sqlite3.connect(folder / "home" / "keys" / "keys.db") as db:
        keys = {row[0] for row in db.execute("SELECT id FROM data_key")}
    log = (folder / "home" / "audit.jsonl").read_bytes().decode()
    objects = set(site.store.list(""))
    rules = {
        "a reservation is lost": known.get("reserved", set()) | before.keys() <= entries.keys(),
        "a commitment is lost": known.get("committed", set()) <= {i for i, done in entries.items() if done},
        "a commitment was taken back": all(entries[i] >= done for i, done in before.items()),
        "reservations are not as they must be": len(entries) == len(before) + point.spent,
        "an entry of the log is lost": all(
            f'"hash":"{digest}"}}\n' in log for digest in known.get("logged", ())
        ),
        "older entries of the log changed": log.startswith((folder / "saved" / "audit.jsonl").read_text()),
        "a key is lost": known.get("key", set()) - known.get("nokey", set()) <= keys,
        "a destroyed key is back": not known.get("nokey", set()) & keys,
        "a file is lost": known.get("object", set()) - known.get("noobject", set()) <= objects,
        "a deleted file is back": not known.get("noobject", set()) & objects,
    }
    return [rule for rule, holds in rules.items() if not holds]


def _log_wrongs(folder: Path, wrong: list[str]) -> bool:
    """The log is whole but for a torn end, which the next entry moves aside and records. True if it was torn."""
    from infra.auditlog import verify
    from tasks import resolve

    path = folder / "home" / "audit.jsonl"
    torn = path.read_bytes().rpartition(b"\n")[2]
    found = verify(path)
    if not found.ok and not (torn and found.reason.startswith("torn")):
        wrong.append(f"the log is broken: {found.reason}")
    resolve.site().log.append("looker", "look", "home", "done")
    if not (after := verify(path)).ok or after.entries != found.entries + 1 + bool(torn):
        wrong.append(f"the log is broken after the next entry: {after.reason}")
    aside = [file.read_bytes() for file in path.parent.glob("audit.jsonl.torn-*")]
    if aside != ([torn] if torn else []):
        wrong.append("the torn line was not moved aside")
    return bool(torn)


def tell(folder: Path, found: dict[str, Any]) -> None:
    """Add a finding to those in the folder."""
    with (folder / "findings.jsonl").open("a") as file:
        file.write(json.dumps(found) + "\n")


def left_over(folder: Path) -> int:
    """Files that belong to no published data set, half-written ones included."""
    visible = {str(ref) for ref in published()}
    zones = folder / "home" / "zones"
    files = (path.relative_to(zones) for path in zones.rglob("*") if path.is_file())
    return sum("/".join(path.parts[:3]) not in visible for path in files)


def _swept(kept: dict[str, Any], wrong: list[str]) -> None:
    """A day later retention removes what the dead process stored and never published."""
    from tasks import retention

    before = set(published())
    believe(2)
    retention.expire.fn(kept["pinned"])
    if set(published()) != before:
        wrong.append("the sweep changed what is published")
    home = Path(os.environ["PRIVET_HOME"])
    if left := left_over(home.parent):
        wrong.append(f"{left} files are left after the sweep")
    if list((home / "work").iterdir()) or list(home.rglob("*.partial")) != [home / "zones" / ".partial"]:
        wrong.append("work or half-written files are left after the sweep")
