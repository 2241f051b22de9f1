"""Served models hold nothing of the requests that they answered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ibis
import pandas as pd
import pytest

from infra.served import Served, ServiceError
from models.cases.fraud import FRAUD


def _answer(frame: pd.DataFrame, *_: Any) -> pd.DataFrame:
    found: pd.DataFrame = ibis.memtable(frame).mutate(twice=ibis._.n * 2).to_pandas()
    return found


def test_a_request_is_not_held_after_its_answer() -> None:
    served = Served(replace(FRAUD, request={"n": "long"}, answer=_answer), None, {})
    before = ibis.get_backend().list_tables()
    for number in range(3):
        assert served.predict(pd.DataFrame({"n": [number]})).twice.tolist() == [2 * number]
    assert ibis.get_backend().list_tables() == before


def test_a_request_without_a_column_is_refused() -> None:
    with pytest.raises(ServiceError, match="lacks column 'n'"):
        Served(replace(FRAUD, request={"n": "long"}, answer=_answer), None, {}).predict(pd.DataFrame())
