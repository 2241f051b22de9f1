"""`privet explain`: a page or JSON of a release by its name, and a plain refusal for what is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.access import AccessDenied, Principal
from infra.settings import Settings
from models.values.errors import PrivetError
from tasks import explaining, resolve


def test_a_release_is_explained(place: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings, page = Settings.load(), place.home / "explained.html"
    assert explaining.explain(settings, "embedded-shop", str(page), internal=False, as_json=False) == 0
    text = page.read_text()
    for said in (
        str(place.before.released),
        "customer_profiles",
        "turned into bands of ages",
        "singling out",
    ):
        assert said in text, said
    assert page.stat().st_mode & 0o077 == 0
    capsys.readouterr()
    explaining.explain(settings, str(place.before.released), None, internal=False, as_json=True)
    tables = {table["name"]: table for table in json.loads(capsys.readouterr().out)["tables"]}
    assert tables["customer_profiles"]["after"]["k"] >= 2
    assert tables["fraud_orders"]["protection"] == "pseudonymous"


def test_the_officers_page_needs_a_decision_that_is_logged(
    place: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings.load()
    explaining.explain(settings, "embedded-shop", None, internal=True, as_json=True)
    assert '"allowed"' in settings.audit_path.read_text().splitlines()[-1]
    capsys.readouterr()
    monkeypatch.setattr(resolve, "OFFICER", Principal(name="somebody", role="analyst"))
    with pytest.raises(AccessDenied):
        explaining.explain(settings, "embedded-shop", None, internal=True, as_json=True)
    assert '"denied"' in settings.audit_path.read_text().splitlines()[-1]
    assert not capsys.readouterr().out


@pytest.mark.parametrize("name", ["nobody", "raw/embedded-shop/x", "../keys", "released/Embedded Shop/1", ""])
def test_what_is_no_release_is_refused(place: Any, name: str) -> None:
    with pytest.raises(PrivetError, match=r"privet status|published"):
        explaining.explain(Settings.load(), name, None, internal=False, as_json=False)
