"""The dossier: one page, and the same as JSON, on which a person decides whether a model may be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from infra.report import digits, plots
from infra.report.promise import best_power
from infra.report.view import WITHHELD, Plain, view
from models.values.evidence import Evidence

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_HERE = Path(__file__).parent
SCOPES = {"public": "public", "dp_released": "DP-released", "internal": "internal"}


def render(evidence: Evidence, *, internal: bool) -> str:
    """The dossier as one HTML page that asks no other host for anything and runs no script.

    With `internal` False, numbers of scope internal are not in it at all, unless the data is itself
    public (`evidence.synthetic`). A page made with `internal` True is to be kept encrypted.
    """
    shown = view(evidence, internal=internal)
    template = _environment().get_template("dossier.html.j2")
    return template.render(shown, plots=_plots(shown), scopes=SCOPES, withheld_text=WITHHELD)


def as_json(evidence: Evidence, *, internal: bool) -> str:
    """The dossier's numbers as JSON, by the same rules as the page, with every number's scope beside it."""
    return json.dumps(view(evidence, internal=internal), indent=1, ensure_ascii=False, allow_nan=False)


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        plain=digits.plain,
        one_in=digits.one_in,
        at_most=digits.at_most,
        at_least=digits.at_least,
        share_at_most=digits.share_at_most,
    )
    return environment


def _plots(shown: Plain) -> dict[str, Markup | None]:
    """The pictures that this reader may see; None where the numbers behind one are withheld or missing."""
    claim, roc, curve = shown["promise"], shown["roc"].get("points"), shown["training_curve"].get("points")

    def limit(false_positive_rate: float) -> float:
        return best_power(false_positive_rate, float(claim["epsilon"]["value"]), claim["delta"]["value"])

    return {
        "epsilon": plots.epsilon_bars(_bars(shown), claim["target_epsilon"]["value"]),
        "utility": _utility_plot(shown),
        "roc": plots.roc(roc, limit) if roc else None,
        "curve": plots.curve(curve) if curve else None,
        "budget": plots.meter(shown["budget"]["spent"]["value"], shown["budget"]["left"]["value"]),
    }


def _bars(shown: Plain) -> list[plots.Bar]:
    promise, proven = shown["promise"], shown["audit"]["epsilon_low"].get("value")
    group = promise["group"]
    named = [
        ("proven by the attack, at least", proven, "internal", digits.at_least),
        (f"claimed per {promise['unit']}", promise["epsilon"]["value"], "claim", digits.at_most),
        ("check by a second accountant (RDP)", promise["epsilon_rdp"]["value"], "check", digits.at_most),
        (f"claimed per household of {group['size']}", group["epsilon"]["value"], "check", digits.at_most),
        ("if subsampling hid nothing", promise["epsilon_unamplified"]["value"], "faint", digits.at_most),
    ]
    return [
        plots.Bar(label, float(value), kind, digit(value))
        for label, value, kind, digit in named
        if value is not None
    ]


def _utility_plot(shown: Plain) -> Markup | None:
    utility = shown["utility"]
    named = (
        ("private, as released", "released", "claim"),
        ("private, exact", "exact", "internal"),
        ("non-private twin", "twin", "internal"),
        ("baseline", "baseline", "check"),
    )
    rows = [
        plots.Interval(label, number["value"], number["low"], number["high"], kind)
        for label, key, kind in named
        if "value" in (number := utility[key])
    ]
    return plots.intervals(rows, utility["baseline"].get("high")) if rows else None
