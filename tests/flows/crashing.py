"""Crashing: a program that ends stages of prepare and train with kill -9 at named points, and looks at what is left.

A process forks a child for every point: one that dies (SIGKILL, so that nothing is tidied up) and one that looks,
runs the stage again and sweeps. Both work on a copy of one home that a fault-free run made.
Usage: crashing.py FOLDER NAME...; writes FOLDER/findings.json: of every point what was found and what is wrong.
"""

from __future__ import annotations

import importlib
import json
import os
import pickle
import shutil
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

CUSTOMERS, STEPS, LATER_DAYS = 400, 24, 40
MANIFEST = "manifest.json"
STORE = "infra.storage:LocalStore"
CREATE, PUT, DELETE = f"{STORE}.create", f"{STORE}.put_file", f"{STORE}.delete"
WRITE, TEMPORARY = "infra.storage:write_all", "infra.storage:_write_synced"


@dataclass(frozen=True, kw_only=True)
class Point:
    """Where to die: before, after or half-way through the `call`-th call of `at` (module:name, or sql).

    Only calls count whose arguments contain `of` and that happen while `within` runs. `torn` leaves a half
    line in the audit log beforehand; `refused` makes the gate say no. Afterwards `published` new data sets
    are visible and `spent` new reservations in the ledger.
    """

    stage: str
    at: str
    when: str = "before"
    call: int = 1
    of: str = ""
    within: str = ""
    torn: bool = False
    refused: bool = False
    published: int = 0
    spent: int = 0


POINTS = {
    # land
    "keys made, no file yet": Point(stage="land", at="infra.keys:KeyStore.create", when="after"),
    "inside the key store's transaction": Point(stage="land", at="infra.keys:_Row.bound", call=30),
    "before the key store's commit": Point(
        stage="land", at="sql", of="COMMIT", within="infra.keys:KeyStore.create"
    ),
    "before the third data file": Point(stage="land", at=PUT, call=3),
    "half a data file written": Point(stage="land", at=WRITE, when="half", call=10, within=PUT),
    "data file written, not linked": Point(stage="land", at=TEMPORARY, when="after", call=70, within=PUT),
    "all files, no manifest": Point(stage="land", at="tasks.landing:publish"),
    "half a manifest written": Point(stage="land", at=WRITE, when="half", within=CREATE),
    "manifest written, not linked": Point(stage="land", at=TEMPORARY, when="after", within=CREATE),
    "manifest created": Point(stage="land", at=CREATE, when="after", of=MANIFEST, published=1),
    "half a line of the audit log": Point(stage="land", at="infra.auditlog:write_all", when="half", call=3),
    "line of the audit log, not confirmed": Point(
        stage="land", at="infra.auditlog:write_all", when="after", call=3
    ),
    "torn line moved aside, not cut off": Point(
        stage="land", at="infra.auditlog:write_new", when="after", torn=True
    ),
    # curate
    "quarantine published, curated not begun": Point(
        stage="curate", at="tasks.curation:_consent", published=1
    ),
    "curated files, no manifest": Point(stage="curate", at=CREATE, of="curated/", published=1),
    # de-identify, gate, publish
    "two tables of a release": Point(
        stage="deidentify", at="infra.datasets:Writer.add", when="after", call=2
    ),
    "draft complete, gate not begun": Point(stage="deidentify", at="tasks.deidentification:_report"),
    "inside the gate": Point(stage="gate", at="tasks.gating:run_gate", when="after"),
    "page of the gate written": Point(stage="gate", at="tasks.gating:write_new_page", when="after"),
    "between deletions of a refused draft": Point(
        stage="gate", at=DELETE, when="after", call=2, refused=True
    ),
    "refused draft deleted, its keys not": Point(
        stage="gate", at="infra.keys:KeyStore.destroy", refused=True
    ),
    "release verified, no manifest": Point(stage="publish", at=CREATE, of=MANIFEST),
    "release published, nobody told": Point(
        stage="publish", at="tasks.publishing:publish_manifest", when="after", published=1
    ),
    # retention
    "before the commit of destroyed keys": Point(
        stage="expire", at="sql", of="COMMIT", within="infra.keys:KeyStore.destroy"
    ),
    "keys destroyed, files there": Point(stage="expire", at=DELETE),
    "between deletions of expired files": Point(stage="expire", at=DELETE, when="after", call=5),
    "expired files gone, manifest there": Point(stage="expire", at=DELETE, of=MANIFEST),
    # train: ledger, fit, assess, release
    "inside the ledger's transaction": Point(stage="reserve", at="sql", of="INSERT INTO entry", when="after"),
    "ledger committed, nobody told": Point(
        stage="reserve", at="sql", of="COMMIT", when="after", within="infra.ledger:Ledger.reserve", spent=1
    ),
    "reserved, not fitted": Point(stage="reserve", at="tasks.budget:epsilon_meter", spent=1),
    "after ten training steps": Point(
        stage="fit", at="models.privacy.trainer:_Training.step", when="after", call=10
    ),
    "fitted, nothing sealed": Point(stage="fit", at="tasks.training:keep_internal"),
    "weights sealed, plan not": Point(stage="fit", at=CREATE, call=2),
    "sealed, no manifest": Point(stage="fit", at="infra.sealed:publish"),
    "sealed and published, not assessed": Point(
        stage="fit", at="tasks.training:keep_internal", when="after", published=1
    ),
    "utility measured, ledger not committed": Point(stage="assess", at="infra.ledger:Ledger.commit"),
    "ledger committed, no evidence": Point(stage="assess", at="infra.ledger:Ledger.commit", when="after"),
    "run of MLflow begun, no model": Point(
        stage="release", at="infra.registry:Registry._start", when="after"
    ),
    "model in MLflow, no version": Point(stage="release", at="infra.registry:Registry._log", when="after"),
    "version, no alias": Point(stage="release", at="mlflow:MlflowClient.create_model_version", when="after"),
    "candidate, no evidence": Point(stage="release", at="infra.registry:Registry.register", when="after"),
    "evidence kept, no dossier": Point(
        stage="release", at="tasks.release:keep_internal", when="after", published=1
    ),
    "half a dossier written": Point(
        stage="release", at=WRITE, when="half", within="tasks.release:write_new_page", published=1
    ),
    "dossier, no champion": Point(stage="release", at="infra.registry:Registry.promote", published=1),
    "champion named, nobody told": Point(
        stage="release", at="infra.registry:Registry.promote", when="after", published=1
    ),
}
TRAIN = ("fit", "assess", "release")


def main(folder: Path, names: list[str]) -> None:
    """Make the shop and the fault-free home, then die at each of the points."""
    trains = any(POINTS[name].stage in TRAIN for name in names)
    _import(trains)
    spec = _shop(folder / "shop")
    os.environ["PRIVET_HOME"], os.environ["PRIVET_THREADS"] = str(folder / "home"), "2"
    if status := _forked(lambda: _fault_free(folder, str(spec), trains)):
        raise SystemExit(f"the fault-free run ended with {status}; see {folder / 'errors.txt'}")
    (folder / "home").rename(folder / "saved")
    for name in names:
        _copy_home(folder)
        died = _forked(lambda n=name: _die(folder, str(spec), POINTS[n]))  # type: ignore[misc]
        looked = _forked(lambda n=name, d=died: _look(folder, str(spec), n, d))  # type: ignore[misc]
        if looked:
            _tell(folder, {"point": name, "wrong": [f"the look ended with {looked}; see errors.txt"]})


def _import(trains: bool) -> None:
    """Everything slow, before the first fork; no engine and no model is started here."""
    stages = ("budget", "curation", "deidentification", "gating", "landing", "publishing", "retention")
    slow = ["great_expectations", "pandera.pandas", *(f"tasks.{stage}" for stage in stages)]
    if trains:
        slow += ["mlflow.keras", "models.privacy.trainer", "tasks.audit", "tasks.release", "tasks.training"]
    for module in slow:
        importlib.import_module(module)


def _forked(work: Callable[[], None]) -> int:
    """Do the work in a child; its exit status, below zero for a signal."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001  # the child must not go on as its parent
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        sys.stderr.flush()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _shop(folder: Path) -> Path:
    """A few customers with orders and consents, and faulty rows for the quarantine."""
    import yaml

    from models.shop.generate import Kind, make_shop
    from models.shop.purchases import Purchases

    make_shop(folder, customers=CUSTOMERS, seed=7, purchases=Purchases.sample(), kind=Kind(dirty=0.02))
    spec = yaml.safe_load((folder / "shop.yaml").read_text())
    for table in ("order_lines", "products", "tickets", "campaign_contacts"):
        spec["tables"].pop(table, None)
    del spec["releases"]["support_tickets"]
    spec["releases"]["customer_profiles"]["anonymity"] = {"k": 2, "l": 1, "suppression_limit": 1.0}
    (folder / "shop.yaml").write_text(yaml.safe_dump(spec, allow_unicode=True, sort_keys=False))
    return folder / "shop.yaml"


def _copy_home(folder: Path) -> None:
    """The saved home again, at its own place: MLflow keeps absolute paths."""
    shutil.rmtree(folder / "home", ignore_errors=True)
    shutil.copytree(folder / "saved", folder / "home")
    (folder / "known.log").unlink(missing_ok=True)


# The way, without a server.


def _fault_free(folder: Path, spec: str, trains: bool) -> None:
    """One whole prepare and, if asked, train; what each stage returned is kept for the next."""
    from tasks import deidentification, gating, intake

    pinned = intake.pin.fn(spec)
    kept: dict[str, Any] = {"pinned": pinned, **_prepared(pinned)}
    kept["draft"] = deidentification.deidentify_tables.fn(pinned, kept["curated"].output)
    kept["gate"] = gating.gate.fn(pinned, kept["draft"])
    (Path(os.environ["PRIVET_HOME"]) / "reports" / _gate_page(kept["draft"])).unlink()
    kept["reservation"] = _stages(kept)["reserve"]()
    if trains:
        kept |= _trained(kept)
    kept["tables"] = {str(ref): _content(ref) for ref in _published() if ref.zone != "internal"}
    kept["internal"] = {str(ref) for ref in _published() if ref.zone == "internal"}
    (folder / "kept.pickle").write_bytes(pickle.dumps(kept))


def _prepared(pinned: Any) -> dict[str, Any]:
    from tasks import curation, deidentification, gating, landing, publishing

    landed = landing.land.fn(pinned)
    curated = curation.curate.fn(pinned, landed)
    draft = deidentification.deidentify_tables.fn(pinned, curated.output)
    gate = gating.gate.fn(pinned, draft)
    before = (landed, curated.contract, curated.consent)
    done = publishing.publish.fn(pinned, draft, gate, before)
    return {"landed": landed, "curated": curated, "before": before, "prepared": done}


def _trained(kept: dict[str, Any]) -> dict[str, Any]:
    """A model fitted and assessed; its evidence for three releases, of which the first is done."""
    _few_steps()
    stages = _stages(kept)
    kept["fitted"] = stages["fit"]()
    evidence = stages["assess"]()
    clear = evidence.utility.released.model_copy(update={"value": 0.9, "low": 0.8, "high": 0.95})
    utility = evidence.utility.model_copy(update={"released": clear})  # so few customers show no utility
    kept["evidence"] = [
        evidence.model_copy(update={"run": f"{evidence.run}{mark}", "utility": utility}) for mark in "abc"
    ]
    assert _stages(kept)["release"](0).model.champion
    open_again = _stages(kept)["reserve"]()
    kept["fitted"] = kept["fitted"].model_copy(update={"reservation": open_again})
    return kept


def _few_steps() -> None:
    """The real case with fewer steps of training."""
    from dataclasses import replace

    from models.cases import catalog

    case = catalog.CATALOG["fraud"]
    catalog.CATALOG["fraud"] = replace(case, recipe=case.recipe.model_copy(update={"steps": STEPS}))  # type: ignore[index]


def _stages(kept: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    """Every stage on what the fault-free run left before it."""

    def task(name: str, *args: Any) -> Any:
        module, _, function = name.rpartition(".")
        return getattr(importlib.import_module(f"tasks.{module}"), function).fn(kept["pinned"], *args)

    return {
        "land": lambda: task("landing.land"),
        "curate": lambda: task("curation.curate", kept["landed"]),
        "deidentify": lambda: task("deidentification.deidentify_tables", kept["curated"].output),
        "gate": lambda: task("gating.gate", kept["draft"]),
        "publish": lambda: task("publishing.publish", kept["draft"], kept["gate"], kept["before"]),
        "expire": lambda: task("retention.expire"),
        "reserve": lambda: task("budget.reserve", "fraud", kept["prepared"].released),
        "fit": lambda: task("training.fit", "fraud", kept["prepared"].released, kept["reservation"]),
        "assess": lambda: task("audit.assess", "fraud", kept["fitted"]),
        "release": lambda number=1: task(
            "release.publish", "fraud", kept["fitted"], kept["evidence"][number]
        ),
    }


def _gate_page(draft: Any) -> str:
    return f"gate-{draft.manifest.ref.name}-{draft.manifest.ref.version}.html"


def _again(kept: dict[str, Any], stage: str) -> None:
    """What a new run does: it never takes up a dead run's draft or model, but makes its own."""
    if stage in ("gate", "publish", "deidentify"):
        stages = _stages(kept)
        kept["draft"] = stages["deidentify"]()
        kept["gate"] = stages["gate"]()
        stages["publish"]()
    elif stage == "release":
        _stages(kept)["release"](2)
    else:
        _stages(kept)[stage]()


# The death.


def _die(folder: Path, spec: str, point: Point) -> None:
    kept = pickle.loads((folder / "kept.pickle").read_bytes())
    if point.torn:
        with (folder / "home" / "audit.jsonl").open("ab") as log:
            log.write(b'{"n":9,"time":"20')
    if point.stage in TRAIN:
        _few_steps()
    if point.stage == "expire":
        _believe(LATER_DAYS)
    if point.refused:
        _refuse()
    _note_what_is_promised(folder)
    _arm(point)
    _stages(kept)[point.stage]()


def _arm(point: Point) -> None:
    running = [not point.within]
    calls = 0

    def passing(real: Callable[..., Any]) -> Callable[..., Any]:
        def passed(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            hit = running[-1] and point.of in str((args, kwargs))
            calls += hit
            if not hit or calls != point.call:
                return real(*args, **kwargs)
            if point.when == "half":
                real(args[0], bytes(args[1])[: len(args[1]) // 2])
            elif point.when == "after":
                real(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)

        return passed

    def outer(real: Callable[..., Any]) -> Callable[..., Any]:
        def passed(*args: Any, **kwargs: Any) -> Any:
            running.append(True)
            try:
                return real(*args, **kwargs)
            finally:
                running.pop()

        return passed

    if point.within:
        _wrap(point.within, outer)
    if point.at == "sql":
        _watch_sql(passing)
    else:
        _wrap(point.at, passing)


def _wrap(target: str, make: Callable[[Any], Any]) -> None:
    module, _, path = target.partition(":")
    owner: Any = importlib.import_module(module)
    *way, name = path.split(".")
    for part in way:
        owner = getattr(owner, part)
    setattr(owner, name, make(getattr(owner, name)))


def _watch_sql(passing: Callable[[Any], Any]) -> None:
    """Every statement of the key store and the ledger passes the point."""
    execute = passing(sqlite3.Connection.execute)

    class Watched(sqlite3.Connection):
        def execute(self, *args: Any) -> Any:
            return execute(self, *args)

    connect = sqlite3.connect
    sqlite3.connect = lambda *args, **kwargs: connect(*args, **kwargs, factory=Watched)  # type: ignore[assignment,misc]


def _believe(days: int) -> None:
    """Let retention believe that so many days have passed."""

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(days=days)

    from tasks import retention

    retention.datetime = Later  # type: ignore[misc]


def _refuse() -> None:
    from models.values.dataset import GateCheck, GateResult

    no = GateResult(checks=(GateCheck(table="customer_profiles", rule="none", passed=False),))
    _wrap("tasks.gating:run_gate", lambda _: lambda *args, **kwargs: no)


def _note_what_is_promised(folder: Path) -> None:
    """Write down, in a file of its own, whatever a call confirmed to its caller before the death."""
    descriptor = os.open(folder / "known.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def noting(kind: str, of: Callable[[Any, tuple[Any, ...]], list[str]]) -> Callable[[Any], Any]:
        def make(real: Any) -> Any:
            def noted(*args: Any, **kwargs: Any) -> Any:
                done = real(*args, **kwargs)
                os.write(descriptor, "".join(f"{kind} {what}\n" for what in of(done, args)).encode())
                return done

            return noted

        return make

    _wrap("infra.ledger:Ledger.reserve", noting("reserved", lambda done, args: [done.id]))
    _wrap("infra.ledger:Ledger.commit", noting("committed", lambda done, args: [args[1]]))
    _wrap("infra.auditlog:AuditLog.append", noting("logged", lambda done, args: [done]))
    _wrap("infra.keys:KeyStore.create", noting("key", lambda done, args: list(done)))
    _wrap("infra.keys:KeyStore.destroy", noting("nokey", lambda done, args: list(args[3])))
    for method in (CREATE, PUT):
        _wrap(method, noting("object", lambda done, args: [args[1]]))
    _wrap(DELETE, noting("noobject", lambda done, args: [args[1]]))


# The look.


def _look(folder: Path, spec: str, name: str, died: int) -> None:
    """Everything that must hold after the death, then again after a new run and a sweep."""
    from tasks import resolve

    point, kept = POINTS[name], pickle.loads((folder / "kept.pickle").read_bytes())
    if point.stage in TRAIN:
        _few_steps()
    if point.stage == "expire":
        _believe(LATER_DAYS)
    wrong = [] if died == -signal.SIGKILL else [f"the stage ended with {died} and not with the kill"]
    site = resolve.site()
    left = _left(folder)
    wrong += _lost(folder, point, kept)
    torn = _log_wrongs(folder, wrong)
    new = _check_datasets(kept, wrong, expiring=point.stage == "expire")
    if len(new) != point.published:
        wrong.append(f"{len(new)} new data sets are visible, {point.published} should be")
    models = _check_models(wrong) if point.stage in TRAIN else "-"
    _again(kept, point.stage)
    again = _check_datasets(kept, wrong, expiring=False)
    _swept(kept, wrong)
    if point.stage in TRAIN:
        _check_models(wrong)
    spent = site.ledger.spent("embedded-shop/customers").epsilon
    found = {
        "point": name,
        "stage": point.stage,
        "new": [str(ref).split("/")[0] for ref in new],
        "unpublished": left,
        "log": "torn line aside" if torn else "whole",
        "spent": spent,
        "models": models,
        "again": [str(ref).split("/")[0] for ref in again],
        "wrong": wrong,
    }
    _tell(folder, found)


def _tell(folder: Path, found: dict[str, Any]) -> None:
    with (folder / "findings.jsonl").open("a") as file:
        file.write(json.dumps(found) + "\n")


def _published() -> list[Any]:
    from models.values.dataset import DatasetRef
    from tasks import resolve

    end = f"/{MANIFEST}"
    return [
        DatasetRef.parse(key.removesuffix(end)) for key in resolve.site().store.list("") if key.endswith(end)
    ]


def _left(folder: Path) -> int:
    """Files that belong to no published data set, half-written ones included."""
    published = {str(ref) for ref in _published()}
    zones = folder / "home" / "zones"
    files = (path.relative_to(zones) for path in zones.rglob("*") if path.is_file())
    return sum("/".join(path.parts[:3]) not in published for path in files)


def _lost(folder: Path, point: Point, kept: dict[str, Any]) -> list[str]:
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


def _check_datasets(kept: dict[str, Any], wrong: list[str], *, expiring: bool) -> list[Any]:
    """Every visible data set is whole and says what the fault-free run said; returns those that are new."""
    from infra.manifests import open_manifest, verify_files
    from infra.retention import expired
    from models.values.errors import PrivetError
    from tasks import resolve

    site, shop = resolve.site(), resolve.spec(kept["pinned"])
    from tasks import retention

    going = expired(site, shop, retention.datetime.now(retention.UTC)) if expiring else ()
    known = {ref.rpartition("/")[0]: tables for ref, tables in kept["tables"].items()}
    new = []
    for ref in _published():
        old = str(ref) in kept["tables"] or str(ref) in kept["internal"]
        new += [] if old else [ref]
        try:
            if ref in going and not _has_keys(ref):
                continue  # expired, and nobody can read it any more: the next run removes the rest
            verify_files(site.store, open_manifest(site.store, ref))
            if ref.zone == "internal":
                _recall(ref)
            elif not old and _content(ref) != known[str(ref).rpartition("/")[0]]:
                wrong.append(f"{ref.zone} differs from the fault-free run")
            elif old and not _has_keys(ref):
                wrong.append(f"{ref.zone} has lost its keys")
        except PrivetError as error:
            wrong.append(f"{ref.zone} is visible and broken: {error}")
    return new


def _has_keys(ref: Any) -> bool:
    """Whether all keys of a data set are there. Raises AssertionError if only some are."""
    from infra.manifests import open_manifest
    from tasks import resolve

    ids = {file.key_id for file in open_manifest(resolve.site().store, ref).files}
    with sqlite3.connect(Path(os.environ["PRIVET_HOME"]) / "keys" / "keys.db") as db:
        there = {row[0] for row in db.execute("SELECT id FROM data_key WHERE ref = ?", (str(ref),))}
    assert ids <= there or not ids & there, "keys of one data set were destroyed one by one"
    return ids <= there


def _content(ref: Any) -> dict[str, Any]:
    """Table -> rows and a hash of all of them, whatever their order."""
    from infra.datasets import read
    from infra.manifests import open_manifest
    from tasks import resolve

    with resolve.bench("content", 1) as bench:
        manifest = open_manifest(bench.site.store, ref)
        purposes = {table.name: table.purpose for table in manifest.tables if table.purpose}
        tables = read(bench.site, bench.engine, ref, resolve.PREPARER, purposes=purposes)
        query = "SELECT count(*), bit_xor(hash(t)), sum(hash(t) % 1000000007) FROM {} AS t"
        return {
            name: bench.engine.connection.execute(query.format(table.get_name())).fetchall()
            for name, table in tables.items()
        }


def _recall(ref: Any) -> dict[str, bytes]:
    from infra.manifests import open_manifest
    from infra.sealed import recall
    from tasks import resolve

    site = resolve.site()
    return {
        file.path: recall(site, resolve.TRAINER, ref, file.path)
        for file in open_manifest(site.store, ref).files
    }


def _check_models(wrong: list[str]) -> str:
    """Every version holds the fault-free model; the champion has its evidence, seals and dossier."""
    import numpy as np

    from infra.registry import ModelRef, Registry
    from models.values.evidence import Evidence
    from tasks import resolve

    settings = resolve.site().settings
    registry = Registry(settings.mlflow_uri, settings.mlflow_artifacts)
    models = registry.listing()
    name = "embedded-shop-fraud"
    weights = []
    for entry in models:
        version = registry._client.get_model_version(name, str(entry["version"]))
        loaded = registry.load(ModelRef(name=name, version=int(entry["version"]), run_id=str(version.run_id)))
        weights.append([np.asarray(array) for array in loaded.get_weights()])
    if not all(np.array_equal(a, b) for other in weights[1:] for a, b in zip(weights[0], other, strict=True)):
        wrong.append("a registered model differs from the fault-free one")
    champion = registry.champion(name)
    texts = [_recall(ref).get("evidence.json") for ref in _published() if ref.zone == "internal"]
    evidence = {found.run: found for text in texts if text and (found := Evidence.model_validate_json(text))}
    run = next((entry["run"] for entry in models if champion and entry["version"] == champion.version), None)
    if champion is None or run not in evidence:
        wrong.append("there is no champion, or its evidence is not kept")
    elif registry.promote(champion, evidence[str(run)]):
        wrong.append("the champion's evidence speaks against it")
    if not (settings.reports_dir / f"dossier-fraud-{run}.html").read_text().rstrip().endswith("</html>"):
        wrong.append("the champion has no whole dossier")
    return ", ".join(f"{entry['version']} {entry['alias']}".strip() for entry in models)


def _swept(kept: dict[str, Any], wrong: list[str]) -> None:
    """A day later retention removes what the dead process stored and never published."""
    from tasks import retention

    published = _published()
    _believe(2)
    retention.expire.fn(kept["pinned"])
    if set(_published()) != set(published):
        wrong.append("the sweep changed what is published")
    home = Path(os.environ["PRIVET_HOME"])
    if left := _left(home.parent):
        wrong.append(f"{left} files are left after the sweep")
    if list((home / "work").iterdir()) or list(home.rglob("*.partial")) != [home / "zones" / ".partial"]:
        wrong.append("work or half-written files are left after the sweep")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or list(POINTS))
