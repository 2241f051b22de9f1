"""Makes the tagger's weights: invented sentences, filled by Faker, and texts that are free for any use.

Run in an environment with faker, jieba, django, wagtail, django-allauth and jupyterlab-language-pack-zh-CN beside the
project's own packages (models/anonymity/detect/README.md says what each gives, and under which licence):
    python -m benchmarks._text_training models/anonymity/detect/tagger.npz /usr/share/dict/american-english
BANKING77 is read from PRIVET_BENCH_DATA; the words are Debian's wamerican. The presidio-research sentences and people
are not used, and neither are the held-out templates.
"""

from __future__ import annotations

import pkgutil
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np

from benchmarks import _text_chinese, _text_english
from models.anonymity.detect.fitting import Example, averaged, fitted
from models.anonymity.detect.tagger import packed
from models.anonymity.detect.tokens import CHINESE_WORD, KEY_BITS, Lexicon, word_keys

SEEDS = (7, 8, 9)
WANTED = {"first_name": 0, "last_name": 1, "cit": 2, "countr": 2, "state": 2}


def examples(seed: int) -> list[Example]:
    """All that the tagger learns from."""
    return [
        *_text_english.prose(32_000, seed),
        *_text_english.peopled(seed),
        *_text_english.common(20_000, seed),
        *((text, []) for text in _text_english.questions()),
        *_text_chinese.sentences(32_000, seed),
        *_text_chinese.salad(32_000, seed),
        *_text_chinese.peopled(seed),
    ]


def lexicon(words: Path) -> Lexicon:
    """Given names, surnames and places of Faker's providers, and common English and Chinese words, by their keys."""
    lists = _listed()
    lists.append({w for w in words.read_text().splitlines() if w.isalpha() and w.islower() and len(w) > 1})
    lists[-1] |= {"a", "i"}
    bits: dict[str, int] = {}
    for number, entries in enumerate(lists):
        for word in entries:
            if not "一" <= word[0] <= "鿿":
                bits[word] = bits.get(word, 0) | 1 << number
    chinese = (word for word, _ in _text_chinese.common_words() if len(word) in (2, 3))
    bits |= dict.fromkeys(chinese, CHINESE_WORD)
    found = np.zeros(1 << KEY_BITS, dtype=np.uint8)
    np.bitwise_or.at(found, word_keys(list(bits)), np.array(list(bits.values()), dtype=np.uint8))
    return Lexicon(found)


def _listed() -> list[set[str]]:
    """The words of given names, of surnames and of places, in lower case."""
    import faker.providers.address as addresses
    import faker.providers.person as people

    lists: list[set[str]] = [set(), set(), set()]
    for package in (people, addresses):
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            for number, value in _values(import_module(module.name)):
                found = re.findall(r"[^\W\d_]+", value.lower())
                lists[number].update(word for word in found if len(word) > 2 or not word.isascii())
    return lists


def _values(module: ModuleType) -> Iterator[tuple[int, str]]:
    """(list, text) of the lists of one of Faker's providers."""
    for attribute in dir(module.Provider):
        number = next((n for start, n in WANTED.items() if attribute.startswith(start)), None)
        values = getattr(module.Provider, attribute)
        if number is None or "suffix" in attribute or "prefix" in attribute:
            continue
        if isinstance(values, dict | list | tuple | set):
            yield from ((number, value) for value in values if isinstance(value, str))


def main(out: str, words: str, rounds: int = 2) -> None:
    """Fit and write the weights: the mean of a fit for each of `SEEDS`, which takes about two minutes each."""
    known = lexicon(Path(words))
    fits = [fitted(examples(seed), known, rounds=rounds, seed=seed) for seed in SEEDS]
    np.savez_compressed(out, **packed(averaged(fits)))


if __name__ == "__main__":
    main(*sys.argv[1:3], *(int(argument) for argument in sys.argv[3:]))
