"""Secrets: no way of showing shows them."""

from __future__ import annotations

import copy
import json
import pickle
import traceback

import pytest

from models.values.secret import SecretBytes

RAW = b"canary-5d1f"
SECRET = SecretBytes(RAW)
SHOWN = [
    ("repr", lambda: repr(SECRET)),
    ("str", lambda: str(SECRET)),
    ("format", lambda: f"{SECRET}"),
    ("percent", lambda: "%s %r" % (SECRET, SECRET)),  # noqa: UP031
    ("list", lambda: repr([SECRET])),
    ("dict", lambda: str({"key": SECRET})),
    ("assertion", lambda: str(AssertionError(SECRET))),
]
REFUSED = [
    ("pickle", lambda: pickle.dumps(SECRET)),
    ("old pickle", lambda: pickle.dumps(SECRET, protocol=0)),
    ("json", lambda: json.dumps(SECRET)),
    ("copy", lambda: copy.copy(SECRET)),
    ("deep copy", lambda: copy.deepcopy({"key": SECRET})),
    ("attributes", lambda: vars(SECRET)),
    ("bytes", lambda: bytes(SECRET)),
]


@pytest.mark.parametrize(("way", "show"), SHOWN)
def test_a_secret_does_not_show_itself(way, show):
    assert "hidden" in show()
    assert "canary" not in show()
    assert RAW.hex() not in show()


@pytest.mark.parametrize(("way", "store"), REFUSED)
def test_a_secret_cannot_be_stored(way, store):
    with pytest.raises(TypeError) as caught:
        store()
    assert "canary" not in "".join(traceback.format_exception(caught.value))


def test_reveal_is_the_one_way():
    assert SecretBytes(bytearray(RAW)).reveal() == RAW
