"""The reader: letters of any script as one vector each, by public weights and public rules alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.cases.encoder import Encoder
from models.cases.encoder_characters import character_vectors
from models.cases.support_text import by_script, parts, sentences, spoken, without_placeholders

Floats = NDArray[np.float32]


class Pieces(NamedTuple):
    """Sentences [s]: `owner` (s,) is the place of the text of each, `vectors` (s, width) are unit vectors."""

    owner: NDArray[np.int64]
    vectors: Floats


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A vector has `encoder.width` columns for texts in letters, then `buckets` for Chinese ones; the others are zero.

    With no buckets the encoder reads Chinese too: for a preset that knows it.
    """

    encoder: Encoder
    buckets: int

    @property
    def width(self) -> int:
        """The length of a vector."""
        return self.encoder.width + self.buckets

    def vectors(self, texts: Sequence[str]) -> Floats:
        """Unit vectors (n, width): the mean over the pieces of a text, or the characters of a Chinese one."""
        spelt, _ = self._by_script(texts)
        owner, vectors = self._encoded([parts(spoken(texts[place])) for place in spelt])
        summed = np.zeros((len(texts), self.encoder.width), dtype=np.float32)
        np.add.at(summed, np.array(spelt, dtype=np.int64)[owner], vectors)
        lengths = np.linalg.norm(summed, axis=1, keepdims=True)
        return np.concatenate([summed / np.maximum(lengths, 1e-9), self.characters(texts)], axis=1)

    def characters(self, texts: Sequence[str]) -> Floats:
        """The columns (n, buckets) of Chinese texts; zero for the others."""
        found = np.zeros((len(texts), self.buckets), dtype=np.float32)
        _, chinese = self._by_script(texts)
        found[chinese] = self._characters([texts[place] for place in chinese])
        return found

    def spelt(self, texts: Sequence[str]) -> list[str]:
        """What the encoder reads of each text as a whole: nothing of Chinese ones."""
        places = set(self._by_script(texts)[0])
        return [spoken(text) if place in places else "" for place, text in enumerate(texts)]

    def pieces(self, texts: Sequence[str]) -> Pieces:
        """Every sentence of `texts` by itself."""
        spelt, chinese = self._by_script(texts)
        owner, vectors = self._encoded([sentences(spoken(texts[place])) for place in spelt])
        split = [(place, part) for place in chinese for part in sentences(texts[place])]
        found = np.zeros((len(owner) + len(split), self.width), dtype=np.float32)
        found[: len(owner), : self.encoder.width] = vectors
        found[len(owner) :, self.encoder.width :] = self._characters([part for _, part in split])
        owners = [
            np.array(spelt, dtype=np.int64)[owner],
            np.array([place for place, _ in split], dtype=np.int64),
        ]
        return Pieces(np.concatenate(owners), found)

    def _by_script(self, texts: Sequence[str]) -> tuple[list[int], list[int]]:
        return by_script(texts) if self.buckets else (list(range(len(texts))), [])

    def _encoded(self, texts: Sequence[tuple[str, ...]]) -> Pieces:
        """The pieces of each text, encoded."""
        owner = np.repeat(np.arange(len(texts)), [len(pieces) for pieces in texts])
        return Pieces(owner, self.encoder.vectors([piece for pieces in texts for piece in pieces]))

    def _characters(self, texts: Sequence[str]) -> Floats:
        return character_vectors([without_placeholders(text) for text in texts], self.buckets)
