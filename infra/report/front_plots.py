"""The pictures of a front: trials by utility and risk, and how it grew; inline SVG, coloured by the style sheet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log10
from typing import Final

from markupsafe import Markup, escape

from infra.report.texts import Texts
from models.values.balance import Front, Point

WIDTH, HEIGHT = 640, 400  # front.js draws on the same sheet
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 16, 14, 46
COLOURS: Final = {
    "other": "#7b8a94",
    "out": "#c9cfd2",
    "front": "#0b6b63",
    "knee": "#2356a8",
    "chosen": "#b3261e",
}
_FAR: Final = 20.0
Spot = tuple[float, float]
Scale = Callable[[float], float]


def line(front: Front) -> list[Spot]:
    """The front's trials as (bits, utility), from the least bits on."""
    held = [front.point(number) for number in front.front]
    return sorted((point.upper_bits, point.utility.value) for point in held)


def scatter(front: Front, kind_of: Callable[[Front, Point], str], say: Texts) -> Markup:
    """Utility against the accountant's bits, with intervals, the front's line and the training without privacy."""
    words = {"x": say.plain("what.upper_bits"), "y": front.metric}
    if not front.points:
        return _svg(say.plain("chart.label", **words), HEIGHT, [])
    lows = [point.utility.low for point in front.points]
    highs = [point.utility.high for point in front.points]
    bits = [point.upper_bits for point in front.points]
    x = _across(bits)
    twin = [] if front.twin is None else [front.twin.value]
    y = _scale(min([*lows, *twin]), max([*highs, *twin]), HEIGHT - _BOTTOM, _TOP)
    body = [
        f'<line class="twin" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y(edge):.1f}" y2="{y(edge):.1f}"/>'
        for edge in twin
    ]
    body += [_text(_LEFT - 6, y(edge) + 4, f"{edge:.3g}", "end") for edge in (min(lows), max(highs))]
    body += [
        _text(x(edge), HEIGHT - _BOTTOM + 17, f"{edge:.2g}", "middle") for edge in (min(bits), max(bits))
    ]
    body.append(_text((_LEFT + WIDTH) / 2, HEIGHT - 8, words["x"], "middle"))
    body.append(_text(_LEFT, _TOP - 2, words["y"], "start"))
    steps = " ".join(f"{x(bits):.1f},{y(utility):.1f}" for bits, utility in _stairs(line(front)))
    body.append(f'<polyline class="front-line" points="{steps}"/>')
    for point in front.points:
        place = f"{x(point.upper_bits):.1f}"
        low, high, at = (y(edge) for edge in (point.utility.low, point.utility.high, point.utility.value))
        kind = kind_of(front, point)
        body.append(f'<line class="reach" x1="{place}" x2="{place}" y1="{low:.1f}" y2="{high:.1f}"/>')
        body.append(
            f'<circle class="spot {kind}" cx="{place}" cy="{at:.1f}" r="{8 if kind == "chosen" else 5}"/>'
        )
    return _svg(say.plain("chart.label", **words), HEIGHT, body)


def history(volumes: Sequence[float], say: Texts) -> Markup:
    """The hypervolume trial by trial, as stairs."""
    if not volumes:
        return Markup("")
    height = 180
    x = _scale(0, max(len(volumes) - 1, 1), _LEFT, WIDTH - _RIGHT)
    y = _scale(min(volumes), max(volumes), height - _BOTTOM, _TOP)
    steps = " ".join(f"{x(at):.1f},{y(volume):.1f}" for at, volume in _stairs(list(enumerate(volumes))))
    body = [f'<polyline class="front-line" points="{steps}"/>']
    body += [_text(_LEFT - 6, y(edge) + 4, f"{edge:.3f}", "end") for edge in (min(volumes), max(volumes))]
    body += [_text(x(edge), height - _BOTTOM + 17, str(edge), "middle") for edge in (0, len(volumes) - 1)]
    body.append(_text((_LEFT + WIDTH) / 2, height - 8, say.plain("history.trial"), "middle"))
    label = say.plain("history.label", first=f"{volumes[0]:.3f}", last=f"{volumes[-1]:.3f}")
    return _svg(label, height, body)


def on_decades(values: Sequence[float]) -> bool:
    """Whether values are shown by their logarithms: where they are above 0 and differ much."""
    return bool(values) and min(values) > 0 and max(values) > _FAR * min(values)


def _across(values: Sequence[float]) -> Scale:
    if not on_decades(values):
        return _scale(0.0, max(values) * 1.05, _LEFT, WIDTH - _RIGHT)
    within = _scale(log10(min(values) / 1.1), log10(max(values) * 1.1), _LEFT, WIDTH - _RIGHT)
    return lambda value: within(log10(value))


def _stairs(spots: Sequence[tuple[float, float]]) -> list[Spot]:
    """The spots with a corner between each two: what is reached holds until more is."""
    corners: list[Spot] = []
    for place, (x, y) in enumerate(spots):
        corners += [(x, spots[place - 1][1])] if place else []
        corners.append((x, y))
    return corners


def _scale(low: float, high: float, start: float, end: float) -> Scale:
    wide = (high - low) or 1.0
    return lambda value: start + (value - low) / wide * (end - start)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(label: str, height: int, body: Sequence[str]) -> Markup:
    head = f'<svg class="plot balance-plot" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">'
    return Markup(head + "".join(body) + "</svg>")  # noqa: S704  # every text went through escape()
