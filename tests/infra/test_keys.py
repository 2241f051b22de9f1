"""Keys: none without a decision on record, none under another name, none after destruction."""

import contextlib
import hashlib
import json
import multiprocessing
import os
import sqlite3
import stat

import pytest

from infra.access import Access, AccessDenied, Principal
from infra.auditlog import AuditLog, AuditLogError, verify
from infra.keys import DamagedKey, KeyStore, KeyStoreError, NoSuchKey, key_id
from models.values.dataset import DatasetRef

PREPARER = Principal(name="prepare", role="preparer")
TRAINER = Principal(name="train", role="trainer")
ANALYST = Principal(name="ada", role="analyst")
OFFICER = Principal(name="officer", role="officer")
RAW = DatasetRef(zone="raw", name="shop", version="v1")
RELEASED = DatasetRef(zone="released", name="shop", version="v1")


@pytest.fixture
def log(tmp_path):
    return AuditLog(tmp_path / "audit.jsonl")


@pytest.fixture
def keys(tmp_path, log):
    return KeyStore(tmp_path / "keys", Access.load(), log)


def logged(log):
    return [json.loads(line) for line in log.path.read_text().splitlines()]


def shown(secrets):
    return {key_id: secret.reveal() for key_id, secret in secrets.items()}


def change(keys_db, statement):
    with sqlite3.connect(keys_db) as db:
        assert db.execute(statement).rowcount > 0
    db.close()


def test_a_key_opens_for_its_role_and_purpose(keys):
    made = keys.create(PREPARER, RELEASED, "events", "fraud_detection", 3)
    assert len(set(shown(made).values())) == 3
    assert {len(key) for key in shown(made).values()} == {32}
    opened = keys.open(TRAINER, RELEASED, "events", "fraud_detection", list(made))
    assert shown(opened) == shown(made)


@pytest.mark.parametrize(
    ("who", "product", "purpose"),
    [
        (TRAINER, "events", "support"),
        (TRAINER, "events", None),
        (TRAINER, "attributes", "fraud_detection"),
        (TRAINER, "internal", "fraud_detection"),
        (ANALYST, "events", "fraud_detection"),
        (ANALYST, "attributes", "fraud_detection"),
    ],
)
def test_the_record_decides_and_not_who_asks(keys, log, who, product, purpose):
    made = keys.create(PREPARER, RELEASED, "events", "fraud_detection", 1)
    with pytest.raises(AccessDenied):
        keys.open(who, RELEASED, product, purpose, made)
    last = logged(log)[-1]
    assert (last["actor"], last["action"], last["outcome"]) == (who.name, "read", "denied")
    assert (last["facts"]["product"], last["facts"]["kept_for"]) == ("events", "fraud_detection")


def test_keys_of_two_purposes_need_two_permissions(keys):
    fraud = keys.create(PREPARER, RELEASED, "events", "fraud_detection", 1)
    support = keys.create(PREPARER, RELEASED, "events", "support", 1)
    with pytest.raises(AccessDenied):
        keys.open(TRAINER, RELEASED, "events", "fraud_detection", [*fraud, *support])


def test_every_decision_is_logged_before_any_key_leaves(keys, log):
    made = keys.create(PREPARER, RAW, "raw", None, 2)
    keys.open(PREPARER, RAW, "raw", None, made)
    keys.derive(PREPARER, shop="shop", purpose="support", domain="customer")
    keys.destroy(PREPARER, RAW, made)
    with pytest.raises(AccessDenied):
        keys.create(TRAINER, RAW, "raw", None, 1)
    with pytest.raises(AccessDenied):
        keys.derive(TRAINER, shop="shop", purpose="support", domain="customer")
    assert [(entry["action"], entry["outcome"]) for entry in logged(log)] == [
        ("write", "allowed"),
        ("read", "allowed"),
        ("derive", "allowed"),
        ("destroy", "allowed"),
        ("destroy", "done"),
        ("write", "denied"),
        ("derive", "denied"),
    ]
    assert verify(log.path).ok


def test_no_log_no_key(keys, log, monkeypatch):
    made = keys.create(PREPARER, RAW, "raw", None, 1)

    def full(*_fields, **_facts):
        raise AuditLogError("full")

    monkeypatch.setattr(log, "append", full)
    for act in (
        lambda: keys.create(PREPARER, RAW, "raw", None, 1),
        lambda: keys.open(PREPARER, RAW, "raw", None, made),
        lambda: keys.derive(PREPARER, shop="shop", purpose="support", domain="customer"),
        lambda: keys.destroy(PREPARER, RAW, made),
    ):
        with pytest.raises(AuditLogError):
            act()
    monkeypatch.undo()
    assert shown(keys.open(PREPARER, RAW, "raw", None, made)) == shown(made)


def test_the_log_holds_neither_keys_nor_what_does_not_belong_there(keys, log, tmp_path):
    made = keys.create(PREPARER, RAW, "raw", None, 1)
    with pytest.raises(AccessDenied):
        keys.open(PREPARER, RAW, "ada@example.org", "Ada Lovelace", made)
    with pytest.raises(AccessDenied):
        keys.derive(PREPARER, shop="Ada Lovelace", purpose="ada@example.org", domain="x")
    stored = log.path.read_bytes() + (tmp_path / "keys/keys.db").read_bytes()
    secret = next(iter(shown(made).values()))
    assert all(form not in stored for form in (secret, secret.hex().encode(), b"ada@", b"Lovelace"))


def test_a_destroyed_key_never_opens_again(keys, tmp_path):
    made, other = keys.create(PREPARER, RAW, "raw", None, 2), keys.create(PREPARER, RAW, "raw", None, 1)
    with sqlite3.connect(tmp_path / "keys/keys.db") as db:
        wrapped = [
            row[0] for row in db.execute("SELECT wrapped FROM data_key WHERE id IN (?, ?)", list(made))
        ]
    db.close()
    with pytest.raises(AccessDenied):
        keys.destroy(TRAINER, RAW, made)
    assert keys.destroy(PREPARER, RAW, made) == 2
    assert keys.destroy(PREPARER, RAW, made) == 0
    with pytest.raises(NoSuchKey, match="destroyed"):
        keys.open(PREPARER, RAW, "raw", None, made)
    assert shown(keys.open(PREPARER, RAW, "raw", None, other)) == shown(other)
    stored = b"".join(path.read_bytes() for path in (tmp_path / "keys").iterdir())
    assert not any(key in stored for key in wrapped)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE data_key SET product = 'events'",
        "UPDATE data_key SET purpose = 'support'",
        "UPDATE data_key SET ref = 'released/other/v1'",
        "UPDATE data_key SET wrapped = (SELECT wrapped FROM data_key AS other WHERE other.id <> data_key.id)",
        "UPDATE data_key SET wrapped = CAST(substr(wrapped, 1, length(wrapped) - 1) || x'00' AS BLOB)",
    ],
)
def test_a_changed_row_opens_nothing(keys, tmp_path, statement):
    made = keys.create(PREPARER, RELEASED, "attributes", "analytics", 2)
    change(tmp_path / "keys/keys.db", statement)
    everything = KeyStore(
        tmp_path / "keys", Access("permit (principal, action, resource);"), AuditLog(tmp_path / "l")
    )
    ref = DatasetRef(zone="released", name="other", version="v1") if "other/v1" in statement else RELEASED
    product = "events" if "'events'" in statement else "attributes"
    with pytest.raises(DamagedKey, match="changed"):
        everything.open(PREPARER, ref, product, "analytics", made)


def test_keys_of_another_data_set_are_not_found(keys):
    made = keys.create(PREPARER, RAW, "raw", None, 1)
    with pytest.raises(NoSuchKey):
        keys.open(PREPARER, RAW.model_copy(update={"version": "v2"}), "raw", None, made)


def test_pseudonym_keys_differ_by_shop_purpose_and_domain(keys):
    names = [
        ("a", "fraud", "customer"),
        ("b", "fraud", "customer"),
        ("a", "support", "customer"),
        ("a", "fraud", "order"),
    ]
    names += [("a", "fraud.x", "y"), ("a", "fraud", "x.y")]
    derived = {keys.derive(PREPARER, shop=s, purpose=p, domain=d).reveal() for s, p, d in names}
    assert len(derived) == len(names)
    again = keys.derive(PREPARER, shop="a", purpose="fraud", domain="customer").reveal()
    assert again in derived
    assert len(again) == 32


def test_the_name_of_a_key_says_nothing_of_it(keys):
    """THREATS.md, planted bug 41: names of keys stand in manifests."""
    key = keys.derive(PREPARER, shop="a", purpose="fraud", domain="customer")
    name, raw = key_id(key), key.reveal()
    assert len(name) == 16
    assert name not in raw.hex() + raw[::-1].hex() + hashlib.sha256(raw).hexdigest()


def test_an_epoch_has_keys_of_its_own_until_it_is_destroyed(keys):
    """THREATS.md, planted bug 42: rotation, and an end to it."""
    asked = {"shop": "a", "purpose": "fraud", "domain": "customer"}
    derived = {keys.derive(PREPARER, **asked, epoch=epoch).reveal() for epoch in (None, "1", "2")}
    assert len(derived) == 3
    assert keys.destroy_epoch(OFFICER, shop="a", epoch="1")
    with pytest.raises(NoSuchKey, match="new epoch"):
        keys.derive(PREPARER, **asked, epoch="1")
    assert {keys.derive(PREPARER, **asked, epoch=epoch).reveal() for epoch in (None, "2")} < derived


@pytest.mark.parametrize(("who", "outcome"), [(OFFICER, "allowed"), (ANALYST, "denied")])
def test_what_needs_no_key_is_decided_and_logged_alike(keys, log, who, outcome):
    measured = DatasetRef(zone="internal", name="shop", version="v1")
    with contextlib.nullcontext() if outcome == "allowed" else pytest.raises(AccessDenied):
        keys.decide(who, "read", measured, product="internal", purpose=None)
    last = logged(log)[-1]
    assert (last["actor"], last["outcome"], last["facts"]["role"]) == (who.name, outcome, who.role)


def test_only_the_owner_may_look(keys, tmp_path):
    before = os.umask(0)
    try:
        keys.create(PREPARER, RAW, "raw", None, 1)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("name", "mode"), [("master.json", 0o640), ("master.json", 0o604), (".", 0o710), (".", 0o705)]
)
def test_a_keyset_that_others_can_reach_is_refused(keys, tmp_path, name, mode):
    made = keys.create(PREPARER, RAW, "raw", None, 1)
    (tmp_path / "keys" / name).chmod(mode)
    with pytest.raises(KeyStoreError, match="other users"):
        keys.open(PREPARER, RAW, "raw", None, made)


def test_a_lost_keyset_is_not_replaced(keys, tmp_path):
    made = keys.create(PREPARER, RAW, "raw", None, 1)
    (tmp_path / "keys/master.json").unlink()
    for act in (
        lambda: keys.create(PREPARER, RAW, "raw", None, 1),
        lambda: keys.open(PREPARER, RAW, "raw", None, made),
    ):
        with pytest.raises(KeyStoreError, match=r"restore master\.json"):
            act()
    assert not (tmp_path / "keys/master.json").exists()


@pytest.mark.parametrize("junk", ["", "{}", "[]", "null", '{"key": 5}', "\xff", '{"primaryKeyId": "x"}'])
def test_a_damaged_keyset_is_refused_and_not_shown(keys, tmp_path, junk):
    made = keys.create(PREPARER, RAW, "raw", None, 1)
    (tmp_path / "keys/master.json").write_text(junk, "latin-1")
    with pytest.raises(DamagedKey, match="backup"):
        keys.open(PREPARER, RAW, "raw", None, made)


@pytest.mark.parametrize("count", [0, -1, 10_001])
def test_a_senseless_number_of_keys_is_refused(keys, count):
    with pytest.raises(KeyStoreError, match="ask for fewer"):
        keys.create(PREPARER, RAW, "raw", None, count)


def _create(home, log_path, barrier, queue):
    barrier.wait()
    made = KeyStore(home, Access.load(), AuditLog(log_path)).create(PREPARER, RAW, "raw", None, 1)
    queue.put(shown(made))


def test_two_processes_make_one_keyset(tmp_path, keys, log):
    context = multiprocessing.get_context("fork")
    barrier, queue = context.Barrier(3), context.Queue()
    arguments = (tmp_path / "keys", log.path, barrier, queue)
    processes = [context.Process(target=_create, args=arguments) for _ in range(3)]
    [process.start() for process in processes]
    made = {}
    for _ in processes:
        made |= queue.get(timeout=60)
    [process.join() for process in processes]
    assert shown(keys.open(PREPARER, RAW, "raw", None, made)) == made
