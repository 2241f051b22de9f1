from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from models.balance.space import COARSEST, variant
from models.cases.coarse import STEPS
from models.cases.fraud import FEATURE_NAMES, FRAUD


def _rows() -> Any:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(6, len(FEATURE_NAMES))), columns=list(FEATURE_NAMES))
    return frame.assign(
        customer_id=list("aabbcc"), order_id=[f"o{n}" for n in range(6)], part="train", label=0.0, day=1,
        place=[0, 1] * 3,
    )  # fmt: skip


@pytest.mark.parametrize("level", range(1, COARSEST + 1))
def test_coarser_features_are_read_in_training_and_in_scoring(level: int) -> None:
    case, rows, step = variant(FRAUD, {"coarseness": level}), _rows(), STEPS[level]
    assert step is not None
    read = case.examples(ibis.memtable(rows), "train", {}).features
    assert np.allclose(np.asarray(read) / step, np.round(np.asarray(read) / step))
    model = case.build_model({})
    rounded = rows.assign(**{name: (rows[name] / step).round() * step for name in FEATURE_NAMES})
    scored, expected = (
        each.score(ibis.memtable(held), model, {}).to_pandas()
        for each, held in ((case, rows), (FRAUD, rounded))
    )
    pd.testing.assert_frame_equal(scored, expected)


def test_other_customers_do_not_move_what_is_rounded() -> None:
    case, rows = variant(FRAUD, {"coarseness": 3}), _rows()
    alone = case.examples(ibis.memtable(rows[rows.customer_id == "a"]), "train", {})
    together = case.examples(ibis.memtable(rows), "train", {})
    assert np.array_equal(np.asarray(alone.features)[0], np.asarray(together.features)[0])


def test_width_and_rounding_go_together() -> None:
    case = variant(FRAUD, {"size": 4, "coarseness": 4})
    assert case.build_model({}).layers[0].units == 4
    read = np.asarray(case.examples(ibis.memtable(_rows()), "train", {}).features)
    assert np.array_equal(read, np.round(read))
