"""The charged audit of a model of text: sentences are planted in its run, sealed with it, and shown of later models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.report.view import view
from models.values.evidence import Evidence
from models.values.risk import Exposure
from models.values.stage import Audited
from tasks import audit, auditing, budget, resolve, training
from tests.models.attacks.broken_trainers import short_noise
from tests.small_spec import reduced
from tests.tasks.conftest import Place, as_private

pytestmark = pytest.mark.prove


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A tiny shop that answers letters, with one release."""
    from models.shop.generate import make_shop
    from models.shop.purchases import Purchases

    folder = tmp_path_factory.mktemp("letters")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRIVET_HOME", str(folder / "home"))
        patch.setenv("PRIVET_THREADS", "2")
        make_shop(folder / "shop", customers=600, seed=7, purchases=Purchases.sample())
        spec = yaml.safe_load((folder / "shop/shop.yaml").read_text())
        spec = reduced(spec, without=("order_lines", "products", "campaign_contacts"), use_cases=("support",))
        spec["use_cases"]["support"]["balance"]["attack_seconds"] = 300
        spec["releases"]["customer_profiles"]["anonymity"] = {"k": 2, "l": 1, "suppression_limit": 1.0}
        (folder / "shop/shop.yaml").write_text(yaml.safe_dump(spec, allow_unicode=True, sort_keys=False))
        made = Place(shop=folder / "shop", home=folder / "home")
        made.prepare()
        yield made


def _assessed(place: Place) -> Evidence:
    pinned = place.pin()
    released = auditing.release_of(pinned, "support", None)
    fitted = training.fit.fn(pinned, "support", released, budget.reserve.fn(pinned, "support", released))
    evidence: Evidence = audit.assess.fn(pinned, "support", fitted)
    return evidence


@pytest.fixture(scope="module")
def before(place: Place) -> Evidence:
    return _assessed(place)


def _audited(place: Place) -> Audited:
    pinned = place.pin()
    released = auditing.release_of(pinned, "support", None)
    reservation = budget.reserve.fn(pinned, "support", released, "audit")
    done: Audited = auditing.audit.fn(pinned, "support", released, reservation, 1000)
    return done


@pytest.fixture(scope="module")
def audited(place: Place, before: Evidence) -> Audited:
    return _audited(place)


def test_a_model_of_text_without_such_an_audit_says_so(before: Evidence) -> None:
    assert before.risk.exposures == (Exposure(missing=auditing.UNPLANTED),)


def test_one_charge_pays_for_both_kinds_of_canaries(place: Place, audited: Audited) -> None:
    shop, site = resolve.spec(place.pin()), resolve.site()
    entries = [
        entry for entry in site.ledger.entries(budget.account(shop)) if entry.what.startswith("audit/")
    ]
    assert [entry.epsilon for entry in entries] == [shop.target("support").epsilon]
    assert entries[0].committed
    assert not audited.audit.broken


def test_the_private_model_knows_far_less_of_the_sentences_than_its_twin(audited: Audited) -> None:
    assert [each.language for each in audited.exposures] == ["en", "zh"]
    for each in audited.exposures:
        assert each.audited == audited.output.version
        assert each.bits is not None
        assert each.twin is not None
        assert each.chance < each.twin.low
        assert each.bits.high < each.twin.low


def test_later_models_of_the_plan_show_them(place: Place, audited: Audited) -> None:
    after = _assessed(place)
    assert after.risk.exposures == audited.exposures
    shown = view(after, internal=False)["risk"]["exposures"]
    assert [each["bits"]["value"] for each in shown] == [
        each.bits.value for each in audited.exposures if each.bits
    ]


def test_numbers_of_a_private_shop_are_not_printed(
    place: Place, audited: Audited, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    private = as_private(place, tmp_path)
    said = []
    for path in (place.shop / "shop.yaml", private):
        auditing.show(audited, str(path), as_json=True)
        said.append(json.loads(capsys.readouterr().out)["exposures"])
    assert [type(each["bits"]) for each in said[0]] == [list, list]
    assert [(each["bits"], each["twin"]) for each in said[1]] == [("internal", "internal")] * 2
    auditing.show(audited, str(private), as_json=False)
    assert "language en, planted 100, others 1023, bits internal" in capsys.readouterr().out


def test_a_run_without_noise_is_seen_to_know_them(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentences are trained on, and the model that is asked is the run's."""
    short_noise(monkeypatch, 0.0)
    done = _audited(place)
    assert done.audit.broken
    for each in done.exposures:
        assert each.bits is not None
        assert each.bits.low > each.chance
