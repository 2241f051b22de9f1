"""Sealing: files of a run kept encrypted, as an internal data set of the shop."""

from __future__ import annotations

from infra.manifests import new_version
from infra.sealed import keep
from models.values.dataset import DatasetRef, Manifest
from models.values.spec import ShopSpec
from tasks import resolve


def named(bench: resolve.Bench, shop: ShopSpec, suffix: str) -> DatasetRef:
    """A new internal data set of the shop, whose name ends in `suffix`."""
    return DatasetRef(zone="internal", name=f"{shop.shop}-{suffix}", version=new_version(bench.now))


def keep_internal(
    bench: resolve.Bench,
    shop: ShopSpec,
    ref: DatasetRef,
    contents: dict[str, bytes],
    *parents: DatasetRef,
) -> DatasetRef:
    """Seal files as the internal data set `ref` (see `named`), which was made of `parents`."""
    manifest = Manifest(
        ref=ref,
        shop=shop.shop,
        synthetic=shop.synthetic,
        created_at=bench.now,
        policy_hash=shop.policy_hash(),
        parents=parents,
        tables=(),
        files=(),
    )
    return keep(bench.site, resolve.TRAINER, ref, contents, manifest=manifest)
