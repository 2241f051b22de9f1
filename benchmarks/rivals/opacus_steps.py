"""Opacus: private steps in the modes `hooks` (its default: per-sample gradients) and `ghost` (ghost clipping).

As its documentation shows: `make_private`, and in ghost mode the loss that it returns. Batches of the expected size
lie ready in memory: its data loader, which would add milliseconds, is left out. Noise from torch's own generator.
Adam is the fused one; the recommender has plain SGD, which costs less. The encoder's attention is made of Linear
layers and torch's own `scaled_dot_product_attention`, which Opacus supports and which is faster than its
`DPMultiheadAttention`. Torch's threads wait asleep: spinning, a step takes ten times as long as soon as anything else
runs on the machine.
"""

from __future__ import annotations

import os
from itertools import cycle
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from opacus import PrivacyEngine
from protocol import Step, serve
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

BATCHES, EXAMPLES = 50, 20_000


class Recommender(nn.Module):
    """Two tables and a small network."""

    def __init__(self, users: int, items: int) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(users, 32), nn.Embedding(items, 32)
        self.hidden, self.score = nn.Linear(64, 64), nn.Linear(64, 2)

    def forward(self, user: torch.Tensor, item: torch.Tensor) -> torch.Tensor:
        """Scores (n, 2)."""
        both = torch.cat([self.users(user), self.items(item)], 1)
        scores: torch.Tensor = self.score(functional.relu(self.hidden(both)))
        return scores


class Block(nn.Module):
    """A layer of the encoder: attention with 4 heads and a network of width 1024, each with a normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(256, 256) for _ in range(4))
        self.wide, self.narrow = nn.Linear(256, 1024), nn.Linear(1024, 256)
        self.first, self.second = nn.LayerNorm(256), nn.LayerNorm(256)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """(n, 64, 256) to the same shape."""
        heads = [
            part(seen).unflatten(2, (4, 64)).transpose(1, 2) for part in (self.query, self.key, self.value)
        ]
        mixed = functional.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)
        seen = self.first(seen + self.out(mixed))
        inner = self.narrow(functional.gelu(self.wide(seen)))
        normal: torch.Tensor = self.second(seen + inner)
        return normal


class Encoder(nn.Module):
    """The text encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.head = nn.Embedding(8_000, 256), nn.Linear(256, 10)
        self.blocks = nn.Sequential(*(Block() for _ in range(4)))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Scores (n, 10)."""
        scores: torch.Tensor = self.head(self.blocks(self.words(tokens)).mean(1))
        return scores


def make(model: str, batch: int, mode: str) -> Step:
    """A private step of `model` at `batch` examples."""
    torch.set_num_threads(os.cpu_count() or 1)
    module, inputs, classes = _model(model, batch)
    if model.startswith("recommender"):
        optimizer: torch.optim.Optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    else:
        optimizer = torch.optim.Adam(module.parameters(), lr=1e-3, fused=True)
    private = PrivacyEngine().make_private(
        module=module,
        optimizer=optimizer,
        criterion=nn.CrossEntropyLoss(),
        data_loader=DataLoader(TensorDataset(torch.zeros(EXAMPLES)), batch_size=batch),
        noise_multiplier=1.0,
        max_grad_norm=1.0,
        grad_sample_mode=mode,
    )
    module, optimizer = private[:2]
    criterion = private[2] if mode == "ghost" else nn.CrossEntropyLoss()
    batches = cycle([(inputs(), torch.randint(classes, (batch,))) for _ in range(BATCHES)])

    def step() -> None:
        features, labels = next(batches)
        optimizer.zero_grad()
        criterion(module(*features), labels).backward()
        optimizer.step()

    return step


def _model(model: str, batch: int) -> tuple[Any, Any, int]:
    """The module, a source of its inputs, and the number of classes."""
    if model == "mlp":
        widths = [(128, 256), (256, 128)]
        hidden = [part for wide in widths for part in (nn.Linear(*wide), nn.ReLU())]
        return nn.Sequential(*hidden, nn.Linear(128, 10)), lambda: [torch.randn(batch, 128)], 10
    if model == "encoder":
        return Encoder(), lambda: [torch.randint(8_000, (batch, 64))], 10
    rows = (50_000, int(model.removeprefix("recommender-")))
    return Recommender(*rows), lambda: [torch.randint(count, (batch,)) for count in rows], 2


if __name__ == "__main__":
    serve(make)
