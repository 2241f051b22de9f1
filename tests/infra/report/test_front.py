"""The front's page: self-contained, silent about what is internal, and alive in a real browser."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import html
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from infra.report.front import FrontError, kind_of, png, render
from infra.report.texts import catalogue
from models.values.balance import Constraint, Front
from models.values.language import LANGUAGES
from tests.flows.browser import Talk, talk
from tests.infra.report.test_dossier import parsed
from tests.models.balance.points import front_of, measure, point

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LABEL = "synthetic: invented for a test"
BOUND = Constraint(what="upper_bits", at_most=0.5)
POINTS = [
    point(0, 0.890, 0.38, epsilon=3.0, wide=0.003, risk=0.02, choices={"epsilon": 3.0, "steps": 400}),
    point(1, 0.886, 0.10, epsilon=1.5, wide=0.003, risk=0.01, choices={"epsilon": 1.5, "steps": 200}),
    point(2, 0.850, 0.02, epsilon=0.5, wide=0.003, risk=0.01, choices={"epsilon": 0.5, "steps": 100}),
    point(3, 0.840, 0.30, epsilon=2.5, wide=0.003, risk=0.01, choices={"epsilon": 2.5, "steps": 50}),
    point(4, 0.895, 0.60, epsilon=3.0, wide=0.003, risk=0.01, choices={"epsilon": 3.0, "steps": 900}),
]
FRONT = front_of(POINTS, constraints=(BOUND,))


def released(front: Front) -> Front:
    """The same with numbers that a budget paid for."""
    names = ("utility", "risk", "advantage")
    points = tuple(
        each.model_copy(
            update={name: getattr(each, name).model_copy(update={"scope": "dp_released"}) for name in names}
        )
        for each in front.points
    )
    return front.model_copy(update={"points": points, "twin": None, "twin_risk": None})


def test_trials_are_what_they_are() -> None:
    kinds = [kind_of(FRONT, each) for each in FRONT.points]
    assert kinds == ["front", "chosen", "front", "other", "out"]


@pytest.mark.parametrize("front", [FRONT, front_of([], hypervolume=()), released(FRONT)])
def test_the_page_asks_no_host_and_runs_its_own_script_alone(front: Front) -> None:
    page = render(front, synthetic=LABEL)
    assert [link for link in parsed(page).links if not link.startswith("#")] == []
    script = re.findall(r"<script>(.*?)</script>", page, re.S)
    assert len(script) == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    policy = html.unescape(re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[0])
    assert (
        policy
        == f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"
    )
    assert len(script[0].splitlines()) <= 150
    assert not re.search(
        r"https?://(?!www\.w3\.org/2000/svg)|\bfetch\b|XMLHttp|import\(|eval|innerHTML", page
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_the_choice_and_its_reason(language: Any) -> None:
    page, choice = html.unescape(render(FRONT, synthetic=LABEL, languages=[language])), FRONT.choice
    assert choice is not None
    for sentence in (choice.reason, choice.stricter, choice.looser):
        assert sentence[language] in page
    assert LABEL in page
    assert page.count("<tr data-number") == len(POINTS)
    assert "upper_bits 0.6 is above 0.5" in page


def test_the_catalogues_have_the_same_keys() -> None:
    assert set(catalogue("front", "en")) == set(catalogue("front", "zh"))


@pytest.mark.parametrize("show", [render, png])
def test_internal_numbers_of_private_data_are_refused(show: Any) -> None:
    with pytest.raises(FrontError, match="internal numbers"):
        show(FRONT)
    assert show(FRONT, internal=True)
    assert show(released(FRONT))
    assert "keep it encrypted" in render(FRONT, internal=True)
    for part in ("twin", "twin_risk"):
        with pytest.raises(FrontError):
            show(released(FRONT).model_copy(update={part: measure(0.9)}))


def test_names_cannot_become_markup() -> None:
    odd = "</script><b onclick=x>"
    points = [point(0, 0.8, 0.1, choices={odd: odd}), point(1, 0.9, 0.2, choices={odd: 1.0}, broken=(odd,))]
    page = render(front_of(points, data=odd, packs=(odd,), metric=odd), synthetic=odd)
    assert odd not in page
    assert page.count("</script>") == 1 + len(LANGUAGES)


def test_the_picture_is_one() -> None:
    drawn = png(FRONT, synthetic=LABEL)
    assert drawn.startswith(b"\x89PNG")
    assert len(drawn) > 10_000
    assert drawn != png(front_of(POINTS[:3]), synthetic=LABEL)


ASK = """
(() => {
  const box = document.querySelector('#en .balance'), axis = box.querySelector('select');
  const spots = () => [...box.querySelectorAll('circle[data-number]')];
  const bound = name => box.querySelector(`input[data-what=${name}]`);
  const set = (input, value) => { input.value = value; input.dispatchEvent(new Event('input')); };
  const at = () => spots().map(spot => Math.round(spot.getAttribute('cx')));
  const said = {alive: box.classList.contains('alive'), spots: spots().length, first: at()};
  spots()[1].dispatchEvent(new Event('pointerenter'));
  said.detail = box.querySelector('.detail').innerText;
  said.shown = box.querySelector('tr.shown').dataset.number;
  axis.value = 'epsilon'; axis.dispatchEvent(new Event('change'));
  said.moved = at();
  set(bound('upper_bits'), 20);
  said.greyed = [...box.querySelectorAll('tr.greyed')].map(row => Number(row.dataset.number));
  said.kept = box.querySelector('.kept').innerText;
  set(bound('upper_bits'), 100);
  said.loose = box.querySelectorAll('tr.greyed').length;
  return said;
})()
"""


@pytest.mark.server
@pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed (infra/debian.txt)")
def test_the_page_is_alive_in_a_browser(tmp_path: Path) -> None:
    page = tmp_path / "front.html"
    page.write_text(render(FRONT, synthetic=LABEL), encoding="utf-8")
    said, logged = talk(str(CHROMIUM), tmp_path / "profile", _asked, page.as_uri())
    assert logged == []
    assert (said["alive"], said["spots"]) == (True, 5)
    assert said["first"][2] < said["first"][1] < said["first"][0] < said["first"][4]
    assert "Trial 1" in said["detail"]
    assert "0.886 [0.883, 0.889]" in said["detail"]
    assert said["shown"] == "1"
    assert said["moved"] != said["first"]
    assert said["greyed"] == [0, 3, 4]
    assert said["kept"] == "2 of 5 trials keep these bounds"
    assert said["loose"] == 0


async def _asked(tab: Talk) -> tuple[dict[str, Any], list[str]]:
    """What the script makes of clicks, and what the browser complained of (a script that its policy forbids)."""
    await tab.call("Log.enable")
    await tab.call("Runtime.enable")
    for _ in range(60):
        if await tab.value("!!document.querySelector('.alive')"):
            break
        await asyncio.sleep(0.5)
    found = await tab.value(ASK) or {}
    complaints = ("Log.entryAdded", "Runtime.exceptionThrown")
    return found, [json.dumps(told) for method, told in tab.told if method in complaints]
