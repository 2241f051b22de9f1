"""The dossier: one page, and the same as JSON, on which a person decides whether a model may be used."""

from __future__ import annotations

import json
from collections.abc import Sequence

from markupsafe import Markup

from infra.report import digits, plots
from infra.report.page import Article, assemble, environment
from infra.report.promise import best_power
from infra.report.texts import Texts
from infra.report.view import Plain, view
from models.values.evidence import Evidence
from models.values.language import LANGUAGES, Language

LOSS = "loss threshold"


def render(evidence: Evidence, *, internal: bool, languages: Sequence[Language] = LANGUAGES) -> str:
    """The dossier as one HTML page that asks no other host for anything and runs no script.

    It says the same in each of `languages` and opens in the first. With `internal` False, numbers of scope
    internal are not in it at all, unless the data is itself public (`evidence.synthetic`). A page made
    with `internal` True is to be kept encrypted.
    """
    shown = view(evidence, internal=internal)
    articles = [_article(shown, Texts("dossier", language)) for language in languages]
    return assemble(articles, meta={"privet-reader": shown["reader"]})


def as_json(evidence: Evidence, *, internal: bool) -> str:
    """The dossier's numbers as JSON, by the same rules as the page, with every number's scope beside it."""
    return json.dumps(view(evidence, internal=internal), indent=1, ensure_ascii=False, allow_nan=False)


def chance(say: Texts, probability: float) -> Markup:
    """A small probability as "1 in 500,000", rounded to the side that is not better than it is."""
    return say("one_in", count=digits.odds(probability)) if probability > 0 else Markup("0")


def _article(shown: Plain, say: Texts) -> Article:
    template = environment().get_template("dossier.html.j2")
    body = template.render(shown, t=say, plots=_plots(shown, say), chance=lambda value: chance(say, value))
    title = say("title", use_case=shown["use_case"], shop=shown["shop"])
    return Article(say.language, title, Markup(body))  # noqa: S704  # rendered with escaping on


def _plots(shown: Plain, say: Texts) -> dict[str, Markup | None]:
    """The pictures that this reader may see; None where the numbers behind one are withheld or missing."""
    claim, roc, curve = shown["promise"], shown["roc"].get("points"), shown["training_curve"].get("points")

    def limit(false_positive_rate: float) -> float:
        return best_power(false_positive_rate, float(claim["epsilon"]["value"]), claim["delta"]["value"])

    return {
        "epsilon": plots.epsilon_bars(_bars(shown, say), claim["target_epsilon"]["value"], say),
        "utility": _utility_plot(shown, say),
        "roc": plots.roc(roc, limit, say, label=say.said(LOSS), further=_further(shown, say))
        if roc
        else None,
        "curve": plots.curve(curve, say) if curve else None,
        "budget": plots.meter(shown["budget"]["spent"]["value"], shown["budget"]["left"]["value"], say),
    }


def _further(shown: Plain, say: Texts) -> list[tuple[str, list[tuple[float, float]]]]:
    """The curves of the attacks on all customers beside the loss threshold, by name."""
    found = shown["risk"]["memberships"]
    return [
        (say.said(each["attack"]), each["roc"])
        for each in ([] if "withheld" in found else found)
        if each["group"] == "all" and each["attack"] != LOSS and each["roc"]
    ]


def _bars(shown: Plain, say: Texts) -> list[plots.Bar]:
    promise, proven = shown["promise"], shown["audit"]["epsilon_low"].get("value")
    group, unit = promise["group"], say(f"unit.{promise['unit']}")
    audits = [
        (
            say("plot.audited", kind=say.said(each["kind"])),
            each["epsilon_low"],
            each["scope"],
            digits.at_least,
        )
        for each in shown["risk"]["audits"]
        if "withheld" not in each
    ]
    named = [
        (say("plot.proven"), proven, "internal", digits.at_least),
        *audits,
        (say("plot.claimed", unit=unit), promise["epsilon"]["value"], "claim", digits.at_most),
        (say("plot.check"), promise["epsilon_rdp"]["value"], "check", digits.at_most),
        (say("plot.group", size=group["size"]), group["epsilon"]["value"], "check", digits.at_most),
        (say("plot.faint"), promise["epsilon_unamplified"]["value"], "faint", digits.at_most),
    ]
    return [
        plots.Bar(label, float(value), kind, digit(value))
        for label, value, kind, digit in named
        if value is not None
    ]


def _utility_plot(shown: Plain, say: Texts) -> Markup | None:
    utility = shown["utility"]
    named = (("released", "claim"), ("exact", "internal"), ("twin", "internal"), ("baseline", "check"))
    rows = [
        plots.Interval(say(f"utility.row.{key}"), number["value"], number["low"], number["high"], kind)
        for key, kind in named
        if "value" in (number := utility[key])
    ]
    return plots.intervals(rows, say, utility["baseline"].get("high")) if rows else None
