"""Languages: in which ones pages are written, and what a shop says in them itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from models.values.base import Value

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
TAGS: dict[Language, str] = {"en": "en", "zh": "zh-Hans"}  # BCP 47, for `lang`
OWN_NAMES: dict[Language, str] = {"en": "English", "zh": "中文"}

Sentence = Annotated[str, StringConstraints(min_length=2, max_length=1000)]
Sentences = dict[Language, Sentence]


class Notice(Value):
    """What only the shop can tell its customers: who it is, how to reach it, who else gets the data.

    The rest of a notice follows from the spec. Regulation (EU) 2016/679, art. 13, asks for all these statements, the
    Personal Information Protection Law of China for who is responsible and how to reach it (art. 17), for the
    officer's contact (art. 52), and for recipients, inside and outside the country (art. 23, 39).
    """

    controller: Sentences
    contact: Sentence
    officer: Sentence | None = None
    recipients: Sentences
    transfers: Sentences
    decisions: Sentences
    refusal: Sentences
    authority: Sentences
    words: dict[Language, dict[str, Sentence]] = Field(default_factory=dict)
