"""Scoring by the champion alone: part by part, for one purpose, encrypted, and taken up where it stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from infra.access import AccessDenied, Principal
from infra.datasets import read
from infra.manifests import MANIFEST, latest, open_manifest
from infra.registry import Registry
from infra.served import Service
from models.cases.facts import packed
from models.cases.fraud import FRAUD
from models.values.dataset import DatasetRef
from models.values.stage import Scored
from tasks import auditing, resolve, scoring
from tasks.freshness import StaleRelease
from tests.infra.report import evidence_sample as sample
from tests.tasks.conftest import Place

NAME = "embedded-shop-fraud"
PLAN = '{"steps": 800, "sampler": "poisson"}'


def _registry() -> Registry:
    settings = resolve.site().settings
    return Registry(settings.mlflow_uri, settings.mlflow_artifacts)


def _champion() -> int:
    """An untrained model as champion; returns its version."""
    evidence = sample.evidence(synthetic=sample.LABEL, feature_names=FRAUD.inputs)
    service = Service(case="fraud", facts=packed(FRAUD.facts()))
    ref = _registry().register(NAME, FRAUD.build_model({}), evidence, PLAN, service=service)
    assert _registry().promote(ref, evidence) == ()
    return ref.version


def _score(place: Place, **named: Any) -> Scored:
    done: Scored = scoring.score.fn(place.pin(), "fraud", **named)
    return done


@pytest.fixture(scope="module")
def scored(prepared: Place, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The tiny shop with a champion, and its customers scored once."""
    from tests.tasks.conftest import copied

    folder = tmp_path_factory.mktemp("scored")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRIVET_HOME", str(folder / "home"))
        patch.setenv("PRIVET_THREADS", "2")
        place = copied(prepared, folder)
        with pytest.raises(scoring.NotChampion, match="has no champion"):
            _score(place)
        assert not place.keys("scores")
        _champion()
        yield place, _score(place)


def test_every_order_of_the_release_is_scored_once(scored: tuple[Place, Scored], tmp_path: Path) -> None:
    place, done = scored
    spec = place.shop / "shop.yaml"
    scoring.show(done, str(spec), resolve.site().settings, str(tmp_path / "out.parquet"), as_json=True)
    table = parquet.read_table(tmp_path / "out.parquet")
    with resolve.bench("test", 1) as bench:
        asked = {"fraud_orders": "fraud_detection"}
        held = read(
            bench.site, bench.engine, done.released, resolve.TRAINER, tables=["fraud_orders"], purposes=asked
        )
        orders = {str(name) for name in held["fraud_orders"].order_id.to_pyarrow().to_pylist()}
    assert {str(name) for name in table["order_id"].to_pylist()} == orders
    assert len(table) == len(orders) == done.rows
    assert all(0 < value < 1 for value in table["fraud"].to_pylist())
    assert (tmp_path / "out.parquet").stat().st_mode & 0o777 == 0o600


def test_predictions_lie_encrypted_and_for_their_purpose(scored: tuple[Place, Scored]) -> None:
    place, done = scored
    files = [path for path in (place.home / "zones" / "scores").rglob("*.parquet")]
    assert len(files) == len(scoring.PARTS)
    assert all(path.read_bytes()[:4] == b"PARE" for path in files)
    with resolve.bench("test", 1) as bench:
        for role, purpose in (
            ("scorer", "analytics"),
            ("analyst", "fraud_detection"),
            ("trainer", "fraud_detection"),
        ):
            who = Principal(name="test", role=role)
            with pytest.raises(AccessDenied):
                read(bench.site, bench.engine, done.parts[0], who, purposes={"fraud": purpose})


def test_a_stopped_run_goes_on_where_it_stopped(scored: tuple[Place, Scored], monkeypatch: Any) -> None:
    """FAULT: killed in the seventh part of a new champion's predictions; six parts are kept, nothing is listed."""
    place, done = scored
    version = _champion()
    whole: Callable[..., DatasetRef] = scoring.publish_manifest
    made: list[DatasetRef] = []

    def failing(store: Any, manifest: Any) -> DatasetRef:
        if len(made) == 6:
            raise KeyboardInterrupt
        made.append(manifest.ref)
        return whole(store, manifest)

    with monkeypatch.context() as patch:
        patch.setattr(scoring, "publish_manifest", failing)
        with pytest.raises(KeyboardInterrupt):
            _score(place)
    assert latest(resolve.site().store, "scores", NAME) == done.output
    again = _score(place)
    assert (again.resumed, again.model.version, again.rows) == (6, version, done.rows)
    assert set(made) <= set(again.parts)
    assert not set(again.parts) & set(done.parts)
    assert open_manifest(resolve.site().store, again.output).parents == (again.released, *again.parts)
    assert _score(place).resumed == len(scoring.PARTS)


def test_a_claim_that_breaks_meanwhile_stops_what_is_not_published_yet(
    scored: tuple[Place, Scored], monkeypatch: Any
) -> None:
    """An audit that breaks after three parts: no part more; and after the last part: no list of them."""
    place, _ = scored
    _champion()
    for more in (3, len(scoring.PARTS) - 3):
        with monkeypatch.context() as patch:
            _breaks_after(place, more, patch)


def _breaks_after(place: Place, parts: int, monkeypatch: Any) -> None:
    newest = latest(resolve.site().store, "scores", NAME)
    publish: Callable[..., DatasetRef] = scoring.publish_manifest
    made: list[DatasetRef] = []

    def publishing(store: Any, manifest: Any) -> DatasetRef:
        made.append(publish(store, manifest))
        if len(made) == parts:
            audit = sample.risk().audits[0].model_copy(update={"contradictions": ("too little noise ran",)})
            broken = auditing.PlanAudit(plan="any", audit=audit)
            monkeypatch.setattr(auditing, "_kept", lambda *_: iter((broken,)))
        return made[-1]

    monkeypatch.setattr(scoring, "publish_manifest", publishing)
    with pytest.raises(auditing.BrokenClaim):
        _score(place)
    assert len(made) == parts
    assert latest(resolve.site().store, "scores", NAME) == newest


def test_another_model_than_the_champion_is_refused(scored: tuple[Place, Scored]) -> None:
    place, _ = scored
    keys = place.keys("scores")
    with pytest.raises(scoring.NotChampion, match=r"version 77 .* only the champion scores"):
        _score(place, version=77)
    evidence = sample.evidence(synthetic=sample.LABEL, feature_names=FRAUD.inputs)
    candidate = _registry().register(NAME, FRAUD.build_model({}), evidence, PLAN)
    with pytest.raises(scoring.NotChampion):
        _score(place, version=candidate.version)
    assert place.keys("scores") == keys


def test_a_changed_facts_file_is_refused(scored: tuple[Place, Scored]) -> None:
    """The file in the store is not the one that was registered: no score, and nothing of it is read."""
    place, _ = scored
    champion = _registry().champion(NAME)
    assert champion is not None
    source = str(_registry()._version(champion).source).removeprefix("file://")
    facts = next(Path(source).rglob("facts.npz"))
    before = facts.read_bytes()
    facts.write_bytes(packed({"popularity": np.zeros(3)}))
    try:
        with pytest.raises(Exception, match="is not the one registered"):
            _score(place)
    finally:
        facts.write_bytes(before)


def test_a_release_of_another_spec_is_refused(place: Place) -> None:
    place.change_spec(lambda spec: spec.update(minimum_count=11))
    with pytest.raises(StaleRelease):
        _score(place)


@pytest.mark.parametrize("text", ["raw/embedded-shop/v1", "embedded-shop", "released/a/b/c"])
def test_what_is_no_release_is_refused(text: str) -> None:
    with pytest.raises(scoring.NoSuchRelease, match="privet status"):
        scoring.named(text)


def test_expired_predictions_go(scored: tuple[Place, Scored]) -> None:
    from datetime import UTC, datetime, timedelta

    from infra.retention import expired

    place, done = scored
    shop, site = resolve.spec(place.pin()), resolve.site()
    assert MANIFEST
    later = datetime.now(UTC) + timedelta(days=shop.retention.scores_days + 1)
    gone = expired(site, shop, later)
    assert {done.output, *done.parts} <= set(gone)
    assert not any(ref.zone == "scores" for ref in expired(site, shop, datetime.now(UTC)))
