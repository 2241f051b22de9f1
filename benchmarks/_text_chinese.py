"""Text, Chinese: examples for the tagger, invented sentences, common words in any order and programs' messages."""

from __future__ import annotations

import gettext
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path

from benchmarks._text_english import Piece, Span, added, led, replaced
from benchmarks._text_templates import (
    CHINESE,
    CHINESE_CLEAN,
    CHINESE_DEGREES,
    CHINESE_LIKE,
    CHINESE_TAILS,
    CHINESE_THINGS,
    words,
)
from models.anonymity.detect.fitting import Example
from models.anonymity.suspicion import SURNAMES
from models.shop.labelled import filled
from models.shop.labelled_templates import CHINESE_TRAIN
from models.shop.labelled_values import CHINESE_VALUES, Draw, chinese_address, digits

# packages whose messages are translated into Chinese and free for any use (BSD and MIT licences)
TRANSLATED = {
    "django": "zh_Hans",
    "wagtail": "zh_Hans",
    "allauth": "zh_Hans",
    "jupyterlab_language_pack_zh_CN": "zh_CN",
}
DOUBLED = ("欧阳", "上官", "司马", "诸葛", "司徒", "夏侯", "慕容", "皇甫", "令狐", "东方", "尉迟", "公孙")
BEFORE = (
    "您好！",
    "你好，",
    "请问，",
    "急！",
    "麻烦了，",
    "客服，",
    "唉，",
    "亲，",
    "喂，",
    "那个，",
    "另外",
    "不好意思，",
)
BETWEEN = ("，", "，", "。", "。", "；", "！", " ", "\n")
AFTER = ("", "", "", "", "。", "！", "？", "，谢谢", "啊", "吗？", "哦", "呢", "吧")
MARKS = (*[""] * 20, "，", "，", "。", "！", "？", "、", "：", " ")
ROADS = (
    "路",
    "街",
    "大街",
    "大道",
    "东路",
    "西路",
    "南路",
    "北路",
    "中路",
    "一路",
    "二路",
    "巷",
    "胡同",
    "弄",
)
ESTATES = words(
    """
花园 小区 家园 公寓 大厦 苑 城 湾 里 新村 广场 花苑 山庄 名邸 府 雅居 宿舍 国际 中心 写字楼
家属院 工业园 科技园 华庭 庄园 阁
"""
)
GROUPS = words(
    """
科技 商贸 集团 旗舰店 专卖店 超市 医院 大学 银行 公司 有限公司 物流 工厂 中学 小学 餐厅 工作室
电器
"""
)
NUMBERS = words("phone landline qq order card resident account waybill email plate born ip")
PERSON = re.compile(
    "他们|她们|他|她|用户|管理员|作者|老板娘?|客服|卖家|店家|商家|服务员|前台|朋友|老人|孩子|顾客|会员|您|我|你"
)


class Chinese:
    """Values of every kind, put together from Faker's lists, family names and the words of a dictionary."""

    def __init__(self, seed: int) -> None:
        from faker import Faker

        self.rng = random.Random(seed)
        Faker.seed(seed)
        self.faker = Faker("zh_CN")
        self.words = common_words()
        self.pairs = [word for word, _ in self.words if len(word) == 2]
        self.known = {word for word, _ in self.words}
        self.signs = _common_signs(self.words)
        self._values: dict[str, tuple[str, Callable[[], str]]] = {
            "name": ("NAME", self.name),
            "address": ("ADDRESS", self.address),
            "place": ("PLACE", self.place),
            "group": ("GROUP", self.group),
        }

    def piece(self, slot: str) -> Piece:
        kind, draw = self._values[slot]
        return draw(), kind

    def kinds(self) -> dict[str, tuple[str, Draw]]:
        """Slot -> kind and generator, as labelled templates want them."""
        made = {slot: (kind, partial(_drawn, draw)) for slot, (kind, draw) in self._values.items()}
        return {**CHINESE_VALUES, **made}

    def name(self) -> str:
        made = self._name()
        return made if made not in self.known else self._name()

    def _name(self) -> str:
        rng, draw = self.rng, self.rng.random()
        if draw < 0.35:
            return str(self.faker.name())
        common = self.faker.last_name() if draw < 0.7 else rng.choice(SURNAMES)
        family = rng.choice(DOUBLED) if rng.random() < 0.06 else str(common)
        if rng.random() < 0.3:
            return family + str(self.faker.first_name())
        return family + "".join(rng.choices(self.signs, k=1 if rng.random() < 0.35 else 2))

    def word(self) -> str:
        return self.rng.choice(self.pairs)

    def place(self) -> str:
        rng, faker = self.rng, self.faker
        city = faker.city_name()
        return str(rng.choice((city, city + "市", faker.province(), faker.country(), faker.city())))

    def group(self) -> str:
        rng = self.rng
        made = rng.choice(("", self.faker.city_name())) + self.word() + rng.choice(GROUPS)
        return str(rng.choice((self.faker.company(), made, made)))

    def address(self) -> str:
        """As Faker writes it, as the labelled generator does, or put together anew from words of a dictionary."""
        draw = self.rng.random()
        if draw < 0.2:
            return chinese_address(self.rng)
        if draw < 0.3:
            return str(self.faker.address()).rsplit(" ", 1)[0]
        return self.area() + self.rng.choice((self.road, self.house, self.house, self.flat, self.village))()

    def area(self) -> str:
        rng, faker = self.rng, self.faker
        district = rng.choice(
            (faker.district() + "区", self.word() + rng.choice(("区", "县", "市", "镇", "街道")))
        )
        city = rng.choice((str(faker.city()), str(faker.city_name()), str(faker.city_name()) + "市"))
        return (
            rng.choice(("", faker.province(), "")) + rng.choice(("", city, city)) + rng.choice(("", district))
        )

    def road(self) -> str:
        rng = self.rng
        name = rng.choice(
            (self.word(), self.word(), str(self.faker.city_name()), self.word() + rng.choice(self.signs))
        )
        number = rng.choice(
            (f"{rng.randrange(1, 2000)}号", f"{rng.randrange(1, 2000)}号", f"{rng.randrange(1, 999)}弄")
        )
        return name + rng.choice(ROADS) + number

    def flat(self) -> str:
        rng = self.rng
        block, door = rng.randrange(1, 60), rng.randrange(101, 3300)
        stair = rng.randrange(1, 7)
        room = (
            f"{block}{rng.choice(('栋', '幢', '号楼', '座', '#', '号'))}{rng.choice(('', f'{stair}单元'))}{door}"
            f"{rng.choice(('', '室', '房'))}",
            f"{block}{rng.choice(('栋', '幢', '号楼'))}",
            f"{block}-{stair}-{door}",
            f"{block}-{door}",
            f"{rng.choice('ABCDE')}{rng.choice(('座', '栋', '区'))}{door}{rng.choice(('', '室'))}",
            f"{rng.choice('ABCDE')}座{stair + 3}{rng.choice(('层', '楼'))}",
            f"{stair}期{block}栋{door}",
        )
        return (
            self.word()
            + rng.choice(("", "", rng.choice(self.signs)))
            + rng.choice(ESTATES)
            + rng.choice(room)
        )

    def house(self) -> str:
        return self.road() + self.flat()

    def village(self) -> str:
        rng = self.rng
        name = self.word() + rng.choice(("村", "庄", "屯", "寨", "社区"))
        place = (f"{rng.randrange(1, 20)}{rng.choice(('组', '队', '社'))}", "")
        return (
            rng.choice(("", self.word() + "镇", self.word() + "乡"))
            + name
            + rng.choice(place)
            + f"{digits(rng, 2)}号"
        )


def _common_signs(words: Sequence[tuple[str, float]], most: int = 2500) -> list[str]:
    """The characters that the words use most."""
    counts: Counter[str] = Counter()
    for word, weight in words:
        for sign in word:
            counts[sign] += weight  # type: ignore[assignment]  # weights of any kind add up
    return [sign for sign, _ in counts.most_common(most)]


def _drawn(draw: Callable[[], str], _: random.Random) -> str:
    return draw()


@cache
def common_words() -> tuple[tuple[str, float], ...]:
    """Words of jieba's dictionary (up to four characters), weighted by their use; no names of people and places."""
    found = find_spec("jieba")
    assert found is not None
    assert found.origin is not None
    made = []
    for line in (Path(found.origin).parent / "dict.txt").read_text("utf-8").splitlines():
        word, frequency, tag = line.split()
        named = tag.startswith(("nr", "ns", "nt", "nz"))
        if len(word) <= 4 and int(frequency) >= 20 and not named and all("一" <= c <= "鿿" for c in word):
            made.append((word, float(frequency) ** 0.75))
    return tuple(made)


@cache
def messages() -> tuple[str, ...]:
    """Messages of programs in Chinese: sentences and short phrases that name nobody."""
    made: dict[str, None] = {}
    for package, locale in TRANSLATED.items():
        found = find_spec(package)
        assert found is not None
        assert found.origin is not None
        for path in sorted(Path(found.origin).parent.rglob("*.mo")):
            if locale in path.parts:
                with path.open("rb") as file:
                    shown = gettext.GNUTranslations(file)._catalog.values()  # type: ignore[attr-defined]
                made.update(dict.fromkeys(text for text in shown if len(re.findall("[一-鿿]", text)) >= 4))
    return tuple(text[:120] for text in made)


def sentences(count: int, seed: int) -> Iterator[Example]:
    """Training templates, some of them one after another or with a sentence of a review."""
    chinese = Chinese(seed)
    rng, kinds = chinese.rng, chinese.kinds()
    templates = tuple(dict.fromkeys((*CHINESE, *CHINESE_TRAIN)))
    for number in range(count):
        text, spans = _filled(templates[number % len(templates)], kinds, rng)
        if rng.random() < 0.3:
            more = _filled(rng.choice((*templates, *CHINESE_CLEAN * 3)), kinds, rng)
            text, spans = _joined((text, spans), more, rng)
        if rng.random() < 0.2:
            text, spans = led(rng.choice(BEFORE), text, spans)
        yield text + (rng.choice(AFTER) if text[-1] not in "。！？" else ""), spans


def _filled(template: str, kinds: dict[str, tuple[str, Draw]], rng: random.Random) -> tuple[str, list[Span]]:
    made = filled(template, kinds, rng)
    return made.text, [span for span in made.spans if span[2] in {"NAME", "ADDRESS", "GROUP", "PLACE"}]


def _joined(
    one: tuple[str, list[Span]], other: tuple[str, list[Span]], rng: random.Random
) -> tuple[str, list[Span]]:
    """Two sentences in one text, in either order."""
    first, second = (one, other) if rng.random() < 0.5 else (other, one)
    before = first[0].rstrip("。！？") + rng.choice(BETWEEN)
    text, spans = led(before, *second)
    return text, [*first[1], *spans]


def salad(count: int, seed: int) -> Iterator[Example]:
    """Common words in any order; in half of the texts a value stands among them, so that any word may be beside it."""
    chinese = Chinese(seed)
    rng = chinese.rng
    drawn_words, weights = zip(*chinese.words, strict=True)
    often = list(accumulate(weights))
    evenly = list(accumulate(weight**0.4 for weight in weights))
    slots = ("name", "name", "name", "name", "address", "address", "group", "place")
    for number in range(count):
        totals = often if number % 3 else evenly
        drawn = rng.choices(drawn_words, cum_weights=totals, k=rng.randrange(2, 12))
        at = rng.randrange(len(drawn) + 1)
        text, spans = "", list[Span]()
        for place, word in enumerate((*drawn, "")):
            if place == at and number % 2:
                text = added(text, spans, chinese.piece(rng.choice(slots)))
            elif place == at and number % 4:
                text += CHINESE_VALUES[rng.choice(NUMBERS)][1](rng)
            text += word + (rng.choice(MARKS) if word else "")
        yield text, spans


def peopled(seed: int) -> Iterator[Example]:
    """Messages and sentences of reviews as they are, and with a name for a word that means a person."""
    chinese, rng = Chinese(seed), random.Random(seed)
    reviews = [*CHINESE_CLEAN, *(_review(rng) for _ in range(16_000))]
    pairs = [f"{rng.choice(reviews)}{rng.choice(BETWEEN)}{rng.choice(reviews)}" for _ in range(8000)]
    for text in (*messages(), *reviews, *pairs):
        yield text, []
        if PERSON.search(text):
            yield replaced(text, PERSON, lambda: chinese.piece("name"))


def _review(rng: random.Random) -> str:
    """A short sentence of a review: one or two things and what they are like."""
    said = [
        rng.choice(CHINESE_THINGS)
        + rng.choice(CHINESE_DEGREES)
        + rng.choice(CHINESE_LIKE)
        + rng.choice(CHINESE_TAILS)
        for _ in range(rng.choice((1, 1, 2, 3)))
    ]
    if rng.random() < 0.3:
        said.append(rng.choice(CHINESE_THINGS) + rng.choice(CHINESE_TAILS))
    if rng.random() < 0.2:
        said.insert(0, rng.choice(CHINESE_LIKE))
    return rng.choice(("", "，", "，", " ")).join(said)
