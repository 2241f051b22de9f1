"""The front's page: trials of a search by utility and risk, the choice among them and why; one file, and a picture.

The page asks no other host for anything. Its one script is its own, named by its hash in the page's policy; without it
there are the same picture, standing still, and the table.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast, get_args

from markupsafe import Markup

from infra.report import front_plots
from infra.report.page import Article, assemble, environment
from infra.report.texts import Texts
from models.balance.choice import bits_at_most
from models.balance.objectives import Objective, measured, value, violations
from models.values.balance import Front, Point
from models.values.errors import PrivetError
from models.values.language import LANGUAGES, Language

if TYPE_CHECKING:
    from models.values.scope import Measure

Plain = dict[str, Any]
WHATS: Final = cast(tuple[Objective, ...], get_args(Objective))
ACROSS: Final = tuple(what for what in WHATS if what != "utility")
_HERE = Path(__file__).parent


class FrontError(PrivetError, ValueError):
    """A front that may not be shown to this reader."""


def render(
    front: Front,
    *,
    internal: bool = False,
    synthetic: str | None = None,
    languages: Sequence[Language] = LANGUAGES,
) -> str:
    """The page as self-contained HTML in each of `languages`; it opens in the first.

    `synthetic` is the label of public synthetic data. Raises FrontError if the front holds internal numbers of other
    data and the copy is not the `internal` one, which is to be kept encrypted.
    """
    _may_be_shown(front, internal=internal, synthetic=synthetic)
    articles = [_article(front, Texts("front", language), internal, synthetic) for language in languages]
    script = (_HERE / "front.js").read_text(encoding="utf-8")
    meta = {"privet-reader": "internal" if internal else "shared"}
    return assemble(articles, meta=meta, script=script, sheets=("front.css",))


def png(front: Front, *, internal: bool = False, synthetic: str | None = None) -> bytes:
    """The same picture as PNG, in English, with the front's hypervolume beside it. Raises FrontError as `render`."""
    _may_be_shown(front, internal=internal, synthetic=synthetic)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    say = Texts("front", "en")
    figure = Figure(figsize=(10, 4.6), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(2, 1))
    for kind, colour in front_plots.COLOURS.items():
        shown = [point for point in front.points if kind_of(front, point) == kind]
        left.errorbar(
            [point.upper_bits for point in shown],
            [point.utility.value for point in shown],
            yerr=[
                [point.utility.value - point.utility.low for point in shown],
                [point.utility.high - point.utility.value for point in shown],
            ],
            fmt="*" if kind == "chosen" else "o",
            markersize=14 if kind == "chosen" else 6,
            color=colour,
            elinewidth=0.8,
            label=say.plain(f"chart.key_{kind}") if shown else None,
        )
    line = front_plots.line(front)
    left.step(
        [x for x, _ in line], [y for _, y in line], where="post", color=front_plots.COLOURS["front"], lw=1.2
    )
    if front.twin is not None:
        left.axhline(front.twin.value, color="#8a5200", ls="--", lw=1, label=say.plain("chart.key_twin"))
    if front_plots.on_decades([point.upper_bits for point in front.points]):
        left.set_xscale("log")
    left.set_xlabel(say.plain("what.upper_bits"))
    left.set_ylabel(front.metric)
    left.legend(fontsize=8, loc="lower right")
    right.step(range(len(front.hypervolume)), front.hypervolume, where="post", color="#0b6b63")
    right.set_xlabel(say.plain("history.trial"))
    right.set_title(say.plain("choice.volume"), fontsize=9)
    figure.suptitle(say.plain("heading", use_case=front.use_case, shop=front.shop), fontsize=11)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def kind_of(front: Front, point: Point) -> str:
    """What a trial is on the front: chosen, knee, front, out (breaks a constraint or a hard rule) or other."""
    if front.choice is not None and point.number == front.choice.number:
        return "chosen"
    if point.number == front.knee:
        return "knee"
    if point.number in front.front:
        return "front"
    return "out" if violations(point, front.constraints) else "other"


def _may_be_shown(front: Front, *, internal: bool, synthetic: str | None) -> None:
    if internal or synthetic is not None:
        return
    held = [measured(point, what) for point in front.points for what in WHATS]
    measures: list[Measure | None] = [*held, front.twin, front.twin_risk]
    if any(measure is not None and measure.scope == "internal" for measure in measures):
        raise FrontError(
            "the front holds internal numbers; keep its page encrypted (internal copy), or search on public data"
        )


def _article(front: Front, say: Texts, internal: bool, synthetic: str | None) -> Article:
    chosen = None if front.choice is None else front.point(front.choice.number)
    body = (
        environment()
        .get_template("front.html.j2")
        .render(
            t=say,
            front=front,
            chosen=chosen,
            internal=internal,
            synthetic=synthetic,
            said=_said(front, say),
            kinds={point.number: kind_of(front, point) for point in front.points},
            broken={point.number: violations(point, front.constraints) for point in front.points},
            chart=front_plots.scatter(front, kind_of, say),
            history=front_plots.history(front.hypervolume, say),
            data=_data(front, say),
            whats=WHATS,
            across=ACROSS,
            bits=bits_at_most,
            name=lambda what: say(f"what.{what}", metric=front.metric),
        )
    )
    title = say("title", use_case=front.use_case, shop=front.shop)
    return Article(say.language, title, Markup(body))  # noqa: S704  # rendered with escaping on


def _said(front: Front, say: Texts) -> list[str]:
    """The reason of the choice, then what one step more or less privacy would cost, in the page's language."""
    if front.choice is None:
        return []
    held = (front.choice.reason, front.choice.stricter, front.choice.looser)
    return [said[say.language] for said in held if said]


def _data(front: Front, say: Texts) -> Markup:
    """What the script draws, as JSON that no tag can end."""
    catalogue = {
        "at_most": say.plain("chart.at_most"),
        "at_least": say.plain("chart.at_least"),
        "trial": say.plain("chart.trial", number="#"),
        "kept": say.plain("chart.kept", kept="#", all="%"),
        "pick": say.plain("chart.pick"),
        "what": {what: say.plain(f"what.{what}", metric=front.metric) for what in WHATS},
        "choices": {name: choice_name(say, name) for name in _choice_names(front)},
    }
    held = {
        "points": [_point(front, point) for point in front.points],
        "front": list(front.front),
        "twin": None if front.twin is None else front.twin.value,
        "twin_risk": None if front.twin_risk is None else front.twin_risk.value,
        "words": catalogue,
    }
    text = json.dumps(held, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    return Markup(text)  # noqa: S704  # no "<" is left in it


def _point(front: Front, point: Point) -> Plain:
    spans = {}
    for what in WHATS:
        measure = measured(point, what)
        middle = value(point, what)
        spans[what] = (
            [middle, middle, middle] if measure is None else [measure.value, measure.low, measure.high]
        )
    return {
        "number": point.number,
        "kind": kind_of(front, point),
        "choices": point.choices,
        "values": spans,
    }


def _choice_names(front: Front) -> list[str]:
    return list(dict.fromkeys(name for point in front.points for name in point.choices))


def choice_name(say: Texts, name: str) -> str:
    """A choice in the page's language; one that the catalogue lacks keeps its name."""
    try:
        return say.plain(f"choices.{name}")
    except KeyError:
        return name.replace("_", " ")
