"""Access: the policies against a table written by hand, and no in every doubt."""

import itertools

import pytest

from infra.access import POLICIES, Access, AccessDenied, Principal
from models.values.dataset import DatasetRef

ROLES = ["preparer", "trainer", "gatekeeper", "analyst", "officer", "nobody"]
ACTIONS = ["read", "write", "derive", "destroy", "publish"]
ZONES = ["raw", "curated", "quarantine", "released", "internal", "pseudonym", "elsewhere"]
PRODUCTS = ["raw", "curated", "attributes", "events", "public", "internal", "other"]
PURPOSES = [(None, None), ("fraud", "fraud"), ("fraud", "ads"), ("fraud", None), (None, "fraud")]


def allowed(access, role, action, resource, product, purposes=(None, None)):
    try:
        access.authorise(
            Principal(name="someone", role=role),
            action,
            resource,
            product=product,
            purpose=purposes[0],
            resource_purpose=purposes[1],
        )
    except AccessDenied:
        return False
    return True


def by_hand(role, action, zone, product, purposes):
    """The same rules, as sets."""
    keep = {"read", "write", "destroy"}
    same = purposes[0] is not None and purposes[0] == purposes[1]
    zones = {("raw", "raw"), ("curated", "curated"), ("quarantine", "raw"), ("quarantine", "internal")}
    releases = {("released", product) for product in ("attributes", "events", "public")}
    place = (zone, product)
    if (zone == "released" or product in ("attributes", "events", "public")) and not same:
        return False
    return (
        (role == "preparer" and action in keep and place in zones | releases)
        or (
            role in ("preparer", "officer")
            and action == "derive"
            and place == ("pseudonym", "internal")
            and same
        )
        or (role == "trainer" and action == "read" and place in releases - {("released", "attributes")})
        or (role == "trainer" and action in keep and place == ("internal", "internal"))
        or (role == "gatekeeper" and action == "read" and place in releases)
        or (role == "analyst" and action == "read" and place in releases - {("released", "events")})
        or (
            role == "officer"
            and action == "read"
            and zone in ("internal", "quarantine")
            and product == "internal"
        )
        or (
            role == "officer"
            and action == "destroy"
            and (zone in ZONES[:5] or place == ("pseudonym", "internal"))
        )
    )


@pytest.mark.parametrize(("role", "action"), itertools.product(ROLES, ACTIONS))
def test_every_request_is_decided_as_by_hand(role, action):
    access = Access.load()
    for zone, product, purposes in itertools.product(ZONES, PRODUCTS, PURPOSES):
        asked = (role, action, f"{zone}/orders/v1", product, purposes)
        assert allowed(access, *asked) == by_hand(role, action, zone, product, purposes), asked


def test_a_trainer_reads_events_for_their_purpose_only():
    access, events = Access.load(), DatasetRef(zone="released", name="shop", version="v1")
    assert allowed(access, "trainer", "read", events, "events", ("fraud_detection", "fraud_detection"))
    assert not allowed(access, "trainer", "read", events, "events", ("fraud_detection", "support"))
    assert not allowed(access, "trainer", "read", events, "attributes", ("support", "support"))
    assert not allowed(access, "trainer", "read", DatasetRef(zone="raw", name="shop", version="v1"), "raw")


def test_a_purpose_that_the_spec_lacks_is_denied():
    access = Access.load(purposes=["fraud_detection"])
    asked = ("trainer", "read", "released/shop/v1", "events")
    assert allowed(access, *asked, ("fraud_detection", "fraud_detection"))
    assert not allowed(access, *asked, ("marketing", "marketing"))
    assert not allowed(Access.load(purposes=[]), *asked, ("fraud_detection", "fraud_detection"))
    assert allowed(access, "preparer", "read", "raw/shop/v1", "raw")


GOOD = POLICIES.read_text()
BROKEN = {
    "empty": "",
    "blank": " \n// nothing\n",
    "cut": GOOD[:-40],
    "not cedar": "allow everyone",
    "failing permit": GOOD + "permit (principal, action, resource) when { context.nothing == 1 };",
    "failing forbid": GOOD + "forbid (principal, action, resource) when { context.nothing == 1 };",
    "forbid all": GOOD + "forbid (principal, action, resource);",
}


@pytest.mark.parametrize("policies", BROKEN.values(), ids=BROKEN.keys())
def test_no_or_broken_policies_deny(policies):
    assert allowed(Access(GOOD), "preparer", "read", "raw/orders/v1", "raw")
    assert not allowed(Access(policies), "preparer", "read", "raw/orders/v1", "raw")


def test_missing_or_unreadable_policy_files_deny(tmp_path):
    (tmp_path / "binary.cedar").write_bytes(b"\xff\xfe")
    (tmp_path / "empty.cedar").touch()
    for path in (*tmp_path.iterdir(), tmp_path / "none.cedar", tmp_path):
        assert not allowed(Access.load(path), "preparer", "read", "raw/orders/v1", "raw")


@pytest.mark.parametrize("word", ["", "a b", 'x"; permit', "READ", "a\n", "x" * 80])
def test_malformed_words_are_denied_and_not_shown(word):
    everything = Access("permit (principal, action, resource);")
    assert allowed(everything, "nobody", "read", "raw/x", "raw")
    for resource, action, product, purposes in [
        ("raw/x", word, "raw", (None, None)),
        ("raw/x", "read", word, (None, None)),
        ("raw/x", "read", "raw", (word, word)),
        (word * 4, "read", "raw", (None, None)),
    ]:
        with pytest.raises(PermissionError) as caught:
            everything.authorise(
                Principal(name="a", role="nobody"),
                action,
                resource,
                product=product,
                purpose=purposes[0],
                resource_purpose=purposes[1],
            )
        assert len(word) < 2 or word not in str(caught.value)


@pytest.mark.parametrize("field", ["name", "role"])
def test_a_principal_is_two_plain_words(field):
    with pytest.raises(ValueError, match="pattern"):
        Principal(**({"name": "a", "role": "b"} | {field: "ada@example.org"}))
