from __future__ import annotations

import numpy as np
import pytest

from models.cases.case import CaseError
from models.cases.encoder import Encoder
from models.cases.encoder_characters import character_vectors

TEXTS = ["where is my parcel", "a refund, please", "where is my parcel", ""]


def test_a_decoder_of_a_folder_encodes_each_text_by_itself(tiny_gpt2: str) -> None:
    encoder = Encoder(preset=tiny_gpt2, max_tokens=16)
    together = encoder.vectors(TEXTS)
    assert together.shape == (4, encoder.width)
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(together[1], encoder.vectors(TEXTS[1:2])[0], atol=1e-6)
    np.testing.assert_array_equal(together[0], together[2])
    assert encoder.vectors([]).shape == (0, encoder.width)


def test_the_vocabulary_is_the_presets_whatever_is_read(tiny_gpt2: str) -> None:
    encoder = Encoder(preset=tiny_gpt2, max_tokens=16)
    alone = encoder.tokens(["a parcel"])
    beside = encoder.tokens(["!!!! zzzz", "Ω Ω Ω 包裹", "a parcel"])
    for one, other in zip(alone, beside, strict=True):
        np.testing.assert_array_equal(one[0], other[2])
    assert encoder.tokens(["x" * 99])[1].sum() == 16


def test_lower_and_upper_layers_are_the_whole(tiny_gpt2: str) -> None:
    import keras

    encoder = Encoder(preset=tiny_gpt2, max_tokens=16)
    hidden, mask = encoder.hidden(TEXTS, top=1)
    states = keras.ops.convert_to_tensor(hidden.astype(np.float32))
    for call in encoder.upper(1):
        states = call(states, keras.ops.convert_to_tensor(mask))
    summed = (np.asarray(states) * mask[..., None]).sum(axis=1)
    unit = summed / np.linalg.norm(summed, axis=1, keepdims=True)
    np.testing.assert_allclose(
        unit, encoder.vectors(TEXTS), atol=5e-3
    )  # hidden states are kept in half precision


def test_layers_and_presets_that_are_none_are_refused(tiny_gpt2: str) -> None:
    with pytest.raises(CaseError, match="2 layers cannot be tuned of 2; tune 1 to 1"):
        Encoder(preset=tiny_gpt2).hidden(["x"], top=2)
    with pytest.raises(CaseError, match=r"no language model was found as '\./nowhere'"):
        _ = Encoder(preset="./nowhere").width


def test_characters_fall_into_public_buckets() -> None:
    texts = ["我的订单还没有收到", "订单 没收到", ""]
    together = character_vectors(texts, 512)
    assert np.linalg.norm(together, axis=1) == pytest.approx([1, 1, 0], abs=1e-6)
    np.testing.assert_array_equal(together[1], character_vectors(["订单没收到"], 512)[0])
    assert together[0] @ together[1] > 0.3 > abs(together[0] @ character_vectors(["付款失败"], 512)[0])
