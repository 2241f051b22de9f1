"""The plots of pages: small functions from numbers to inline SVG, coloured by the page's style sheet.

`say` gives the words of a plot in the language of its page.
Every plot is 480 units wide, so that its text stays legible on a phone. No script, no font, no image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, floor, isfinite, log10
from typing import NamedTuple

from markupsafe import Markup, escape

WIDTH = 480
Scale = Callable[[float], float]
Say = Callable[..., str]
Point = tuple[float, float]
_NTH = ("first", "second", "third", "fourth", "fifth")  # lines of one plot, told apart by the style sheet


class Bar(NamedTuple):
    """One bar: its label, its value, its kind (a class of the style sheet) and the value's digits."""

    label: str
    value: float
    kind: str
    digits: str


class Interval(NamedTuple):
    """One estimate with its interval; `kind` is a class of the style sheet."""

    label: str
    value: float
    low: float
    high: float
    kind: str


def epsilon_bars(bars: Sequence[Bar], target: float, say: Say) -> Markup:
    """Epsilons as horizontal bars on a logarithmic axis, with the target as a line across them."""
    finite = [bar.value for bar in bars if isfinite(bar.value) and bar.value > 0]
    low, high = _decade_down(min([0.3, target, *finite])), max([target, *finite]) * 1.6
    x = _log_scale((low, high), (8, WIDTH - 12))
    top, row = 26, 46
    bottom = top + row * len(bars)
    body = [_grid_x(tick, x(tick), top, bottom) for tick in _log_ticks(low, high)]
    for index, bar in enumerate(bars):
        y = top + row * index
        end = x(min(max(bar.value, low), high))
        body.append(_text(10, y + 17, bar.label, "label"))
        body.append(_text(WIDTH - 12, y + 17, f"ε {bar.digits}", "value", "end"))
        body.append(_rect(f"bar {bar.kind}", (8, y + 23), (max(end - 8, 2), 14), 3))
    goal = say("plot.target", value=_short(target))
    body.append(_line(x(target), top - 6, x(target), bottom, "target"))
    body.append(_text(x(target), top - 11, goal, "target-text", _anchor(x(target))))
    return _svg(say("plot.epsilon", listing=_listing(bars)), bottom + 24, body)


def intervals(rows: Sequence[Interval], say: Say, reference: float | None = None) -> Markup:
    """Estimates as dots with their intervals on one linear axis; `reference` is a dashed line."""
    ends = [end for row in rows for end in (row.low, row.high)] + ([] if reference is None else [reference])
    low, high = _padded(min(ends), max(ends))
    x = _linear_scale((low, high), (14, WIDTH - 14))
    top, step = 12, 46
    bottom = top + step * len(rows)
    body = [_grid_x(tick, x(tick), top, bottom) for tick in _linear_ticks(low, high)]
    if reference is not None:
        body.append(_line(x(reference), top, x(reference), bottom, "target"))
    for index, row in enumerate(rows):
        y = top + step * index
        spread = "" if row.low == row.high else f"  [{row.low:.3f}, {row.high:.3f}]"
        body.append(_text(10, y + 16, row.label, "label"))
        body.append(_text(WIDTH - 12, y + 16, f"{row.value:.3f}{spread}", "value", "end"))
        body.append(_line(x(row.low), y + 31, x(row.high), y + 31, f"whisker {row.kind}"))
        body.append(f'<circle class="dot {row.kind}" cx="{x(row.value):.1f}" cy="{y + 31}" r="6"/>')
    text = "; ".join(f"{row.label} {row.value:.3f}" for row in rows)
    return _svg(say("plot.utility", listing=text), bottom + 24, body)


def shares(rows: Sequence[tuple[str, float, str]], title: str) -> Markup:
    """Shares (0..1) as horizontal bars: label, value and kind (a class of the style sheet) of each."""
    top, step, x = 8, 44, _linear_scale((0, 1), (8, WIDTH - 12))
    bottom = top + step * len(rows)
    body = [_grid_x(tick, x(tick), top, bottom) for tick in (0.0, 0.25, 0.5, 0.75, 1.0)]
    for index, (label, value, kind) in enumerate(rows):
        y = top + step * index
        body.append(_text(10, y + 16, label, "label"))
        body.append(_text(WIDTH - 12, y + 16, _percent(value), "value", "end"))
        body.append(_rect(f"bar {kind}", (8, y + 22), (max(x(min(value, 1)) - 8, 2), 14), 3))
    listing = "; ".join(f"{label} {_percent(value)}" for label, value, _ in rows)
    return _svg(f"{title}: {listing}", bottom + 24, body)


def columns(
    labels: Sequence[str], series: Sequence[tuple[str, Sequence[float]]], title: str, axis: str
) -> Markup:
    """Numbers by category as columns, those of several series side by side; a series is its kind and its numbers."""
    left, bottom, top = 58, 204, 14
    highest = max([1.0, *(value for _, values in series for value in values)])
    y, width = _linear_scale((0, highest * 1.05), (bottom, top)), (WIDTH - 12 - left) / len(labels)
    body = [_line(left, y(tick), WIDTH - 12, y(tick), "grid") for tick in _linear_ticks(0, highest)]
    body += [
        _text(left - 6, y(tick) + 4, f"{tick:,.0f}", "tick", "end") for tick in _linear_ticks(0, highest)
    ]
    each = (width - 8) / max(len(series), 1)
    for place, label in enumerate(labels):
        for number, (kind, values) in enumerate(series):
            value = values[place]
            tall = bottom - y(value)
            corner = (round(left + place * width + 4 + number * each, 1), round(bottom - tall, 1))
            body += [_rect(f"bar {kind}", corner, (each - 1, round(tall, 1)), 2)] if value else []
        body.append(_text(left + (place + 0.5) * width, bottom + 17, label, "tick", "middle"))
    body.append(_text((left + WIDTH) / 2, bottom + 36, axis, "tick", "middle"))
    listing = "; ".join(
        f"{label} {', '.join(_short(values[place]) for _, values in series)}"
        for place, label in enumerate(labels)
    )
    return _svg(f"{title}: {listing}", bottom + 44, body)


def roc(
    points: Sequence[Point],
    limit: Callable[[float], float],
    say: Say,
    *,
    label: str = "",
    further: Sequence[tuple[str, Sequence[Point]]] = (),
) -> Markup:
    """The membership attack's ROC on log-log axes, with the diagonal of guessing and the claim's `limit`.

    `points` are (false positive rate, true positive rate); the axes begin at 0.001, or at the decade of the smallest
    rate that they reach. `limit` maps a false positive rate to the highest true positive rate that the claim allows.
    `further` attacks are lines of their own, told apart by a legend in which the first is called `label`.
    """
    curves = [(_plain(name), line) for name, line in [(label, points), *further]]
    lowest = _decade_below([rate for _, line in curves for rate, _ in line])
    left, top, height = 58, 12, 360
    bottom = height - 44
    x = _log_scale((lowest, 1), (left, WIDTH - 14))
    y = _log_scale((lowest, 1), (bottom, top))

    def path(line: Sequence[Point]) -> str:
        return " ".join(f"{x(f):.1f},{y(max(t, lowest)):.1f}" for f, t in sorted(line) if f >= lowest)

    decades = [10.0**power for power in range(round(log10(lowest)), 1)]
    grid = [10 ** (step / 20) * lowest for step in range(20 * (len(decades) - 1) + 1)]
    body = [_grid_x(tick, x(tick), top, bottom) for tick in decades]
    body += [_grid_y(tick, y(tick), left, WIDTH - 14) for tick in decades]
    body.append(f'<polyline class="line limit" points="{path([(f, limit(f)) for f in grid])}"/>')
    body.append(f'<polyline class="line chance" points="{path([(lowest, lowest), (1, 1)])}"/>')
    for place, (_, line) in reversed(list(enumerate(curves))):
        body.append(f'<polyline class="line attack {_NTH[place % len(_NTH)]}" points="{path(line)}"/>')
    body += _legend([name for name, _ in curves], bottom) if further else []
    body.append(_text((left + WIDTH) / 2, height - 4, say("plot.false_positive"), "tick", "middle"))
    body.append(f'<g transform="translate(12 {height / 2 - 16:.0f}) rotate(-90)">')
    body.append(_text(0, 0, say("plot.true_positive"), "tick", "middle") + "</g>")
    return _svg(say("plot.roc"), height, body)


def curve(values: Sequence[float], say: Say) -> Markup:
    """One series over the logged steps of a training, on linear axes."""
    shown = [value for value in values if isfinite(value)]
    low, high = _padded(min(shown), max(shown))
    height, left = 220, 52
    x = _linear_scale((0, max(len(shown) - 1, 1)), (left, WIDTH - 14))
    y = _linear_scale((low, high), (height - 40, 12))
    points = " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in enumerate(shown))
    body = [_grid_y(tick, y(tick), left, WIDTH - 14) for tick in _linear_ticks(low, high)]
    body.append(f'<polyline class="line training" points="{points}"/>')
    body.append(_text(left, height - 22, say("plot.first"), "tick"))
    body.append(_text(WIDTH - 14, height - 22, say("plot.last"), "tick", "end"))
    body.append(_text((left + WIDTH) / 2, height - 4, say("plot.step"), "tick", "middle"))
    return _svg(say("plot.curve", first=f"{shown[0]:.3g}", last=f"{shown[-1]:.3g}"), height, body)


def meter(spent: float, left: float, say: Say) -> Markup:
    """A budget as one bar: what is spent of spent + left (both epsilon)."""
    total = spent + left
    share = min(max(spent / total, 0.0), 1.0) if total > 0 else 1.0
    width = WIDTH - 16
    body = [
        _rect("track", (8, 8), (width, 18), 9),
        _rect("bar spent", (8, 8), (max(share * width, 18), 18), 9),
        _text(10, 46, say("plot.spent", value=_short(spent)), "label"),
        _text(WIDTH - 10, 46, say("plot.left", value=_short(left)), "value", "end"),
    ]
    return _svg(say("plot.meter", share=f"{share:.0%}"), 54, body)


def _svg(title: str, height: float, body: Sequence[str]) -> Markup:
    head = f'<svg class="plot" viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
    return Markup(head + "".join(body) + "</svg>")  # noqa: S704  # every text went through escape()


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _rect(kind: str, corner: Point, size: Point, radius: float) -> str:
    (x, y), (width, height) = corner, size
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width:.1f}" height="{height}" rx="{radius}"/>'


def _grid_x(value: float, x: float, top: float, bottom: float) -> str:
    return _line(x, top, x, bottom, "grid") + _text(x, bottom + 16, _short(value), "tick", _anchor(x))


def _grid_y(value: float, y: float, left: float, right: float) -> str:
    return _line(left, y, right, y, "grid") + _text(left - 6, y + 4, _short(value), "tick", "end")


def _plain(name: str) -> str:
    """A name without the tags that a page may have put around it: SVG knows none of them."""
    return Markup(name).striptags()  # noqa: S704  # the plot escapes it again


def _legend(names: Sequence[str], bottom: float) -> list[str]:
    """The names of lines with a piece of each, in the lower right corner: of a ROC nothing lies under the diagonal."""
    right, body = WIDTH - 24, []
    for place, name in enumerate(names):
        y = bottom - 10 - 18 * (len(names) - 1 - place)
        body.append(_line(right - 26, y - 4, right, y - 4, f"line attack {_NTH[place % len(_NTH)]}"))
        body.append(_text(right - 34, y, name, "label", "end"))
    return body


def _anchor(x: float) -> str:
    """Keeps a text inside the picture at its edges."""
    return "start" if x < 30 else "end" if x > WIDTH - 30 else "middle"


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %"


def _short(value: float) -> str:
    return "∞" if not isfinite(value) else f"{value:.3g}"


def _listing(bars: Sequence[Bar]) -> str:
    return "; ".join(f"{bar.label} {bar.digits}" for bar in bars)


def _linear_scale(domain: Point, place: Point) -> Scale:
    (low, high), (start, end) = domain, place
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _log_scale(domain: Point, place: Point) -> Scale:
    linear = _linear_scale((log10(domain[0]), log10(domain[1])), place)
    return lambda value: linear(log10(value))


def _padded(low: float, high: float) -> Point:
    pad = max((high - low) * 0.12, abs(high) * 0.02, 1e-6)
    return low - pad, high + pad


def _decade_down(value: float) -> float:
    return float(10 ** floor(log10(max(value, 1e-3))))


def _decade_below(rates: Sequence[float]) -> float:
    """The power of ten at or below the smallest positive rate, from 0.000001 to 0.001."""
    least = min([1e-3, *(rate for rate in rates if rate > 0)])
    return float(10.0 ** max(floor(log10(least) + 1e-9), -6))


def _log_ticks(low: float, high: float) -> list[float]:
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    wanted = (1, 3) if log10(high / low) < 3 else (1,)
    return [m * 10.0**d for d in decades for m in wanted if low <= m * 10.0**d <= high]


def _linear_ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers between `low` and `high`."""
    rough = (high - low) / 5
    unit = 10.0 ** floor(log10(rough))
    step = next(m * unit for m in (1, 2, 5, 10) if m * unit >= rough)
    return [round(n * step, 12) for n in range(ceil(low / step), floor(high / step) + 1)]
