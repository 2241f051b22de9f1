"""Manifests: a data set exists from the moment its manifest does, whole and never changed.

Layout: `zone/name/version/path of a file` and, written last, `zone/name/version/manifest.json`.
Whatever has no manifest is invisible: the remains of a run that did not finish.
"""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime

from pydantic import ValidationError

from infra.storage import NoSuchObject, ObjectStore, OutcomeUnknown
from models.values.dataset import DatasetRef, Manifest, Zone
from models.values.errors import PrivetError

MANIFEST = "manifest.json"
_VERSION = re.compile(r"([0-9]{8}t[0-9]{6})-[0-9a-f]{6}")
_TIME = "%Y%m%dt%H%M%S"


class ManifestError(PrivetError, ValueError):
    """A data set is not what its manifest must say, or cannot be published as asked."""


class NoSuchDataset(ManifestError, LookupError):
    """There is no published data set of this name."""


class DamagedDataset(ManifestError):
    """Files of a data set are missing or differ from their manifest."""


def new_version(now: datetime) -> str:
    """A new version such as `20261121t205500-1f3a9c`: UTC time, so that text order is time order, and chance.

    Raises ValueError if `now` has no time zone.
    """
    if now.tzinfo is None:
        raise ValueError("the time of a version needs a time zone; use datetime.now(UTC)")
    return f"{now.astimezone(UTC).strftime(_TIME)}-{secrets.token_hex(3)}"


def object_key(ref: DatasetRef, path: str) -> str:
    """Where the file `path` of a data set lies in the store."""
    return f"{ref}/{path}"


def publish(store: ObjectStore, manifest: Manifest) -> DatasetRef:
    """Make a data set exist: check it, check every stored file's size and SHA-256, then create its manifest.

    Raises:
        ManifestError: it contradicts itself, or a released data set has no passed gate.
        DamagedDataset: a file is missing, differs, or is stored but not named.
        AlreadyExists: this version was published before.
    """
    _check_whole(manifest)
    verify_files(store, manifest)
    named = {object_key(manifest.ref, file.path) for file in manifest.files}
    stray = set(store.list(f"{manifest.ref}/")) - named - {object_key(manifest.ref, MANIFEST)}
    if stray:
        raise DamagedDataset(
            f"{manifest.ref} holds {len(stray)} files that its manifest lacks; name or delete them"
        )
    store.create(object_key(manifest.ref, MANIFEST), manifest.model_dump_json().encode())
    return manifest.ref


def may_exist(store: ObjectStore, ref: DatasetRef, error: BaseException) -> bool:
    """Whether a data set is published, or may yet be: a store did not answer the creation of its manifest.

    `error` ended the work on it. If True, nothing that the data set needs may be destroyed; what then never
    appears is removed by `sweep`. Raises StorageError if the store cannot be asked.
    """
    manifest = object_key(ref, MANIFEST)
    unanswered = isinstance(error, OutcomeUnknown) and error.key == manifest
    return unanswered or manifest in store.list(manifest)


def open_manifest(store: ObjectStore, ref: DatasetRef) -> Manifest:
    """The manifest of a published data set.

    Raises:
        NoSuchDataset: it was never published.
        ManifestError: what lies there is no manifest, or one of another data set.
    """
    try:
        text = store.read(object_key(ref, MANIFEST))
    except NoSuchObject:
        raise NoSuchDataset(f"data set {ref} is not published; see which versions are") from None
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError:
        raise ManifestError(
            f"the manifest of {ref} is damaged; restore it or publish a new version"
        ) from None
    if manifest.ref != ref:
        raise ManifestError(
            f"the manifest at {ref} names {manifest.ref}; restore it or publish a new version"
        )
    return manifest


def latest(store: ObjectStore, zone: Zone, name: str) -> DatasetRef:
    """The newest published version. Raises NoSuchDataset if there is none."""
    wanted = DatasetRef(zone=zone, name=name, version="any")
    versions = [
        version
        for version, files in _versions(store, wanted).items()
        if object_key(DatasetRef(zone=zone, name=name, version=version), MANIFEST) in files
    ]
    if not versions:
        raise NoSuchDataset(f"there is no published data set {zone}/{name}; run the flow that makes it")
    return DatasetRef(zone=zone, name=name, version=max(versions))


def verify_files(store: ObjectStore, manifest: Manifest) -> None:
    """Read every file of a data set and compare. Raises DamagedDataset with the first five bad files."""
    bad: list[str] = []
    for file in manifest.files:
        try:
            found = store.fingerprint(object_key(manifest.ref, file.path))
        except NoSuchObject:
            bad.append(f"{file.path} is missing")
            continue
        if found != (file.sha256, file.bytes):
            bad.append(f"{file.path} differs from its SHA-256 or size")
    if bad:
        raise DamagedDataset(
            f"{len(bad)} files of {manifest.ref} are not as recorded: {', '.join(bad[:5])}; restore them or "
            "make a new version"
        )


def sweep(store: ObjectStore, zone: Zone, name: str, older_than: datetime) -> tuple[str, ...]:
    """Delete what runs before `older_than` stored and never published; returns the deleted keys.

    The age is read from the version. Choose a time before any run that may still publish. Published data
    sets and versions that `new_version` did not make are left alone.
    """
    if older_than.tzinfo is None:
        raise ValueError("older_than needs a time zone; use datetime.now(UTC) - timedelta(days=1)")
    limit = older_than.astimezone(UTC).strftime(_TIME)
    deleted: list[str] = []
    for version, files in _versions(store, DatasetRef(zone=zone, name=name, version="any")).items():
        made = _VERSION.fullmatch(version)
        if made is None or made[1] >= limit or f"{zone}/{name}/{version}/{MANIFEST}" in files:
            continue
        for key in files:
            store.delete(key)
            deleted.append(key)
    return tuple(deleted)


def _versions(store: ObjectStore, wanted: DatasetRef) -> dict[str, list[str]]:
    """All stored keys of a data set by their version."""
    versions: dict[str, list[str]] = {}
    for key in store.list(f"{wanted.zone}/{wanted.name}/"):
        parts = key.split("/")
        if len(parts) > 3:
            versions.setdefault(parts[2], []).append(key)
    return versions


def _check_whole(manifest: Manifest) -> None:
    ref, paths = manifest.ref, [file.path for file in manifest.files]
    if len(set(paths)) < len(paths) or MANIFEST in paths:
        raise ManifestError(f"{ref} names a file twice or names {MANIFEST} itself; name each file once")
    rows = {table.name: 0 for table in manifest.tables}
    if len(rows) < len(manifest.tables):
        raise ManifestError(f"{ref} has two tables of one name; name each table once")
    for file in manifest.files:
        if file.table not in rows:
            raise ManifestError(f"{ref} has a file of table {file.table!r}, which it does not list; list it")
        rows[file.table] += file.rows
    for table in manifest.tables:
        if rows[table.name] != table.rows:
            raise ManifestError(
                f"table {table.name!r} of {ref} has another number of rows than its files; count anew"
            )
        claimed = table.facts.get("protection", "pseudonymous")
        if table.product == "events" and claimed != "pseudonymous":
            raise ManifestError(
                f"table {table.name!r} of {ref} holds events and claims to be more than pseudonymous; they are "
                "personal data and are called so"
            )
    if ref.zone == "released" and not (manifest.gate and manifest.gate.passed):
        raise ManifestError(f"{ref} has not passed its gate; nothing is released without")
