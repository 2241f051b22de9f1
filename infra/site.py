"""The site: the outside world of one Privet home, put together from its settings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from infra.access import Access
from infra.auditlog import AuditLog
from infra.keys import KeyStore
from infra.ledger import Ledger
from infra.s3 import S3Store
from infra.settings import Settings
from infra.storage import LocalStore, ObjectStore, private_folder


@dataclass(frozen=True, kw_only=True)
class Site:
    """Settings, object store, keys, audit log and privacy ledger that belong together."""

    settings: Settings
    store: ObjectStore
    keys: KeyStore
    log: AuditLog
    ledger: Ledger


@cache
def open_site(settings: Settings) -> Site:
    """The site of these settings; its folders are made, owner-only, if they are missing."""
    private_folder(settings.home)
    log = AuditLog(settings.audit_path)
    return Site(
        settings=settings,
        store=open_store(settings),
        keys=KeyStore(settings.keys_dir, Access.load(), log),
        log=log,
        ledger=Ledger(settings.ledger_path),
    )


def open_store(settings: Settings) -> ObjectStore:
    """Where data sets are kept: the bucket that the settings name (asked at its first use), else the home."""
    if settings.store is None:
        return LocalStore(settings.zones_dir)
    return S3Store(settings.store, settings.s3_endpoint_url)
