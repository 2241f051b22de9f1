"""The model card: a model in a page of Markdown, and in five lines of a terminal."""

from __future__ import annotations

import re
from typing import Any

from infra.report import digits
from infra.report.texts import Texts
from infra.report.view import WITHHELD, Plain, view
from models.values.evidence import Evidence

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!])")


def card(evidence: Evidence) -> str:
    """The model card in Markdown. Its first line is a plain sentence, because lists show only that line.

    The second paragraph says the same in Chinese; the rest is in English. The card holds public and
    DP-released numbers only, and internal ones if the data is itself public.
    """
    shown = view(evidence, internal=False)
    lines = [
        _sentence(shown, Texts("dossier", "en")),
        "",
        _chinese(shown),
        "",
        *([f"> **Synthetic data.** {_safe(shown['synthetic'])}", ""] if shown["synthetic"] else []),
        f"**Verdict:** {_verdict(shown)}",
        "",
        "| what | value | scope |",
        "|---|---|---|",
        *(
            f"| {_safe(name)} | {_safe(_cell(name, number))} | {number['scope']} |"
            for name, number in _rows(shown)
        ),
        "",
        "## What it promises",
        _promise(shown["promise"]),
        "",
        "## What it does not promise",
        *(f"- {_safe(limit)}" for limit in shown["known_limits"]),
        "- It does not hide what is true of customers in general, nor protect data outside this training.",
        "",
        "## Where it comes from",
        f"- released data: `{shown['lineage']['released']}`",
        f"- policy: `{shown['lineage']['policy_hash']}`",
        f"- features: {_safe(', '.join(shown['lineage']['feature_names']))}",
    ]
    return "\n".join(lines) + "\n"


def summary_rows(evidence: Evidence, *, internal: bool = False) -> tuple[tuple[str, str, str], ...]:
    """The short table for a terminal: (what, value, scope) of utility, epsilon, audit, gate and verdict."""
    shown = view(evidence, internal=internal)
    gate = shown["gate"]
    return (
        ("verdict", _verdict(shown), ""),
        *((name, _cell(name, number), number["scope"]) for name, number in _rows(shown)),
        ("gate", f"{'passed' if gate['passed'] else 'FAILED'}: {gate['held']} of {gate['total']} checks", ""),
    )


def _rows(shown: Plain) -> tuple[tuple[str, dict[str, Any]], ...]:
    promise, utility, group = shown["promise"], shown["utility"], shown["promise"]["group"]
    household = ((f"epsilon, household of {group['size']}", group["epsilon"]),)
    return (
        (f"{utility['metric']}, privately released", utility["released"]),
        (f"{utility['metric']}, baseline", utility["baseline"]),
        (f"{utility['metric']}, non-private twin", utility["twin"]),
        (f"epsilon claimed per {promise['unit']}", promise["epsilon"]),
        ("epsilon asked for (target)", promise["target_epsilon"]),
        *(household if group["epsilon"]["value"] is not None else ()),
        ("epsilon proven by the audit (at least)", shown["audit"]["epsilon_low"]),
        ("bits told of one customer (at most)", shown["risk"]["upper_bits"]),
        ("rules of law not met (share)", shown["compliance"]["unmet"]),
        ("epsilon of the evaluation", promise["evaluation_epsilon"]),
        ("budget left", shown["budget"]["left"]),
    )


def _sentence(shown: Plain, say: Texts) -> str:
    key = "card.may" if shown["verdict"]["usable"] else "card.may_not"
    unit = say(f"unit.{shown['promise']['unit']}")
    epsilon = digits.at_most(shown["promise"]["epsilon"]["value"])
    return _filled(say, key, use_case=shown["use_case"], shop=shown["shop"], epsilon=epsilon, unit=unit)


def _chinese(shown: Plain) -> str:
    say = Texts("dossier", "zh")
    return _sentence(shown, say) + _believed(shown["promise"], say)


def _believed(promise: Plain, say: Texts) -> str:
    delta = promise["delta"]["value"]
    count = say("one_in", count=digits.odds(delta)) if delta > 0 else "0"
    sure = digits.share_at_most(promise["posterior"][-1]["posterior"]["value"])
    return _filled(say, "card.promise", unit=say(f"unit.{promise['unit']}"), sure=sure, delta=count)


def _promise(promise: Plain) -> str:
    mechanism = promise["mechanism"]
    return (
        f"{_believed(promise, Texts('dossier', 'en'))} "
        f"Neighbouring data sets: {_safe(promise['neighbouring'])}; "
        f"sampler: {_safe(mechanism['sampler'])}; noise: {_safe(mechanism['noise_source'])}."
    )


def _filled(say: Texts, key: str, **values: str) -> str:
    """A sentence of the catalogue as Markdown; what is put into it means only itself."""
    return say.plain(key, **{name: _safe(value) for name, value in values.items()})


def _verdict(shown: Plain) -> str:
    verdict = shown["verdict"]
    return "may be used" if verdict["usable"] else "may not be used: " + "; ".join(verdict["objections"])


def _cell(name: str, number: dict[str, Any]) -> str:
    """A number's digits: a claim is rounded up, a proof down."""
    if "withheld" in number:
        return WITHHELD
    if "low" in number:
        return f"{number['value']:.3f} [{number['low']:.3f}, {number['high']:.3f}]"
    if not name.startswith("epsilon"):
        return digits.plain(number["value"])
    return digits.at_least(number["value"]) if "proven" in name else digits.at_most(number["value"])


def _safe(text: str) -> str:
    """Text of the shop's own as Markdown that means only itself, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
