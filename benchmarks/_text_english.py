"""Text, English: examples for the tagger, invented sentences filled by Faker and customers' questions (BANKING77)."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks._text_templates import ENGLISH, words
from models.anonymity.detect.fitting import Example
from models.shop.labelled_templates import ENGLISH_TRAIN
from models.shop.labelled_values import ENGLISH_VALUES, english_address

LOCALES = """
en_US en_GB en_US en_IN en_CA en_AU de_DE fr_FR es_ES es_MX it_IT pt_BR pt_PT nl_NL sv_SE no_NO da_DK fi_FI pl_PL
cs_CZ hu_HU hr_HR sl_SI ro_RO tr_TR id_ID en_IE ig_NG yo_NG vi_VN et_EE lt_LT lv_LV is_IS en_NG zu_ZA az_AZ
"""
ADDRESSED = """
en_US en_GB en_US en_IN en_CA en_AU de_DE fr_FR es_ES it_IT pt_BR nl_NL sv_SE no_NO da_DK fi_FI
pl_PL cs_CZ hu_HU
"""
JOBS = words("manager plumber teacher nurse consultant engineer cook lawyer clerk driver designer officer")
KINDS = words("Systems Health Credit Group Labs Media Inc Data Energy Travel Insight")
NATIONS = words(
    """
French German Indian Irish Spanish Dutch Turkish Korean Brazilian Canadian Welsh Thai Greek
Danish
"""
)
BEFORE = ("Hello. ", "Hi! ", "Thank you. ", "OK, ", "Not yet. ", "I see. ", "What a day. ", "- ")
MARKS = ("> ", ">", "?? ", "* ", "| ", "- ", "  ", "# ", "\t")
SLOT = re.compile(r"\{(\w+)\}")
PERSON = re.compile(
    r"\b(I|you|they|someone|somebody|he|she|it|we|him|her|them|me|us|people|anyone|everyone|what)\b"
)
Piece = tuple[str, str | None]
Span = tuple[int, int, str]


class English:
    """Pieces of text and what they are (a kind, or None), from Faker's providers of many languages."""

    def __init__(self, seed: int) -> None:
        from faker import Faker

        self.rng = random.Random(seed)
        Faker.seed(seed)
        self.people = [Faker(locale) for locale in LOCALES.split()]
        self.homes = [Faker(locale) for locale in ADDRESSED.split()]
        self.us = Faker("en_US")
        self._slots: dict[str, Callable[[], list[Piece]]] = {
            "full": self.full,
            "block": self.block,
            "quoted": lambda: self.block("\n> "),
            "address": lambda: self.full() if self.rng.random() < 0.6 else [self.value("street")],
        }
        self._values = {**self._names(), **self._others()}

    def _names(self) -> dict[str, Callable[[], Piece]]:
        return {
            "name": lambda: (self.name(), "NAME"),
            "NAME": lambda: (self.name().upper(), "NAME"),
            "lower": lambda: (self.name().lower(), "NAME"),
            "given": lambda: (self.person().first_name(), "NAME"),
            "surname": lambda: (self.person().last_name(), "NAME"),
        }

    def _others(self) -> dict[str, Callable[[], Piece]]:
        return {
            "place": lambda: (self.place(self.home()), "PLACE"),
            "group": lambda: (self.group(), "GROUP"),
            "street": lambda: (self.street(self.home()), "ADDRESS"),
            "zip": lambda: (self.home().postcode(), "ADDRESS"),
            "year": lambda: (str(self.rng.randrange(1950, 2026)), None),
            "digits": lambda: (self.home().phone_number(), None),
            "job": lambda: (self.rng.choice(JOBS) if self.rng.random() < 0.5 else self.us.job(), None),
            "nation": lambda: (self.rng.choice(NATIONS), None),
        }

    def pieces(self, slot: str) -> list[Piece]:
        """The pieces of one slot; slots that are neither name nor place are filled by the labelled generator's."""
        if slot in self._slots:
            return self._slots[slot]()
        return [self.value(slot)] if slot in self._values else [(ENGLISH_VALUES[slot][1](self.rng), None)]

    def value(self, slot: str) -> Piece:
        return self._values[slot]()

    def person(self) -> Any:
        return self.rng.choice(self.people)

    def home(self) -> Any:
        return self.rng.choice(self.homes)

    def name(self) -> str:
        rng, person = self.rng, self.person()
        parts = [person.first_name(), person.last_name()]
        if rng.random() < 0.2:
            parts.insert(1, rng.choice("ABCDEFGHJKLMNPRSTVW") + rng.choice(("", ".")))
        return " ".join(parts[:1] if rng.random() < 0.15 else parts)

    def place(self, home: Any) -> str:
        city = str(self.us.country() if self.rng.random() < 0.4 else home.city())
        return city.upper() if self.rng.random() < 0.15 else city

    def group(self) -> str:
        rng, us = self.rng, self.us
        syllables = ("lo", "ver", "ta", "pix", "no", "zen", "cor", "tel", "da", "mi")
        word = "".join(rng.choice(syllables) for _ in range(3)).title()
        house = rng.choice(("University", "Hospital", "Bank", "Foundation", "College"))
        first = rng.choice(("Open", "Smart", "Blue", "First"))
        kind = rng.choice(KINDS)
        made = (word, f"{word} {kind}", f"{us.last_name()} {house}", f"{first} {kind}")
        return str(rng.choice((us.company(), us.company(), *made)))

    def street(self, home: Any) -> str:
        rng, name = self.rng, home.street_name()
        made = home.street_address().split("\n")[0]
        numbered = (f"{rng.randrange(1, 9000)} {name}", f"{name} {rng.randrange(1, 200)}")
        return str(rng.choice((made, made, name, *numbered)))

    def flat(self) -> str:
        rng = self.rng
        return f"{rng.choice(('Apt.', 'Suite', 'Apt', 'Unit', 'Flat', 'Floor', '#'))} {rng.randrange(1, 999)}"

    def full(self) -> list[Piece]:
        if self.rng.random() < 0.2:
            return [(english_address(self.rng), "ADDRESS")]
        return self.block(self.rng.choice((", ", " ", "\n", "\n ")))

    def block(self, gap: str = "\n") -> list[Piece]:
        """An address of several lines: all of it is an address, its places and postcodes too."""
        rng, home = self.rng, self.home()
        if rng.random() < 0.08:
            return [(self.post_box(), "ADDRESS")]
        if rng.random() < 0.06:
            return [(f"the corner of {self.street(home)} and {self.street(home)}", "ADDRESS")]
        lines = [self.first_line(home, gap), self.town(home, gap)]
        if rng.random() < 0.4:
            country = str(self.us.country())
            lines.append(rng.choice((country, f"{country} {home.postcode()}", country.upper())))
        return [(gap.join(lines), "ADDRESS")]

    def post_box(self) -> str:
        rng = self.rng
        box = f"PSC {rng.randrange(1000, 9999)}, Box {rng.randrange(1, 9999)}"
        return f"{box}\nAPO {rng.choice(('AE', 'AP', 'AA'))} {rng.randrange(10000, 99999)}"

    def first_line(self, home: Any, gap: str) -> str:
        rng, line = self.rng, self.street(home)
        if rng.random() < 0.25:
            line = f"{rng.randrange(1, 99999)}{rng.choice((' ', ' ', ', '))}{line}"
        return line + (rng.choice((" ", ", ", gap)) + self.flat() if rng.random() < 0.5 else "")

    def town(self, home: Any, gap: str) -> str:
        rng, us, code = self.rng, self.us, home.postcode()
        city = self.place(home) if rng.random() < 0.3 else home.city()
        city = city.upper() if rng.random() < 0.25 else city
        state = rng.choice(("", "", ", " + us.state_abbr(), ", " + us.state()))
        with_code = (f"{city}{state} {code}", f"{code} {city}", f"{city}{state}{gap}{code}")
        return str(rng.choice((*with_code, city, f"{city}{gap}, {us.state_abbr()}")))


@cache
def questions() -> tuple[str, ...]:
    """Customers' questions without people: BANKING77, from the folder PRIVET_BENCH_DATA."""
    import pandas as pd

    table = pd.read_parquet(Path(os.environ["PRIVET_BENCH_DATA"]) / "banking77" / "train.parquet")
    return tuple(table.text[:8000])


def prose(count: int, seed: int) -> Iterator[Example]:
    """Sentences with people, groups, places and addresses."""
    english = English(seed)
    templates = [template.replace("\\n", "\n") for template in dict.fromkeys((*ENGLISH, *ENGLISH_TRAIN))]
    for number in range(count):
        text, spans = "", list[Span]()
        for place, part in enumerate(SLOT.split(templates[number % len(templates)])):
            for piece in english.pieces(part) if place % 2 else [(part, None)]:
                text = added(text, spans, piece)
        yield varied(text, spans, english.rng)


def common(count: int, seed: int) -> Iterator[Example]:
    """Common words in any order, some with capitals; in half of the texts a value stands among them."""
    english = English(seed)
    rng = english.rng
    kinds = ("name", "given", "surname", "given", "place", "group", "street", "full")
    for number in range(count):
        words = english.us.words(nb=rng.randrange(4, 14), ext_word_list=None)
        at = rng.randrange(len(words)) if number % 2 else -1
        text, spans = "", list[Span]()
        for place, word in enumerate(words):
            for piece in english.pieces(rng.choice(kinds)) if place == at else ():
                text = added(text, spans, piece)
            text += rng.choice((" ", " ", " ", "'s ", ", ", ": ", ". ")) if place == at else ""
            text += word.title() if not place or rng.random() < 0.12 else word
            text += rng.choice(("", "", "", "", ",", ".", ":", "?", "!")) + " "
        yield text.strip(), spans


def peopled(seed: int) -> Iterator[Example]:
    """Questions in which a word for a person became a name: many wordings that no template has."""
    english, rng = English(seed), random.Random(seed)
    kinds = ("name", "name", "given", "surname", "group", "place")
    for text in questions():
        for _ in range(2):
            yield varied(*replaced(text, PERSON, lambda: english.value(rng.choice(kinds))), rng)
        if rng.random() < 0.4:
            cased = " ".join(w.title() if rng.random() < 0.5 else w for w in text.split(" "))
            yield (cased if rng.random() < 0.7 else text.upper()), []


def added(text: str, spans: list[Span], piece: Piece) -> str:
    """`text` with a piece behind it; `spans` gets the piece's span if it has a kind."""
    value, kind = piece
    if kind:
        spans.append((len(text), len(text) + len(value), kind))
    return text + value


def replaced(text: str, words: re.Pattern[str], drawn: Callable[[], Piece]) -> tuple[str, list[Span]]:
    """The text with one or two of the `words` in it replaced by a value; as it is if it has none."""
    matches = list(words.finditer(text))
    chosen = sorted(random.Random(text).sample(matches, min(len(matches), 2)), key=lambda m: m.start())
    made, last, spans = "", 0, list[Span]()
    for match in chosen:
        made = added(made + text[last : match.start()], spans, drawn())
        last = match.end()
    return made + text[last:], spans


def varied(text: str, spans: list[Span], rng: random.Random) -> Example:
    """The sentence as it is, without its last stop, after a short one, with marks before lines, or in one case."""
    if rng.random() < 0.2 and text.endswith("."):
        text = text[:-1]
    if rng.random() < 0.2:
        text, spans = led(rng.choice(BEFORE), text, spans)
    if "\n" in text and rng.random() < 0.4:
        text, spans = _marked(text, spans, rng.choice(MARKS))
    if (draw := rng.random()) < 0.1 and len(text.lower()) == len(text) == len(text.upper()):
        text = text.upper() if draw < 0.025 else text.lower()
    return text, spans


def led(before: str, text: str, spans: list[Span]) -> tuple[str, list[Span]]:
    """The text after `before`."""
    return before + text, [(a + len(before), b + len(before), kind) for a, b, kind in spans]


def _marked(text: str, spans: list[Span], mark: str) -> tuple[str, list[Span]]:
    """Every line of the text begins with `mark`."""

    def moved(place: int) -> int:
        return place + len(mark) * (1 + text[:place].count("\n"))

    return mark + text.replace("\n", "\n" + mark), [(moved(a), moved(b), k) for a, b, k in spans]
