"""The gate's page: its result for people, as one HTML file that asks no other host for anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from models.values.dataset import GateCheck, GateResult
from models.values.language import LANGUAGES, OWN_NAMES, TAGS, Language
from models.values.phrases import rule_in, said_in

TEMPLATE = Path(__file__).with_name("page.html.j2")


class Line(NamedTuple):
    """One check as the page shows it; a text that is not known in the page's language has `tag` en."""

    subject: str
    sentence: str
    passed: bool
    detail: str
    mend: str
    tag: str


def render(
    result: GateResult, *, release: str, synthetic: str | None, languages: Sequence[Language] = LANGUAGES
) -> str:
    """The page as self-contained HTML, table by table, in light and dark, in each of `languages`.

    It opens in the first of them. `synthetic` is the label of public synthetic data, shown on top. The page
    holds what `result` holds: rules and thresholds, no counts and no values.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        pages=[_page(result, language) for language in languages],
        release=release,
        synthetic=synthetic,
        passed=result.passed,
        total=len(result.checks),
        failed=sum(not check.passed for check in result.checks),
    )


@cache
def words(language: Language) -> dict[str, Any]:
    """The page's sentences in a language; those under `mend` say, by kind of rule, how to mend it."""
    import yaml

    text = TEMPLATE.with_name(f"page.{language}.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def _page(result: GateResult, language: Language) -> dict[str, Any]:
    tables: dict[str, list[Line]] = {}
    for check in result.checks:
        tables.setdefault(check.table, []).append(_line(check, language))
    return {
        "language": language,
        "tag": TAGS[language],
        "own_name": OWN_NAMES[language],
        "t": _say(language),
        "tables": tables,
    }


def _say(language: Language) -> Callable[..., str]:
    from markupsafe import Markup

    def say(key: str, **values: object) -> str:
        return Markup(words(language)[key]).format(**values)  # noqa: S704  # own texts; values are escaped

    return say


def _line(check: GateCheck, language: Language) -> Line:
    from markupsafe import Markup

    mends = words(language)["mend"]
    kind, _, sentence = check.rule.partition(": ")
    mend = Markup("") if check.passed else Markup(mends.get(kind, mends["unknown"]))  # noqa: S704  # own texts
    sentence = sentence or kind
    sentence = sentence[:1].upper() + sentence[1:]
    if language == "en":
        return Line(kind, sentence, check.passed, check.detail, mend, TAGS["en"])
    said, detail = rule_in(check.rule, language), said_in(check.detail, language) if check.detail else ""
    if None in (*said, detail):
        return Line(kind, sentence, check.passed, check.detail, mend, TAGS["en"])
    return Line(str(said[0]), str(said[1]), check.passed, str(detail), mend, TAGS[language])
