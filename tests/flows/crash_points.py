"""Points: where a stage of prepare or train is killed, by name."""

from __future__ import annotations

from dataclasses import dataclass

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
        stage="fit", at="models.privacy.trainer:Training.step", when="after", call=10
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
