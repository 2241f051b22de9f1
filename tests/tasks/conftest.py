"""A tiny shop with one release, prepared once by the real tasks and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.values.dataset import DatasetRef
from models.values.stage import Curated, Draft, Prepared, SpecRef, StageReport
from tests.small_spec import reduced

NAME = "embedded-shop"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A shop's folder and a Privet home that belong together."""

    shop: Path
    home: Path
    landed: StageReport | None = None
    curated: Curated | None = None
    before: Prepared | None = None

    def pin(self) -> SpecRef:
        from tasks import intake

        return intake.pin.fn(str(self.shop / "shop.yaml"))

    def land(self) -> StageReport:
        from tasks import landing

        return landing.land.fn(self.pin())

    def curate(self, landed: StageReport) -> Curated:
        from tasks import curation

        return curation.curate.fn(self.pin(), landed)

    def draft(self, curated: Curated) -> Draft:
        from tasks import deidentification

        return deidentification.deidentify_tables.fn(self.pin(), curated.output)

    def release(self, landed: StageReport, curated: Curated) -> Prepared:
        from tasks import gating, publishing

        draft = self.draft(curated)
        gate = gating.gate.fn(self.pin(), draft)
        stages = (landed, curated.contract, curated.consent)
        return publishing.publish.fn(self.pin(), draft, gate, stages)

    def prepare(self) -> Prepared:
        """The flow `prepare`, task by task and without a server."""
        landed = self.land()
        return self.release(landed, self.curate(landed))

    def change_spec(self, change: Callable[[dict[str, Any]], None]) -> None:
        path = self.shop / "shop.yaml"
        spec = yaml.safe_load(path.read_text())
        change(spec)
        path.write_text(yaml.safe_dump(spec, allow_unicode=True, sort_keys=False))

    def keys(self, zone: str = "") -> set[str]:
        """All objects of the home, or of one zone."""
        from tasks import resolve

        return set(resolve.site().store.list(f"{zone}/" if zone else ""))

    def drafts(self) -> set[str]:
        """Data sets of which files are stored without a manifest."""
        folders = {key.rsplit("/", len(key.split("/")) - 3)[0] for key in self.keys()}
        return {folder for folder in folders if f"{folder}/manifest.json" not in self.keys()}

    def is_whole(self, ref: DatasetRef) -> bool:
        """Whether a published data set is there with every byte; DamagedDataset if not."""
        from infra.manifests import open_manifest, verify_files
        from tasks import resolve

        store = resolve.site().store
        verify_files(store, open_manifest(store, ref))
        return True

    def bytes_with(self, canary: bytes) -> list[Path]:
        """Files of the home that hold these bytes."""
        files = (path for path in self.home.rglob("*") if path.is_file())
        return [path for path in files if canary in path.read_bytes()]


def as_private(place: Place, folder: Path) -> Path:
    """A spec in `folder` as if the shop's customers were real."""
    spec = yaml.safe_load((place.shop / "shop.yaml").read_text())
    del spec["synthetic"]
    written = folder / "shop.yaml"
    written.write_text(yaml.safe_dump(spec, allow_unicode=True, sort_keys=False))
    return written


def _tiny(folder: Path) -> None:
    """300 customers with orders and consents; a release that so few rows can carry."""
    from models.shop.generate import make_shop
    from models.shop.purchases import Purchases

    make_shop(folder, customers=300, seed=7, purchases=Purchases.sample())
    spec = yaml.safe_load((folder / "shop.yaml").read_text())
    spec = reduced(spec, without=("order_lines", "products", "tickets", "answers", "campaign_contacts"))
    spec["releases"]["customer_profiles"]["anonymity"] = {"k": 2, "l": 1, "suppression_limit": 1.0}
    (folder / "shop.yaml").write_text(yaml.safe_dump(spec, allow_unicode=True, sort_keys=False))


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The tiny shop after one run; copy it before changing it."""
    folder = tmp_path_factory.mktemp("prepared")
    _tiny(folder / "shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRIVET_HOME", str(folder / "home"))
        patch.setenv("PRIVET_THREADS", "2")
        place = Place(shop=folder / "shop", home=folder / "home")
        landed = place.land()
        curated = place.curate(landed)
        before = place.release(landed, curated)
    return Place(shop=place.shop, home=place.home, landed=landed, curated=curated, before=before)


@pytest.fixture
def place(prepared: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A copy of the tiny shop and its home, in force for this test."""
    monkeypatch.setenv("PRIVET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PRIVET_THREADS", "2")
    return copied(prepared, tmp_path)


def copied(prepared: Place, folder: Path) -> Place:
    return Place(
        shop=Path(shutil.copytree(prepared.shop, folder / "shop")),
        home=Path(shutil.copytree(prepared.home, folder / "home")),
        landed=prepared.landed,
        curated=prepared.curated,
        before=prepared.before,
    )
