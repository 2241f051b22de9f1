"""Retention: data sets older than the spec allows go, their keys first."""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import datetime, timedelta

from infra.access import Principal
from infra.manifests import MANIFEST, object_key, open_manifest
from infra.site import Site
from models.values.dataset import DatasetRef, Zone
from models.values.spec import ShopSpec


def expired(site: Site, shop: ShopSpec, now: datetime) -> tuple[DatasetRef, ...]:
    """The shop's published data sets that are older than their zone keeps data.

    Quarantine is kept as raw data, and the features that a search for a balance started from as released data.
    """
    days = shop.retention
    kept: dict[Zone, int] = {
        "raw": days.raw_days,
        "quarantine": days.raw_days,
        "curated": days.curated_days,
        "released": days.released_days,
        "scores": days.scores_days,
        "internal": days.released_days,
    }
    named: dict[Zone, list[str]] = {"scores": scored(shop), "internal": searched(shop)}
    refs = (
        DatasetRef.parse(key.removesuffix(f"/{MANIFEST}"))
        for zone in kept
        for name in named.get(zone, [shop.shop])
        for key in site.store.list(f"{zone}/{name}/")
        if key.endswith(f"/{MANIFEST}")
    )
    return tuple(
        ref
        for ref in refs
        if open_manifest(site.store, ref).created_at < now - timedelta(days=kept[ref.zone])
    )


def scored(shop: ShopSpec) -> list[str]:
    """The names of the data sets of a shop's predictions."""
    return [f"{shop.shop}-{use_case}{part}" for use_case in shop.use_cases for part in ("", "-parts")]


def searched(shop: ShopSpec) -> list[str]:
    """The names of the data sets with the features that searches for a balance started from."""
    return [f"{shop.shop}-{use_case}-search" for use_case in shop.use_cases]


def remove(site: Site, ref: DatasetRef, principal: Principal) -> None:
    """Destroy a data set: its keys first, so that every copy of its files is unreadable, then files, then manifest."""
    manifest = open_manifest(site.store, ref)
    site.keys.destroy(principal, ref, [file.key_id for file in manifest.files])
    for file in manifest.files:
        site.store.delete(object_key(ref, file.path))
    site.store.delete(object_key(ref, MANIFEST))


def clear_abandoned(site: Site, older_than: datetime) -> None:
    """Remove from the home what killed processes left half-way: work folders of the engine, half-written files.

    Their age is that of their last change. Choose a time before any stage that may still run.
    """
    settings, limit = site.settings, older_than.timestamp()
    for folder in settings.work_dir.glob("engine-*"):
        if folder.stat().st_mtime < limit:
            shutil.rmtree(folder, ignore_errors=True)
    for pattern in ("zones/.partial", "reports", "keys", "."):
        for file in (settings.home / pattern).glob(".*.partial"):
            with suppress(FileNotFoundError):
                if file.stat().st_mtime < limit:
                    file.unlink()
