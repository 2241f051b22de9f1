"""The dossier's plots as pictures that stand alone: SVG with its own style, as a data: address in Markdown.

They hold what the shared dossier may hold: with private data the training curve and the attack are internal
numbers (docs/privacy.md, rule 3), and a sentence says where they are kept.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from infra.report import digits, plots
from infra.report.promise import best_power
from infra.report.texts import Texts
from infra.report.view import view
from models.values.evidence import Evidence

if TYPE_CHECKING:
    from markupsafe import Markup

_NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'
_SAY = Texts("dossier", "en")  # Prefect's pages are in English
_STYLE = (
    "svg{background:#fff;font-family:sans-serif}text{fill:#1b2126;font-size:13.5px}.tick{fill:#57616b;font-size:12px}"
    ".value{font-weight:650}.grid{stroke:#e1e2dc}.line{fill:none;stroke-width:2.4;stroke-linejoin:round}"
    ".training{stroke:#0b6b63}.attack{stroke:#8a5200}.second{stroke:#2356a8}"
    ".third{stroke:#2356a8;stroke-dasharray:7 3}.fourth{stroke:#0b6b63}.fifth{stroke:#0b6b63;stroke-dasharray:7 3}"
    ".chance{stroke:#7b8a94;stroke-dasharray:2 4}"
    ".limit{stroke:#b3261e;stroke-dasharray:6 4}.track{fill:#c9cfd2}.spent{fill:#0b6b63}"
)
_WITHHELD = (
    "Internal: {what} says things about customers that no budget paid for, and is not shown here. "
    "The privacy officer reads it with `privet dossier {run} --output FILE`."
)


def training_curve(evidence: Evidence) -> str:
    """The training loss by step in Markdown, or where it is kept."""
    points = view(evidence, internal=False)["training_curve"].get("points")
    if not points:
        return _WITHHELD.format(what="the training curve", run=evidence.run)
    return (
        f"{_label(evidence)}Training loss by step.\n\n{image('training curve', plots.curve(points, _SAY))}\n"
    )


def attack(evidence: Evidence) -> str:
    """The ROC of the membership attack beside what the claim allows, in Markdown, or where it is kept."""
    shown = view(evidence, internal=False)
    points = shown["roc"].get("points")
    if not points:
        return _WITHHELD.format(what="the attack on the model", run=evidence.run)
    epsilon, delta = float(shown["promise"]["epsilon"]["value"]), shown["promise"]["delta"]["value"]
    drawn = plots.roc(
        points, lambda false_positive_rate: best_power(false_positive_rate, epsilon, delta), _SAY
    )
    proven = digits.at_least(shown["audit"]["epsilon_low"]["value"])
    return (
        f"{_label(evidence)}The attack proves epsilon of at least {proven}; claimed is {digits.at_most(epsilon)}. "
        f"Dashed: what the claim allows; dotted: guessing.\n\n{image('membership attack', drawn)}\n"
    )


def epsilon_meter(shop: str, *, spent: float, left: float, run: float, use_case: str) -> str:
    """The shop's budget as a bar with its digits, and what one training takes of it, in Markdown. All public."""
    return (
        f"Customers of **{shop}**: epsilon {digits.at_most(spent)} of {digits.plain(spent + left)} spent, "
        f"{digits.plain(left)} left. The training of **{use_case}** takes {digits.at_most(run)} of it, "
        f"whatever becomes of the run.\n\n{image('privacy budget', plots.meter(spent, left, _SAY))}\n"
    )


def image(name: str, svg: Markup) -> str:
    """An inline plot as a Markdown image that asks no host for anything."""
    alone = str(svg).replace("<svg ", f"<svg {_NAMESPACE} ", 1).replace(">", f"><style>{_STYLE}</style>", 1)
    return f"![{name}](data:image/svg+xml;base64,{base64.b64encode(alone.encode()).decode()})"


def _label(evidence: Evidence) -> str:
    return f"_{evidence.synthetic}_\n\n" if evidence.synthetic else ""
