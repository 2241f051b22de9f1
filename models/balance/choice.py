"""The choice: one point of the front, the reason in a sentence, and what one step more or less privacy would cost.

Numbers are rounded to what their intervals bear: an error up to a tenth or one digit, its value to as many decimals.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from models.balance.errors import BalanceError
from models.balance.front import front, knee, unit
from models.balance.objectives import OBJECTIVES, Objective, half_width, losses
from models.values.balance import Choice, Constraint, Point
from models.values.language import Language
from models.values.scope import Measure

Said = dict[str, str]
_POINTS: Final = 100  # of a metric in [0, 1]
_STEP: Final = 1.1  # less apart, two epsilons are the same privacy

_WORDS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "costs": "epsilon {epsilon} costs {cost} points of {metric} against not private",
        "same": "epsilon {epsilon} costs no {metric} that could be told from chance ({cost} points against not "
        "private)",
        "gains": "epsilon {epsilon} costs no {metric}: it reaches {gain} points more than not private",
        "alone": "epsilon {epsilon} reaches a {metric} of {value}",
        "cuts": ", and cuts measured leakage from {before} to {after} bits a customer (at most {bound} by the "
        "accountant)",
        "bounds": ", and no attack can learn more than {bound} bits of a customer",
        "knee": "It is the knee of a front of {many}: more privacy or more {metric} would cost most from here on.",
        "near": "Of the {few} points of a front of {many} that were trained again it is the nearest to the knee.",
        "stayed": "Of a front of {many} it is the one that stayed there when it was trained again.",
        "weighed": "It is the best of a front of {many} by the weights of the spec.",
        "heavier": "Of the {few} points of a front of {many} that were trained again it is the best by the weights of "
        "the spec.",
        "only": "It is the only trial that keeps every constraint and that none beats.",
        "stricter": "One step more privacy, epsilon {epsilon} instead of {own} (trial {number}), would cost {cost} "
        "points of {metric} and lower the bound from {before} to {after} bits.",
        "looser": "One step less privacy, epsilon {epsilon} instead of {own} (trial {number}), would gain {cost} "
        "points of {metric} and raise the bound from {before} to {after} bits.",
        "end": ". ",
    },
    "zh": {
        "costs": "与不加隐私保护相比，ε = {epsilon} 使 {metric} 下降 {cost} 个百分点",
        "same": "与不加隐私保护相比，ε = {epsilon} 使 {metric} 变化 {gain} 个百分点，与随机波动无法区分",
        "gains": "ε = {epsilon} 并未降低 {metric}，反而比不加隐私保护高 {gain} 个百分点",
        "alone": "ε = {epsilon} 时 {metric} 为 {value}",
        "cuts": "，并将攻击实测的泄露量由每位客户 {before} 比特降至 {after} 比特（依隐私核算，最多 {bound} 比特）",
        "bounds": "，任何攻击所能获知的每位客户信息最多 {bound} 比特",
        "knee": "它是由 {many} 个点构成的前沿上的拐点：从此处起，再提高隐私保护或 {metric} 的代价最大。",
        "near": "在由 {many} 个点构成的前沿上，有 {few} 个点经过重新训练，其中它最接近拐点。",
        "stayed": "在由 {many} 个点构成的前沿中，它是唯一经重新训练后仍在前沿上的点。",
        "weighed": "按规格中的权重，它是由 {many} 个点构成的前沿上最优的一个。",
        "heavier": "在由 {many} 个点构成的前沿上，有 {few} 个点经过重新训练，按规格中的权重，它是其中最优的一个。",
        "only": "它是唯一满足所有约束且不被其他试验支配的试验。",
        "stricter": "隐私保护再严一级，即 ε 由 {own} 改为 {epsilon}（试验 {number}），{metric} 将下降 {cost} 个百分点，"
        "信息量上界由 {before} 比特降至 {after} 比特。",
        "looser": "隐私保护放宽一级，即 ε 由 {own} 改为 {epsilon}（试验 {number}），{metric} 将提高 {cost} 个百分点，"
        "信息量上界由 {before} 比特升至 {after} 比特。",
        "end": "。",
    },
}


def choose(
    points: Sequence[Point],
    constraints: Sequence[Constraint],
    *,
    twin: Measure | None,
    twin_risk: Measure | None,
    metric: str,
    weights: Mapping[Objective, float] | None = None,
    objectives: Sequence[Objective] = OBJECTIVES,
) -> Choice | None:
    """The knee of the points that keep all constraints or, with `weights`, the one of the least weighed loss.

    `twin` is the training without privacy (None if there is none), `twin_risk` what attacks learn from it, in bits. The
    error of a difference takes the two as independent, which says too much where they share test customers. With
    weights every objective counts by its place between the front's best (0) and worst (1). Where points of the front
    were trained again, only these are chosen among, on the scale of the whole front: what the others show may be luck.
    None if no point keeps all constraints. Raises BalanceError for a weight below 0, or if all are 0.
    """
    shown = front(points, constraints, objectives)
    sure = [each for each in shown if each.repeats > 1] or list(shown)
    number = _best(shown, sure, weights, objectives)
    if number is None:
        return None
    chosen = next(each for each in shown if each.number == number)
    best = number == _best(shown, shown, weights, objectives)
    why = _why(weights is not None, best, len(sure), len(shown))
    counts = {"many": len(shown), "few": len(sure)}
    return Choice(
        number=number,
        reason={
            language: _reason(words, chosen, twin, twin_risk, metric, why, counts)
            for language, words in _WORDS.items()
        },
        stricter=_step("stricter", chosen, shown, metric),
        looser=_step("looser", chosen, shown, metric),
    )


def wanted(
    points: Sequence[Point],
    constraints: Sequence[Constraint],
    *,
    weights: Mapping[Objective, float] | None = None,
    objectives: Sequence[Objective] = OBJECTIVES,
) -> int | None:
    """The number of what would be chosen if all were sure: the point to be sure of. Arguments as in `choose`."""
    shown = front(points, constraints, objectives)
    return _best(shown, shown, weights, objectives)


def difference(one: float, other: float, wide_one: float, wide_other: float) -> str:
    """one - other with the error of both, in hundredths: "1.1 ± 0.4"; the error up, to a tenth or one digit."""
    gap, wide = _POINTS * (one - other), _POINTS * math.hypot(wide_one, wide_other)
    if wide == 0:
        return f"{gap:.2g}"
    decimals = max(1, -math.floor(math.log10(wide)))
    scale = 10**decimals
    error = math.ceil(round(wide * scale, 9)) / scale
    rounded = round(gap, decimals) + 0.0  # no -0.0
    return f"{rounded:.{decimals}f} ± {error:.{decimals}f}"


def bits(value: float) -> str:
    """An estimate of bits with two significant digits and at most three decimals."""
    if value == 0:
        return "0"
    decimals = min(3, max(0, 1 - math.floor(math.log10(abs(value)))))
    return f"{value:.{decimals}f}" if round(value, decimals) else "< 0.001"


def bits_at_most(value: float) -> str:
    """An upper bound of bits, never smaller than it is."""
    decimals = 3 if value < 0.1 else 2
    return f"{math.ceil(round(value * 10**decimals, 9)) / 10**decimals:.{decimals}f}"


def _why(weighed: bool, best: bool, sure: int, shown: int) -> str:
    """Which sentence says why: `best` is of the whole front, and not only of its points that are sure."""
    if shown == 1:
        return "only"
    if best:
        return "weighed" if weighed else "knee"
    if sure == 1:
        return "stayed"
    return "heavier" if weighed else "near"


def _best(
    shown: Sequence[Point],
    among: Sequence[Point],
    weights: Mapping[Objective, float] | None,
    objectives: Sequence[Objective],
) -> int | None:
    """The best of `among` on the scale of a front: by the weights, or else the nearest to the knee."""
    if weights is None:
        return knee(shown, objectives, among=among)
    if min(weights.values(), default=0.0) < 0 or not sum(weights.values()) > 0:
        raise BalanceError("weights of objectives are 0 or more, and one is above 0; change them in the spec")
    if not shown:
        return None
    worth = np.zeros(len(shown))
    for what, weight in weights.items():
        column = unit(losses(shown, [what]))
        worth += weight * (column[:, 0] if column.shape[1] else 0.0)
    weighed = {each.number: round(float(at), 12) for each, at in zip(shown, worth, strict=True)}
    best = min(among, key=lambda each: (weighed[each.number], each.upper_bits, each.number))
    return best.number


def _reason(
    words: Mapping[str, str],
    chosen: Point,
    twin: Measure | None,
    twin_risk: Measure | None,
    metric: str,
    why: str,
    counts: Mapping[str, int],
) -> str:
    said = {"epsilon": f"{chosen.epsilon:.3g}", "metric": metric, **counts}
    said["value"] = f"{chosen.utility.value:.3f}"
    first = "alone"
    if twin is not None:
        first = _against(twin, chosen.utility)
        wide = (half_width(twin), half_width(chosen.utility))
        said["cost"] = difference(twin.value, chosen.utility.value, *wide)
        said["gain"] = difference(chosen.utility.value, twin.value, *wide)
    said |= {"bound": bits_at_most(chosen.upper_bits), "after": bits(chosen.risk.value)}
    less = twin_risk is not None and _clearly(twin_risk, chosen.risk)
    if twin_risk is not None:
        said["before"] = bits(twin_risk.value)
    parts = (first, "cuts" if less else "bounds", "end", why)
    return "".join(words[part].format(**said) for part in parts)


def _is_step(looser: Point, stricter: Point) -> bool:
    return looser.epsilon > stricter.epsilon * _STEP and looser.upper_bits > stricter.upper_bits


def _against(twin: Measure, private: Measure) -> str:
    """Which phrase says what privacy did to the metric."""
    if _clearly(twin, private):
        return "costs"
    return "gains" if _clearly(private, twin) else "same"


def _clearly(more: Measure, less: Measure) -> bool:
    """Whether a measure is above another beyond the error of their difference."""
    return more.value - less.value > math.hypot(half_width(more), half_width(less))


def _step(way: str, chosen: Point, shown: Sequence[Point], metric: str) -> Said:
    """What the front's next point of less, or of more, epsilon and bits would cost; empty at the front's end."""
    stricter = way == "stricter"

    def pair(each: Point) -> tuple[Point, Point]:
        return (chosen, each) if stricter else (each, chosen)

    there = [each for each in shown if _is_step(*pair(each))]
    if not there:
        return {}
    near = (max if stricter else min)(there, key=lambda each: each.epsilon)
    more, less = pair(near)
    said = {
        "epsilon": f"{near.epsilon:.3g}",
        "own": f"{chosen.epsilon:.3g}",
        "number": near.number,
        "metric": metric,
        "cost": difference(
            more.utility.value, less.utility.value, half_width(more.utility), half_width(less.utility)
        ),
        "before": bits_at_most(chosen.upper_bits),
        "after": bits_at_most(near.upper_bits),
    }
    return {language: words[way].format(**said) for language, words in _WORDS.items()}
