"""The page: one self-contained HTML file, an article a language, and a switch between them without script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from infra.report import digits
from models.values.language import OWN_NAMES, TAGS, Language

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent


class Article(NamedTuple):
    """A page's title and body in one language."""

    language: Language
    title: str
    body: Markup


def assemble(
    articles: Iterable[Article],
    *,
    meta: Mapping[str, str] | None = None,
    script: str | None = None,
    sheets: tuple[str, ...] = (),
) -> str:
    """The page as HTML that asks no other host for anything and runs no script but the house's own `script`.

    The first article is the one shown when the page is opened; what is printed is the one that is shown. The page's
    policy names the script by its hash, so that no other runs. `sheets` are further style sheets beside the templates.
    """
    pages = [
        {**article._asdict(), "tag": TAGS[article.language], "own_name": OWN_NAMES[article.language]}
        for article in articles
    ]
    policy = "" if script is None else f"; script-src 'sha256-{_hash(script)}'"
    own = None if script is None else Markup(script)  # noqa: S704  # a file of this house
    shell = environment().get_template("page.html.j2")
    return shell.render(pages=pages, meta=meta or {}, policy=policy, script=own, sheets=sheets)


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def environment() -> Environment:
    """Jinja2 with escaping on, unknown names refused, and the digits of `infra.report.digits` as filters."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        plain=digits.plain,
        at_most=digits.at_most,
        at_least=digits.at_least,
        share_at_most=digits.share_at_most,
    )
    return made
