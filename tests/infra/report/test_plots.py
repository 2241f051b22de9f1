"""The ROC's axes and lines: what is drawn is where its numbers are."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from infra.report import plots
from infra.report.promise import best_power
from infra.report.texts import Texts
from models.values.language import LANGUAGES

POINTS = [(0.0002, 0.001), (0.01, 0.05), (0.3, 0.6), (1.0, 1.0)]


def _limit(rate: float) -> float:
    return best_power(rate, 1.0, 1e-6)


def _lines(svg: str, kind: str) -> list[list[tuple[float, float]]]:
    found = re.findall(rf'<polyline class="line {kind}" points="([^"]+)"', svg)
    return [[tuple(map(float, point.split(","))) for point in line.split()] for line in found]


def _ticks(svg: str) -> list[str]:
    return re.findall(r'class="tick"[^>]*>([^<]+)<', svg)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("least", "first"), [(0.02, "0.001"), (0.001, "0.001"), (0.0002, "0.0001"), (3e-8, "1e-06")]
)
def test_the_axes_reach_down_to_the_smallest_rate(language, least, first):
    svg = plots.roc([(least, 0.5), (1.0, 1.0)], _limit, Texts("dossier", language))
    ticks = _ticks(svg)
    assert (ticks[0], ticks.count(first), ticks.count("1")) == (first, 2, 2)
    assert 'class="label"' not in svg


def test_lines_go_up_and_stay_inside():
    svg = plots.roc(POINTS, _limit, Texts("dossier", "en"), label="one", further=[("two", POINTS[1:])])
    drawn = [
        line for kind in ("attack first", "attack second", "limit", "chance") for line in _lines(svg, kind)
    ]
    assert len(drawn) == 4
    for line in drawn:
        assert all(0 <= x <= plots.WIDTH and 0 <= y <= 320 for x, y in line)
        assert all(x <= right and y >= up for (x, y), (right, up) in pairwise(line))


def test_equal_factors_are_equal_distances():
    ((first, second, *_),) = _lines(
        plots.roc([(1e-3, 1e-3), (1e-2, 1e-2), (1, 1)], _limit, Texts("dossier", "en")), "attack first"
    )
    ((low, high),) = _lines(plots.roc(POINTS[2:], _limit, Texts("dossier", "en")), "chance")
    assert second[0] - first[0] == pytest.approx((high[0] - low[0]) / 3, abs=0.2)
    assert first[1] - second[1] == pytest.approx((low[1] - high[1]) / 3, abs=0.2)


def test_further_attacks_have_a_legend_of_plain_text():
    say = Texts("dossier", "zh")
    names = [say.said("nobody said so"), say.said("RMIA, online")]
    svg = plots.roc(POINTS, _limit, say, label="<b>1</b>", further=[(name, POINTS) for name in names])
    assert re.findall(r'class="label"[^>]*>([^<]*)<', svg) == ["1", "nobody said so", "RMIA（在线）"]
    assert len(re.findall(r"<line class=\"line attack", svg)) == 3
