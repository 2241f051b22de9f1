"""Labelled sentences: shop talk in Chinese and English with every personal value marked, to measure detection.

No template is in two parts, so that the tests ask for more than remembering (training wording differs). The parts
`train` and `test` may be read while detection is made better; `held_out` (Chinese only) only measures it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from models.shop import labelled_templates as templates
from models.shop.labelled_held_out import CHINESE_HELD_OUT, CHINESE_HELD_OUT_VALUES
from models.shop.labelled_values import CHINESE_VALUES, ENGLISH_VALUES, Draw

Language = Literal["zh", "en"]
Part = Literal["train", "test", "held_out"]
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
) -> Iterator[Labelled]:
    """`count` sentences, each template equally often."""
    rng = random.Random(f"{seed} {language} {part}")  # noqa: S311  # invented text, no secret
    chosen = _TEMPLATES[language, part]
    kinds = _VALUES[language, part]
    for number in range(count):
        yield filled(chosen[number % len(chosen)], kinds, rng)


def filled(template: str, kinds: Mapping[str, tuple[str, Draw]], rng: random.Random) -> Labelled:
    """A template with values in its slots, each labelled with the kind that `kinds` gives."""
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


_TEMPLATES: Mapping[tuple[Language, Part], tuple[str, ...]] = {
    ("zh", "train"): templates.CHINESE_TRAIN,
    ("zh", "test"): templates.CHINESE_TEST,
    ("zh", "held_out"): CHINESE_HELD_OUT,
    ("en", "train"): templates.ENGLISH_TRAIN,
    ("en", "test"): templates.ENGLISH_TEST,
}
_VALUES: Mapping[tuple[Language, Part], Mapping[str, tuple[str, Draw]]] = {
    ("zh", "train"): CHINESE_VALUES,
    ("zh", "test"): CHINESE_VALUES,
    ("zh", "held_out"): CHINESE_HELD_OUT_VALUES,
    ("en", "train"): ENGLISH_VALUES,
    ("en", "test"): ENGLISH_VALUES,
}
