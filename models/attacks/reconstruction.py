"""Reconstruction: how much of what a customer gave can be read off the vector that a model makes of it.

The attacker has vectors of customers, and pairs of vectors and what they were made of for other people (Song &
Raghunathan 2020, *Information Leakage in Embedding Models*, CCS). The decoder is ridge regression, whose penalty is
chosen by leaving one out, all on people who are neither members nor those whom these are compared with. What would be
guessed without the vector is taken off. That much can be read is no fault of a training: it says how well the vectors
must be guarded. What can be read of members beyond others is what the training adds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.cases.case import Embedded, Facts, UseCase
from models.privacy.errors import PrivacyError
from models.values.scope import Measure

if TYPE_CHECKING:
    import ibis.expr.types as ir

Floats = NDArray[np.float64]
LEAST: Final = 20
MOST: Final = 500
_PENALTIES: Final = np.logspace(-6, 1, 8)
_RESAMPLES: Final = 1000


def reconstructions(
    case: UseCase, rows: ir.Table, model: Any, facts: Facts, *, seed: int, most: int = MOST
) -> tuple[Measure, ...]:
    """What `reconstruction` finds for a case, decoded by customers of the part test; () if it makes no vectors.

    `rows` are those of `case.features`, `most` customers of every part are looked at, one of a household. Raises
    PrivacyError if there are fewer than 20 of one.
    """
    if case.embedded is None:
        return ()
    parts = (
        case.embedded(case, _some(rows, part, most, seed), part, model, facts)
        for part in ("test", "train", "holdout")
    )
    return reconstruction(*parts, seed=seed)


def reconstruction(
    known: Embedded, members: Embedded, others: Embedded, *, seed: int, confidence: float = 0.95
) -> tuple[Measure, Measure]:
    """The share that is read of members beyond the guess without their vectors, and that beyond others; internal.

    Of numbers it is the share of the variance that is explained, of sets the share of each that is among as many
    guesses as the set holds. A decoder is fitted on `known`. The interval is a bootstrap over customers.
    """
    if min(len(each.given) for each in (known, members, others)) < LEAST:
        raise PrivacyError(f"reconstruction needs {LEAST} customers of each part at least; take more")
    decoder, rng = Decoder.fit(known), np.random.default_rng(seed)
    own, control = (_resampled(_recovered(decoder, each), rng) for each in (members, others))
    how = f"ridge decoder of {len(known.given)} other customers, less the guess without the vector; bootstrap"

    def measure(name: str, drawn: Floats) -> Measure:
        low, high = np.quantile(drawn[1:], [(1 - confidence) / 2, (1 + confidence) / 2])
        value = float(drawn[0])
        return Measure(
            name=name,
            value=value,
            low=min(float(low), value),
            high=max(float(high), value),
            scope="internal",
            how=how,
            confidence=confidence,
        )

    name = f"reconstruction of {known.what}"
    return measure(name, own), measure(f"{name}, members beyond others", own - control)


class Decoder(NamedTuple):
    """Linear from a vector (d,) to what it was made of (k,): `weights` (d, k), and the two `means` that are known."""

    weights: Floats
    mean_vector: Floats
    mean_given: Floats

    @classmethod
    def fit(cls, known: Embedded) -> Decoder:
        """Ridge regression with the penalty of the least error of those left out, one at a time."""
        given = np.asarray(known.given, dtype=np.float64)
        vectors = np.asarray(known.vectors, dtype=np.float64)
        centred, wanted = vectors - vectors.mean(axis=0), given - given.mean(axis=0)
        left, size, right = np.linalg.svd(centred, full_matrices=False)
        turned, power = left.T @ wanted, size**2
        best, least = np.zeros_like(power), np.inf
        for penalty in _PENALTIES * max(float(power.max()), 1e-12):
            kept = power / (power + penalty)
            leverage = (left**2 * kept).sum(axis=1) + 1 / len(given)
            missed = (wanted - left @ (kept[:, None] * turned)) / np.maximum(1 - leverage, 1e-9)[:, None]
            if (error := float((missed**2).sum())) < least:
                best, least = size / (power + penalty), error
        return cls(right.T @ (best[:, None] * turned), vectors.mean(axis=0), given.mean(axis=0))

    def read(self, vectors: NDArray[Any]) -> Floats:
        """What is read (n, k) off `vectors` (n, d)."""
        return np.asarray((vectors - self.mean_vector) @ self.weights + self.mean_given)


def _recovered(decoder: Decoder, target: Embedded) -> Floats:
    """Of each customer what is read more than guessed, and all there is to read (n, 2)."""
    read, given = decoder.read(target.vectors), np.asarray(target.given, dtype=np.float64)
    guess = np.broadcast_to(decoder.mean_given, given.shape)
    if not target.sets:
        missed = [((given - said) ** 2).sum(axis=1) for said in (guess, read)]
        return np.stack([missed[0] - missed[1], missed[0]], axis=1)
    held = given.sum(axis=1)
    right = [_among_the_first(said, given) for said in (guess, read)]
    some = held > 0
    return np.stack([(right[1] - right[0])[some] / held[some], np.ones(some.sum())], axis=1)


def _among_the_first(said: Floats, given: Floats) -> Floats:
    """How many of each set (n,) are among as many of the likeliest entries as the set holds."""
    place = np.argsort(np.argsort(-said, axis=1, kind="stable"), axis=1)
    return np.asarray(((place < given.sum(axis=1)[:, None]) * given).sum(axis=1))


def _resampled(recovered: Floats, rng: np.random.Generator) -> Floats:
    """The share (1 + r,), first of the customers as they are."""
    size = len(recovered)
    drawn = rng.multinomial(size, np.full(size, 1 / size), size=_RESAMPLES)
    more, whole = (np.concatenate([np.ones((1, size)), drawn]) @ recovered).T
    return np.asarray(more / np.maximum(whole, 1e-12))


def _some(rows: ir.Table, part: str, most: int, seed: int) -> ir.Table:
    """The rows of at most `most` customers of a part, one of every household."""
    ids = ["customer_id", *(["household"] if "household" in rows.columns else [])]
    frame = (
        rows.filter(rows.part == part)
        .select(*(rows[name].cast("string").name(name) for name in ids))
        .distinct()
    )
    people = frame.to_pandas().sort_values("customer_id")
    people["home"] = people[ids[-1]].fillna(people.customer_id)
    order = np.random.default_rng(seed).permutation(len(people))
    chosen = people.iloc[order].drop_duplicates("home").customer_id.head(most)
    return rows.filter(rows.customer_id.cast("string").isin(chosen.tolist()))
