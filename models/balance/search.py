"""The search: which choices to try next, told what came of the ones before.

An Optuna study, asked and told, with the constraints. The sampler of models/balance/sampler.py finds wider fronts than
a grid of equal cost does (benchmarks/_balance_search.py). Optuna's own tree-structured Parzen estimator (Ozaki et al.
2022) and NSGA-II (Deb et al. 2002) can be named instead. What is asked depends on the seed, the trial's number and the
record alone: a search that was killed asks the same again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from models.balance.errors import BalanceError
from models.balance.front import Bounds
from models.balance.objectives import Between, between, losses, pooled, shortfalls
from models.balance.record import Entry, Memory, Record, entries
from models.balance.space import SECONDS, Choices, Space
from models.values.balance import Constraint, Point

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.study import Study

Sampler = Literal["hypervolume", "tpe", "nsga2"]
STARTS: Final = 6  # trials before the sampler: the space's own starts, then some that are spread over it
_POPULATION: Final = 8


class Asked(NamedTuple):
    """A trial to be made: its number and its choices."""

    number: int
    choices: Choices


class Search:
    """A search over a space for the front within `bounds`, whose names are the objectives; `record` keeps it.

    First come `space.starts()`, the case's recipe being trial 0, then points spread over the space (Sobol's sequence,
    scrambled by the seed), then what the sampler proposes. Trials may run beside each other: ask several times before
    telling. Errors: BalanceError for a record of another space or seed.
    """

    def __init__(
        self,
        space: Space,
        bounds: Bounds,
        *,
        seed: int,
        constraints: Sequence[Constraint] = (),
        record: Record | None = None,
        sampler: Sampler = "hypervolume",
    ) -> None:
        self._space, self._bounds, self._seed, self._kind = space, dict(bounds), seed, sampler
        self._constraints, self._objectives = tuple(constraints), tuple(bounds)
        self._record: Record = Memory() if record is None else record
        digest = self._digest()
        self._entries = entries(self._record, digest)
        if not self._entries and not list(self._record.lines()):
            self._record.append(json.dumps({"space": digest}))
        self._again = list(self.open)

    @property
    def points(self) -> tuple[Point, ...]:
        """What came of the trials that ended well, by number.

        Of a trial that was trained again only the later trainings count, pooled: the first one may have had it trained
        again because it was lucky. What repeats of any trial say of the differences between trainings widens the
        intervals of all.
        """
        told = [entry.points for _, entry in sorted(self._entries.items()) if entry.points]
        runs = between(told)
        return tuple(_afresh(points, runs) for points in told)

    @property
    def failures(self) -> dict[int, str]:
        """By number, why a trial that ended has no point."""
        return {
            number: entry.failed
            for number, entry in self._entries.items()
            if entry.failed and not entry.points
        }

    @property
    def asked(self) -> int:
        """How many trials were ever asked for."""
        return len(self._entries)

    @property
    def open(self) -> tuple[int, ...]:
        """The numbers of the trials that were asked for and have not ended."""
        return tuple(number for number, entry in sorted(self._entries.items()) if not entry.ended)

    def ask(self) -> Asked:
        """The next trial. One that was asked for before a kill and never ended comes first, with the same choices."""
        if self._again:
            number = self._again.pop(0)
            return Asked(number, self._entries[number].choices)
        number = len(self._entries)
        entry = Entry(number=number, choices=self._next(number))
        self._keep(entry)
        return Asked(number, entry.choices)

    def tell(self, number: int, point: Point) -> Point:
        """What came of a trial; told again it is a repeat.

        Returns the point as it stands now. Raises BalanceError for a trial that was not asked for, or other choices.
        """
        entry = self._known(number)
        if point.number != number or point.choices != entry.choices:
            raise BalanceError(f"the point told of trial {number} is of another trial; tell it of its own")
        told = entry.model_copy(update={"points": (*entry.points, point), "failed": None})
        self._keep(told)
        return next(point for point in self.points if point.number == number)

    def fail(self, number: int, why: str) -> None:
        """A trial that ended without a point, and a safe sentence why; it is not asked for again."""
        self._keep(self._known(number).model_copy(update={"failed": why}))

    def _known(self, number: int) -> Entry:
        if number not in self._entries:
            raise BalanceError(f"trial {number} was not asked for; ask first")
        return self._entries[number]

    def _keep(self, entry: Entry) -> None:
        self._record.append(entry.model_dump_json())
        self._entries[entry.number] = entry

    def _next(self, number: int) -> Choices:
        starts = self._space.starts()
        if number < len(starts):
            return starts[number]
        if number < STARTS:
            return self._spread(number - len(starts))
        study = self._study(number)
        return self._space.suggest(study.ask())

    def _spread(self, place: int) -> Choices:
        """A point of Sobol's sequence over the space, scrambled by the seed."""
        from scipy.stats import qmc

        sequence = qmc.Sobol(len(self._space.knobs), seed=self._drawn("spread"))
        places = sequence.random(1 << max(1, place.bit_length()))[place]
        return {knob.name: knob.at(float(at)) for knob, at in zip(self._space.knobs, places, strict=True)}

    def _study(self, number: int) -> Study:
        """An Optuna study that was told the record, in memory."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(
            directions=["minimize"] * len(self._objectives), sampler=self._sampler(number)
        )
        points = {point.number: point for point in self.points}
        for _, entry in sorted(self._entries.items()):
            study.enqueue_trial(entry.choices)
            trial = study.ask()
            self._space.suggest(trial)
            if (point := points.get(entry.number)) is not None:
                for place, missed in enumerate(shortfalls(point, self._constraints)):
                    trial.set_constraint(str(place), missed)
                trial.set_user_attr(SECONDS, point.seconds)
                study.tell(trial, losses([point], self._objectives)[0].tolist())
            elif entry.failed is not None:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return study

    def _sampler(self, number: int) -> BaseSampler:
        from optuna.samplers import NSGAIISampler, TPESampler

        from models.balance.sampler import HypervolumeSampler

        seed = self._drawn(f"trial {number}")
        if self._kind == "nsga2":
            return NSGAIISampler(seed=seed, population_size=_POPULATION)
        if self._kind == "tpe":
            return TPESampler(seed=seed, n_startup_trials=0, multivariate=True)
        return HypervolumeSampler(self._space, self._bounds, seed=seed)

    def _drawn(self, what: str) -> int:
        return int.from_bytes(hashlib.sha256(f"{self._seed} {what}".encode()).digest()[:4], "big")

    def _digest(self) -> str:
        """What a record belongs to. Constraints may change: what came of the trials stays true, the choice moves."""
        parts = [
            self._space.canonical(),
            str(self._seed),
            self._kind,
            *(f"{what} {best} {worst}" for what, (best, worst) in self._bounds.items()),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _afresh(points: Sequence[Point], runs: Mapping[str, Between]) -> Point:
    return pooled(points[1:] or points, runs).model_copy(update={"repeats": len(points)})
