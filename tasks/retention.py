"""Retention at work: what is past its time goes before new data comes in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from infra.manifests import sweep
from infra.retention import clear_abandoned, expired, remove, scored, searched
from models.values.dataset import DatasetRef
from models.values.stage import SpecRef
from tasks import resolve
from tasks.stage import stage

ABANDONED = timedelta(days=1)


@stage(timeout_seconds=1800, tags={"privet"})
def expire(pinned: SpecRef) -> tuple[DatasetRef, ...]:
    """Remove the shop's expired data sets, and files that a crashed run never published; returns what was removed."""
    shop, site, now = resolve.spec(pinned), resolve.site(), datetime.now(UTC)
    gone = expired(site, shop, now)
    for ref in gone:
        remove(site, ref, resolve.OFFICER)
    for zone in ("raw", "curated", "quarantine", "released"):
        sweep(site.store, zone, shop.shop, now - ABANDONED)
    for name in (*(f"{shop.shop}-{use_case}" for use_case in shop.use_cases), *searched(shop)):
        sweep(site.store, "internal", name, now - ABANDONED)
    for name in scored(shop):
        sweep(site.store, "scores", name, now - ABANDONED)
    clear_abandoned(site, now - ABANDONED)
    return gone
