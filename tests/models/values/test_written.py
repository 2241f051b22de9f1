"""Ways of writing: read in one way only, or refused with a way out."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from models.values.spec import Column
from models.values.written import NUMBERS, number_pattern, problem_of, time_format

REFUSED = [
    ("date", ["D/M/YYYY", "M/D/YYYY"], "two different days"),
    ("date", ["DD/MM/YYYY", "iso", "M/D/YYYY"], "two different days"),
    ("date", ["iso", "YYYY-DD-MM"], "two different days"),
    ("date", ["YYYYMMDD", "DDMMYYYY"], "two different days"),
    ("timestamp", ["D/M/YYYY h:mm", "M/D/YYYY hh:mm"], "two different days"),
    ("date", ["D/M/YYYY h:mm"], "set type: timestamp"),
    ("date", [], "is empty"),
    ("date", ["D/M/YY"], "made of YYYY"),
    ("date", ["M/YYYY"], "one D or DD"),
    ("date", ["YYYYMD"], "where a part ends"),
    ("date", ["%d/%m/%Y"], "made of YYYY"),
    ("number", ["1,234.50", "1.234,50"], "one only"),
    ("number", ["0.00"], "one only"),
    ("string", ["iso"], "set the type"),
    ("boolean", ["1234.50"], "set the type"),
]


@pytest.mark.parametrize(("kind", "formats", "says"), REFUSED)
def test_formats_that_cannot_be_told_apart_are_refused(kind, formats, says):
    with pytest.raises(ValidationError, match=says):
        Column(role="attribute", type=kind, formats=formats)


@pytest.mark.parametrize(
    ("kind", "formats"),
    [
        ("date", ["iso", "D/M/YYYY", "YYYY年M月D日"]),
        ("date", ["M/D/YYYY", "MM/DD/YYYY", "D.M.YYYY"]),
        ("timestamp", ["iso", "M/D/YYYY h:mm", "D-M-YYYY"]),
        ("integer", ["1'234.50"]),
    ],
)
def test_formats_that_can_be_told_apart_are_taken(kind, formats):
    assert problem_of(formats, kind) is None


def test_each_number_is_its_own_example_and_groups_are_of_three():
    for example, (groups, decimal) in NUMBERS.items():
        pattern = re.compile(number_pattern(example))
        assert pattern.match(example)
        mark = groups[:1]
        if mark:
            assert pattern.match(f"12{mark}345{mark}678{decimal}5")
            assert not pattern.match(f"12{mark}34")
            assert not pattern.match(f"1234{mark}567")


def test_a_time_is_matched_as_a_whole():
    template = time_format("D.M.YYYY h:mm")
    assert re.match(template.pattern, "1.12.2020 8:05")
    assert not re.match(template.pattern, "1x12x2020 8:05")
    assert not re.match(template.pattern, "1.12.2020 8:05:00")
    assert (template.strptime, template.exchanged) == ("%d.%m.%Y %H:%M", "%m.%d.%Y %H:%M")
