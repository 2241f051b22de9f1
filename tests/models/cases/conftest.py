from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_gpt2(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a preset of a tiny GPT-2 of random weights, whose vocabulary is the letters."""
    import keras
    import keras_hub

    keras.utils.set_random_seed(1)
    folder = tmp_path_factory.mktemp("tiny_gpt2")
    letters = [chr(code) for code in range(33, 127)] + ["Ġ"]
    vocabulary = {letter: number for number, letter in enumerate([*letters, "Ġa", "<|endoftext|>"])}
    tokenizer = keras_hub.models.GPT2Tokenizer(vocabulary=vocabulary, merges=["Ġ a"])
    backbone = keras_hub.models.GPT2Backbone(
        vocabulary_size=len(vocabulary), num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16,
        max_sequence_length=32,
    )  # fmt: skip
    for part in (backbone, tokenizer):
        part.save_to_preset(str(folder))
    return str(Path(folder))
