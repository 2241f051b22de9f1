"""Freshness: a release is used under the spec that it was made under, or not at all."""

from __future__ import annotations

from infra.manifests import open_manifest
from infra.site import Site
from models.values.dataset import DatasetRef
from models.values.errors import PrivetError
from models.values.spec import ShopSpec


class StaleRelease(PrivetError, ValueError):
    """The release was made under another spec than the one in force."""


def made_under(site: Site, shop: ShopSpec, released: DatasetRef) -> None:
    """Raise StaleRelease if `released` was made under another spec; the `balance` of use cases may have changed."""
    if open_manifest(site.store, released).policy_hash != shop.policy_hash():
        raise StaleRelease(f"{released} was made under another version of the spec; run prepare again")
