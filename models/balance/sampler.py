"""An Optuna sampler for few, dear and noisy trials: the one that is expected to widen the front most.

Each objective is believed a Gaussian process of the choices. Objectives that no customer decides (bits of the
accountant, epsilon, seconds) show hardly any noise, and bits are known to grow about with the square of epsilon, so
their processes are sure after a few trials and only utility has to be learnt; that is why this needs far fewer
trainings than samplers that know nothing of their objectives. What a trial is expected to gain counts by the seconds
it is expected to take (Snoek et al. 2012), a part of which is known to grow with the examples it looks at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from optuna.samplers import BaseSampler
from optuna.trial import TrialState
from scipy.special import expit, logit
from scipy.stats import norm, qmc

from models.balance.front import Bounds
from models.balance.gaussian import Belief, GaussianProcess, Trend, flat
from models.balance.improvement import expected_improvement
from models.balance.objectives import Objective
from models.balance.space import SECONDS, Space
from models.balance.trends import following, lasting

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

Floats = NDArray[np.float64]
LEAST: Final = 4  # trials that a process is fitted to
_SPREAD: Final = 1024  # places looked at over the whole space, and as many near the trials
_NEAR, _NEARER = 0.1, 0.04
_ROUNDS, _BEST, _AROUND = 3, 20, 20
_EDGE: Final = 1e-4


class HypervolumeSampler(BaseSampler):
    """Proposes the choices of the largest expected hypervolume improvement a second that keep the constraints.

    `bounds` are by objective, in the study's order, the best loss and the reference. Trials that still run are taken to
    end as expected. Below LEAST finished trials it draws at random.
    """

    def __init__(self, space: Space, bounds: Bounds, *, seed: int) -> None:
        self._space, self._bounds = space, dict(bounds)
        self._random = np.random.default_rng(seed)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """All knobs together."""
        return {knob.name: knob.distribution() for knob in self._space.knobs}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The choices to try next."""
        trials = study.get_trials(deepcopy=False)
        told = [each for each in trials if each.state == TrialState.COMPLETE]
        runs = [each for each in trials if each.state == TrialState.RUNNING and each.number != trial.number]
        if len(told) < LEAST:
            return self._made(self._random.random(len(self._space.knobs)))
        judged = _Judged(self._space, self._bounds, told, [each for each in runs if each.params])
        return self._made(self._best(judged))

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Not asked for, since all knobs are sampled together; at random."""
        knob = next(each for each in self._space.knobs if each.name == param_name)
        return knob.at(float(self._random.random()))

    def _best(self, judged: _Judged) -> Floats:
        inputs = len(self._space.knobs)
        wide = qmc.Sobol(inputs, seed=self._random).random(_SPREAD)
        near = judged.places[self._random.integers(len(judged.places), size=_SPREAD)]
        places = np.concatenate([wide, self._moved(near, _NEAR)])
        worth = judged.worth(places)
        for _ in range(_ROUNDS):
            best = places[np.argsort(-worth, kind="stable")[:_BEST]]
            places = np.concatenate([best, self._moved(np.repeat(best, _AROUND, axis=0), _NEARER)])
            worth = judged.worth(places)
        found: Floats = places[int(np.argmax(worth))]
        return found

    def _moved(self, places: Floats, by: float) -> Floats:
        return np.clip(places + self._random.normal(size=places.shape) * by, 0.0, 1.0)

    def _made(self, place: Floats) -> dict[str, Any]:
        return {knob.name: knob.at(float(at)) for knob, at in zip(self._space.knobs, place, strict=True)}


class _Judged:
    """What told trials make one believe of any place."""

    def __init__(
        self, space: Space, bounds: Bounds, told: Sequence[FrozenTrial], runs: Sequence[FrozenTrial]
    ) -> None:
        self.places = _places(space, told)
        waiting = _places(space, runs)
        values = np.array([each.values for each in told])
        self._scales = [_Scale(what, best, worst) for what, (best, worst) in bounds.items()]
        differing = [axis for axis in range(values.shape[1]) if np.ptp(values[:, axis]) > 0]
        self._axes = differing or [0]
        self._processes = [
            _process(self.places, self._scales[axis].plain(values[:, axis]), waiting, following(space, what))
            for axis, what in enumerate(bounds)
            if axis in self._axes
        ]
        self._spent = _spent(space, self.places, told)
        missed = np.array([[each.constraints[name] for name in sorted(each.constraints)] for each in told])
        self._limits = [
            _process(self.places, column, waiting)
            for column in missed.T
            if column.max() > 0 and np.ptp(column) > 0
        ]
        allowed = (missed <= 0).all(axis=1) if missed.size else np.ones(len(told), dtype=np.bool_)
        everywhere = np.concatenate([self.places[allowed], waiting])
        self._any = bool(allowed.any())
        self._front = np.stack([belief.mean for belief in self._losses(everywhere)], axis=1)

    def worth(self, places: Floats) -> Floats:
        """Expected improvement a second, times the chance to keep the constraints; that alone while none keeps them."""
        chance = np.ones(len(places))
        for process in self._limits:
            belief = process.at(places)
            chance = chance * norm.cdf(-belief.mean / belief.stddev)
        if not self._any:
            return chance
        gain = chance * expected_improvement(self._front, self._losses(places))
        return gain if self._spent is None else gain * np.exp(-self._spent.at(places).mean)

    def _losses(self, places: Floats) -> list[Belief]:
        """Beliefs of the losses that differ, the reference at 1."""
        return [
            self._scales[axis].scaled(process.at(places))
            for axis, process in zip(self._axes, self._processes, strict=True)
        ]


class _Scale:
    """A loss on the scale on which it is believed normal, and back: utility's log-odds, logarithms of the others."""

    def __init__(self, what: Objective, best: float, worst: float) -> None:
        self._kind = "log-odds" if what == "utility" else "plain" if what == "unmet" else "log"
        self._best, self._worst = best, worst

    def plain(self, losses: Floats) -> Floats:
        """The values that a process is fitted to."""
        if self._kind == "log-odds":
            return np.asarray(logit(np.clip(-losses, _EDGE, 1 - _EDGE)), dtype=np.float64)
        return np.log(np.maximum(losses, _EDGE**2)) if self._kind == "log" else losses

    def scaled(self, belief: Belief) -> Belief:
        """The belief of the loss itself, to first order, with the best at 0 and the reference at 1."""
        mean, slope = belief.mean, np.ones_like(belief.mean)
        if self._kind == "log-odds":
            chance = expit(mean)
            mean, slope = -chance, chance * (1 - chance)
        elif self._kind == "log":
            mean = slope = np.exp(mean)
        wide = self._worst - self._best
        return Belief((mean - self._best) / wide, np.maximum(slope * belief.stddev / wide, 1e-12))


def _spent(space: Space, places: Floats, told: Sequence[FrozenTrial]) -> GaussianProcess | None:
    """What is believed of the logarithm of a trial's seconds; None where it was not noted."""
    seconds = np.array([float(each.user_attrs.get(SECONDS, 0.0)) for each in told])
    return GaussianProcess(places, np.log(seconds), lasting(space)) if seconds.min() > 0 else None


def _process(places: Floats, values: Floats, waiting: Floats, trend: Trend = flat) -> GaussianProcess:
    process = GaussianProcess(places, values, trend)
    return process.beside(waiting) if len(waiting) else process


def _places(space: Space, trials: Sequence[FrozenTrial]) -> Floats:
    rows = [[knob.place(float(each.params[knob.name])) for knob in space.knobs] for each in trials]
    return np.array(rows, dtype=np.float64).reshape(len(trials), len(space.knobs))
