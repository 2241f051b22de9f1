"""Pictures that stand alone: they ask nobody, and of private data there is a sentence instead."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree

import pytest

from infra.report import pictures
from tests.infra.report.evidence_sample import evidence

ARTIFACTS = [pictures.training_curve, pictures.attack]


def _svg(text: str) -> str:
    (found,) = re.findall(r"\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", text)
    return base64.b64decode(found).decode()


@pytest.mark.parametrize("make", ARTIFACTS)
def test_of_public_data_the_picture_is_shown_and_labelled(make):
    sample = evidence(synthetic="synthetic: invented")
    svg = _svg(make(sample))
    assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    assert re.findall(r"https?://[^\"]+", svg) == ["http://www.w3.org/2000/svg"]
    assert "script" not in svg
    assert "synthetic: invented" in make(sample)


@pytest.mark.parametrize("make", ARTIFACTS)
def test_of_private_data_a_sentence_says_where_it_is_kept(make):
    sample = evidence(synthetic=None)
    text = make(sample)
    assert "data:" not in text
    assert f"`privet dossier {sample.run} --output FILE`" in text
    assert not re.search(r"\d\.\d", text)


def test_the_meter_shows_what_is_spent_and_what_is_left():
    text = pictures.epsilon_meter("tea", spent=3.001, left=8.999, run=3, use_case="fraud")
    assert "epsilon 3.01 of 12 spent, 8.999 left" in text
    assert "takes 3.00 of it" in text
    assert "left" in _svg(text)
