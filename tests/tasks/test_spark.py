"""One shop prepared by DuckDB and by a Spark cluster of a master and two workers: the same release."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.manifests import open_manifest
from infra.spark_cluster import Cluster, standalone_cluster
from models.values.dataset import DatasetRef, Manifest
from tests.small_spec import reduced
from tests.tasks.conftest import Place

pytest.importorskip("pyspark")
pytestmark = pytest.mark.prove


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """150 customers with orders, consents and tickets."""
    from models.shop.generate import make_shop
    from models.shop.purchases import Purchases

    make_shop(tmp_path / "shop", customers=150, seed=5, purchases=Purchases.sample())
    spec = yaml.safe_load((tmp_path / "shop" / "shop.yaml").read_text())
    spec = reduced(spec, without=("order_lines", "products", "campaign_contacts"))
    spec["releases"]["customer_profiles"]["anonymity"] = {"k": 2, "l": 1, "suppression_limit": 1.0}
    (tmp_path / "shop" / "shop.yaml").write_text(yaml.safe_dump(spec, allow_unicode=True, sort_keys=False))
    monkeypatch.setenv("PRIVET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PRIVET_THREADS", "2")
    return Place(shop=tmp_path / "shop", home=tmp_path / "home")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with standalone_cluster(tmp_path / "cluster") as started:
        yield started


def test_the_same_release(shop: Place, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    here = manifests(shop)
    # a home of its own with the same keys, so that neither release is compared with the other
    other_home = shop.home.with_name("other-home")
    other_home.mkdir(mode=0o700)
    shutil.copytree(shop.home / "keys", other_home / "keys")
    monkeypatch.setenv("PRIVET_HOME", str(other_home))
    monkeypatch.setenv("PRIVET_ENGINE", "spark")
    monkeypatch.setenv("PRIVET_SPARK_MASTER", cluster.master)
    monkeypatch.setenv("PRIVET_SPARK_SECRET_FILE", str(cluster.secret_file))
    there = manifests(shop)
    assert len(here) == len(there) == 3
    for one, other in zip(here, there, strict=True):
        assert tables_of(one) == tables_of(other)
        assert one.rejected == other.rejected
        assert [(f.table, f.bucket, f.rows) for f in one.files] == [
            (f.table, f.bucket, f.rows) for f in other.files
        ]
    assert all(table.content for table in there[0].tables)


def tables_of(manifest: Manifest) -> Any:
    """What the manifest says of its tables; means are summed in another order, so numbers count to nine digits."""
    said = manifest.model_dump_json(include={"tables"})
    return json.loads(said, parse_float=lambda number: round(float(number), 9))


def manifests(shop: Place) -> list[Manifest]:
    """What one `prepare` published: the release, then what it was made of."""
    from tasks import resolve

    def opened(ref: DatasetRef) -> Manifest:
        return open_manifest(resolve.site().store, ref)

    released = opened(shop.prepare().released)
    curated = opened(released.parents[0])
    return [released, curated, opened(curated.parents[0])]
