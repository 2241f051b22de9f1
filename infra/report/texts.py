"""The texts of a page: one catalogue a language, plain YAML beside the templates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from models.values.language import TAGS, Language
from models.values.phrases import rule_in, said_in

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Texts:
    """What the page `page` says in `language`. `texts("promise.lead", unit=...)` is one sentence of it.

    Sentences are markup of this house; what is put into them is escaped. An unknown key is a KeyError.
    """

    page: str
    language: Language

    def __call__(self, key: str, **values: object) -> Markup:
        """The sentence `key` with `values` in its places."""
        return Markup(catalogue(self.page, self.language)[key]).format(**values)  # noqa: S704  # own texts

    def plain(self, key: str, **values: object) -> str:
        """The sentence `key` as text that is no markup; the caller escapes what is put into it."""
        return catalogue(self.page, self.language)[key].format(**values)

    @property
    def tag(self) -> str:
        """The language as the attribute `lang` names it."""
        return TAGS[self.language]

    def said(self, text: str) -> Markup:
        """A sentence of the evidence in this language; one that is not known stays, marked as English."""
        return _marked(text, said_in(text, self.language))

    def rule(self, rule: str) -> Markup:
        """A rule of the gate in this language."""
        if self.language == "en":
            return Markup("{}").format(rule)
        kind, sentence = rule_in(rule, self.language)
        if kind is None or sentence is None:
            return _marked(rule, None)
        return Markup("{}").format(sentence if ": " not in rule else f"{kind}：{sentence}")


@cache
def catalogue(page: str, language: Language) -> dict[str, str]:
    """The sentences of a page in a language, by dotted key."""
    import yaml

    text = (_HERE / f"{page}.{language}.yaml").read_text(encoding="utf-8")
    return dict(_flat(yaml.safe_load(text), ""))


def _flat(part: dict[str, Any], before: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in part.items():
        inner = _flat(value, f"{before}{key}.") if isinstance(value, dict) else [(before + key, value)]
        found += inner
    return found


def _marked(text: str, said: str | None) -> Markup:
    return Markup('<span lang="en">{}</span>').format(text) if said is None else Markup("{}").format(said)
