"""De-identification as a stage: budget before noise, keys by epoch, and no key beside the data."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from infra.access import AccessDenied
from infra.datasets import read
from infra.keys import NoSuchKey
from infra.ledger import BudgetExceeded
from infra.manifests import open_manifest
from models.anonymity.errors import PolicyError
from models.values.dataset import Manifest
from tasks import publishing, resolve
from tasks.budget import account
from tasks.rotation import between_epochs
from tests.tasks.conftest import Place

NOISE = {"kind": "noise", "mechanism": "laplace", "epsilon": 2, "low": 0, "high": 500, "rows": 200}
OLD, NEW = None, "2026-12"


def with_noise(place: Place, **changes: Any) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["tables"]["orders"]["columns"]["amount"]["transform"] = {**NOISE, **changes}
        spec["releases"] = {"fraud_orders": spec["releases"]["fraud_orders"]}
        spec["releases"]["fraud_orders"]["columns"] = ["order_id", "amount"]
        spec["use_cases"] = {}

    place.change_spec(change)


def released(manifest: Manifest, name: str) -> list[dict[str, Any]]:
    with resolve.bench("test", 1) as bench:
        purposes = {table.name: table.purpose or "" for table in manifest.tables}
        tables = read(bench.site, bench.engine, manifest, resolve.GATEKEEPER, purposes=purposes)
        return bench.engine.rows(tables[name])


def test_noise_is_paid_for_before_it_is_drawn_and_committed_with_the_release(place: Place) -> None:
    with_noise(place)
    ledger, shop = resolve.site().ledger, account(resolve.spec(place.pin()))
    before = ledger.spent(shop).epsilon
    draft = place.draft(place.curated)
    facts = draft.manifest.table("fraud_orders").facts
    entries = [entry for entry in ledger.entries(shop) if entry.what.startswith("noise/")]
    assert len(entries) == 1
    entry = entries[0]
    assert (facts["epsilon_amount"], facts["reservation_amount"]) == (2, entry.id)
    assert ledger.spent(shop).epsilon == before + 2
    assert not entry.committed
    publishing.commit_noise(resolve.site(), draft.manifest)
    assert ledger.is_committed(entry.id)
    amounts = [row["amount"] for row in released(draft.manifest, "fraud_orders")]
    assert sum(amount < 0 for amount in amounts) > len(amounts) / 4


def test_each_preparation_draws_anew_and_pays_again(place: Place) -> None:
    with_noise(place)
    ledger, shop = resolve.site().ledger, account(resolve.spec(place.pin()))
    before = ledger.spent(shop).epsilon
    drafts = [place.draft(place.curated).manifest for _ in range(2)]
    one, two = (
        {row["order_id"]: row["amount"] for row in released(draft, "fraud_orders")} for draft in drafts
    )
    assert one.keys() == two.keys()
    assert sum(one[order] == two[order] for order in one) < len(one) / 10
    assert ledger.spent(shop).epsilon == before + 4


@pytest.mark.parametrize(
    ("changes", "error"), [({"rows": 1}, PolicyError), ({"epsilon": 3, "over": True}, BudgetExceeded)]
)
def test_no_noise_without_a_bound_on_rows_and_a_budget(
    place: Place, changes: dict[str, Any], error: type[Exception]
) -> None:
    over = changes.pop("over", False)
    with_noise(place, **changes)
    if over:
        place.change_spec(lambda spec: spec["budget"].update(epsilon=2))
    drafts = place.drafts()
    with pytest.raises(error):
        place.draft(place.curated)
    assert place.drafts() == drafts


def test_rotation_gives_new_pseudonyms_and_finds_the_old_ones(place: Place) -> None:
    """THREATS.md, planted bug 42: erase by old and new id."""
    before = open_manifest(resolve.site().store, place.before.released)
    place.change_spec(lambda spec: spec.update(pseudonyms={"epoch": NEW}))
    after = place.draft(place.curated).manifest
    named = [manifest.table("fraud_customers").facts for manifest in (before, after)]
    assert named[0]["key_of_customer"] != named[1]["key_of_customer"]
    assert named[1]["pseudonym_epoch"] == NEW
    ids = [
        {str(row["customer_id"]) for row in released(manifest, "fraud_customers")}
        for manifest in (before, after)
    ]
    assert not ids[0] & ids[1]
    pairs = mapping(place)
    assert {old for old, _ in pairs} >= ids[0]
    assert {new for old, new in pairs if old in ids[0]} == ids[1]


def mapping(place: Place, **who: Any) -> set[tuple[str, str]]:
    with resolve.bench("test", 1) as bench:
        spec = resolve.spec(place.pin())
        raw = read(bench.site, bench.engine, place.curated.output, resolve.PREPARER, tables=["customers"])
        values = raw["customers"].customer_id
        pairs = between_epochs(bench, spec, "fraud_customers", values, old=OLD, new=NEW, **who)
        return {(str(row["old"]), str(row["new"])) for row in bench.engine.rows(pairs)}


def test_only_an_officer_leads_from_old_to_new_and_is_logged(place: Place) -> None:
    with pytest.raises(AccessDenied):
        mapping(place, principal=resolve.TRAINER)
    mapping(place)
    log = (place.home / "audit.jsonl").read_text().splitlines()
    derived = [line for line in log if '"action":"derive"' in line and '"actor":"officer"' in line]
    assert len(derived) == 2
    assert f'"epoch":"epoch_{NEW}"' in derived[1]


def test_a_destroyed_epoch_is_found_no_more_and_not_made_again(place: Place) -> None:
    mapping(place)
    keys, shop = resolve.site().keys, resolve.spec(place.pin()).shop
    with pytest.raises(AccessDenied):
        keys.destroy_epoch(resolve.PREPARER, shop=shop, epoch=NEW)
    assert keys.destroy_epoch(resolve.OFFICER, shop=shop, epoch=NEW)
    assert not keys.destroy_epoch(resolve.OFFICER, shop=shop, epoch=NEW)
    with pytest.raises(NoSuchKey):
        mapping(place)


def test_no_key_lies_beside_the_data(place: Place) -> None:
    """THREATS.md, planted bug 41: the pseudonym keys' bytes are in no file of the home, in no usual writing."""
    spec, keys = resolve.spec(place.pin()), resolve.site().keys
    for domain in ("customer", "order", "device", "household"):
        key = keys.derive(resolve.PREPARER, shop=spec.shop, purpose="fraud_detection", domain=domain).reveal()
        written = (
            key,
            key.hex().encode(),
            key.hex().upper().encode(),
            base64.b64encode(key),
            repr(key).encode(),
        )
        assert not [path for form in written for path in place.bytes_with(form)]


def test_another_shop_has_other_keys(place: Place) -> None:
    """THREATS.md, planted bug 39: tenants, purposes and domains."""
    keys, names = resolve.site().keys, [("a", "p", "d"), ("b", "p", "d"), ("a", "q", "d"), ("a", "p", "e")]
    derived = {
        keys.derive(resolve.PREPARER, shop=shop, purpose=purpose, domain=domain, epoch=epoch).reveal()
        for shop, purpose, domain in names
        for epoch in (None, "1", "2")
    }
    assert len(derived) == len(names) * 3
