"""Spec writer: any header survives the way through YAML."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

from infra.spec_writer import _flow, _word


@given(st.text(min_size=1, max_size=30))
def test_a_word_is_read_back_as_it_was(text):
    if all(mark.isprintable() for mark in text):
        assert yaml.safe_load(f"{{{_word(text)}: 1}}") == {text: 1}


def test_values_keep_their_types():
    facts = {
        "range": (0, 1000000),
        "on": "yes",
        "step": 1.0,
        "nullable": True,
        "values": ("1", "a b", "null"),
    }
    read = yaml.safe_load(_flow(facts))
    assert read == {
        "range": [0, 1000000],
        "on": "yes",
        "step": 1,
        "nullable": True,
        "values": ["1", "a b", "null"],
    }
