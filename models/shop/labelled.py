"""Labelled sentences: shop talk in Chinese and English with every personal value marked, to measure detection.

No template is in both parts, so that the test asks for more than remembering (training wording differs).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from models.shop import labelled_templates as templates
from models.shop.labelled_values import CHINESE_VALUES, ENGLISH_VALUES, Draw

Language = Literal["zh", "en"]
Part = Literal["train", "test"]
_SLOT = re.compile(r"\{(\w+)\}")


class Labelled(NamedTuple):
    """A sentence and the (start, end, kind) of its personal values, in characters; `template` names its form."""

    text: str
    spans: tuple[tuple[int, int, str], ...]
    template: str


def sentences(
    count: int,
    *,
    language: Language,
    part: Part,
    seed: int,
    values: Mapping[str, tuple[str, Draw]] | None = None,
) -> Iterator[Labelled]:
    """`count` sentences, each template equally often; `values` replaces the values that fill the slots."""
    rng = random.Random(f"{seed} {language} {part}")  # noqa: S311  # invented text, no secret
    chosen = _TEMPLATES[language, part]
    kinds = {**_VALUES[language], **(values or {})}
    for number in range(count):
        yield _filled(chosen[number % len(chosen)], kinds, rng)


def _filled(template: str, kinds: Mapping[str, tuple[str, Draw]], rng: random.Random) -> Labelled:
    text, spans = "", []
    for position, part in enumerate(_SLOT.split(template)):
        if position % 2:
            kind, draw = kinds[part]
            value = draw(rng)
            spans.append((len(text), len(text) + len(value), kind))
            text += value
        else:
            text += part
    return Labelled(text, tuple(spans), template)


_VALUES = {"zh": CHINESE_VALUES, "en": ENGLISH_VALUES}
_TEMPLATES = {
    ("zh", "train"): templates.CHINESE_TRAIN,
    ("zh", "test"): templates.CHINESE_TEST,
    ("en", "train"): templates.ENGLISH_TRAIN,
    ("en", "test"): templates.ENGLISH_TEST,
}
