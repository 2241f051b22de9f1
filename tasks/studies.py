"""Studies: the trials of a search as they are recorded, so that one that was killed goes on."""

from __future__ import annotations

import fcntl
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from infra.storage import private_folder, write_new
from models.values.balance import Point
from models.values.errors import PrivetError
from models.values.stage import SearchRef
from tasks.trials import floor_of

if TYPE_CHECKING:
    from infra.site import Site
    from models.balance.search import Asked
    from models.values.scope import Measure
    from models.values.spec import BalanceSpec
    from tasks.ruling import Ruled
    from tasks.trials import Material

SEED = 1
AFRESH = 2  # trainings after its first that what would be chosen gets


class LostRecord(PrivetError, LookupError):
    """What a private search found so far is gone; going on would train without a charge."""


@contextmanager
def alone(site: Site, key: str) -> Iterator[None]:
    """One training of a search at a time, on this machine; who comes second goes on with what the first one found."""
    with (_folder(site) / f"{key}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def referred(site: Site, key: str) -> SearchRef | None:
    """The search of this key, if it was begun before."""
    path = _folder(site) / f"{key}.json"
    return SearchRef.model_validate_json(path.read_text()) if path.exists() else None


def refer(site: Site, search: SearchRef) -> None:
    """Let the same search be found again, with its record, which is empty yet."""
    _record(site, search.key).touch(mode=0o600)
    write_new(_folder(site) / f"{search.key}.json", [search.model_dump_json().encode()])
    _token(site, search.key).unlink(missing_ok=True)


def token(site: Site, key: str) -> str:
    """What a private search of this key is paid under, until it can be found again: one killed before pays once.

    A search whose reference is lost later is another one, and pays again.
    """
    path = _token(site, key)
    if not path.exists():
        write_new(path, [secrets.token_hex(8).encode()])
    return path.read_text()


def open_study(site: Site, given: Material, search: SearchRef, balance: BalanceSpec) -> Study:
    """The study of a search, with all that was recorded of it. Its record holds public or released numbers alone."""
    from models.balance.front import bounds_of
    from models.balance.record import LineFile
    from models.balance.search import Search
    from models.balance.space import space_of

    bounds = bounds_of(floor_of(given), given.target)
    if search.private and not _record(site, search.key).exists():
        raise LostRecord(
            f"the record of the private search {search.key[:8]} is gone, and what it spent is spent; search with "
            "another number of --trials, at a charge of its own"
        )
    record = LineFile(_record(site, search.key))
    space = space_of(given.case, given.target)
    found = Search(space, bounds, seed=SEED, constraints=balance.constraints, record=record)
    return Study(found, bounds, balance, space.model_dump(mode="json"), given.case.metrics[0].name)


class Study(NamedTuple):
    """A search with what makes a front of its points."""

    search: Any
    bounds: Any
    balance: BalanceSpec
    space: dict[str, Any]
    metric: str

    def ended(self, number: int) -> bool:
        """Whether the trial of that number was made, well or not."""
        return number < self.search.asked and number not in self.search.open

    def done(self, number: int) -> Point | None:
        """What came of the trial of that number; None if nothing did."""
        return next((point for point in self.search.points if point.number == number), None)

    def ask(self) -> Asked:
        """The next trial."""
        asked: Asked = self.search.ask()
        return asked

    def tell(self, number: int, point: Point) -> Point:
        """What came of a trial, once more or for the first time."""
        told: Point = self.search.tell(number, point)
        return told

    def fail(self, number: int, why: str) -> None:
        """A trial that cannot be made, and why; the search goes on without it."""
        self.search.fail(number, why)

    def doubtful(self, most: int) -> Point | None:
        """The point to train again; None if the front is sure, or if `most` were trained again already.

        What the whole front would have chosen comes first, until it was trained AFRESH times after it was found.
        """
        from models.balance.choice import wanted
        from models.balance.front import doubtful

        points: dict[int, Point] = {point.number: point for point in self.search.points}
        if sum(point.repeats - 1 for point in points.values()) >= most:
            return None
        bounds, weights = self.balance.constraints, self.balance.weights
        best = wanted(tuple(points.values()), bounds, weights=weights)
        if best is not None and points[best].repeats <= AFRESH:
            return points[best]
        named = doubtful(tuple(points.values()), bounds)
        return points[named[0]] if named else None

    def found(self, twin: Measure | None, twin_risk: Measure | None, ruled: Ruled) -> Mapping[str, Any]:
        """The fields of a front that follow from the points, `ruled` by what law says today.

        Raises BalanceError if no trial could be made.
        """
        from models.balance.choice import choose
        from models.balance.errors import BalanceError
        from models.balance.front import front, history, knee

        points = tuple(_under(ruled, point) for point in self.search.points)
        if not points:
            raise BalanceError(
                f"no trial could be made; the first one: {self.search.failures.get(0, 'not tried')}"
            )
        shown = front(points, self.balance.constraints)
        return {
            "points": points,
            "front": tuple(point.number for point in shown),
            "knee": knee(shown),
            "choice": choose(
                points,
                self.balance.constraints,
                twin=twin,
                twin_risk=twin_risk,
                metric=self.metric,
                weights=self.balance.weights,
            ),
            "hypervolume": history(points, self.bounds, self.balance.constraints),
            "seconds": round(sum(point.seconds for point in points), 1),
            "space": self.space,
        }


def _under(ruled: Ruled, point: Point) -> Point:
    unmet, broken = ruled(point.epsilon)
    return point.model_copy(update={"unmet": unmet, "broken": broken})


def _record(site: Site, key: str) -> Path:
    return _folder(site) / f"{key}.jsonl"


def _token(site: Site, key: str) -> Path:
    return _folder(site) / f"{key}.token"


def _folder(site: Site) -> Path:
    return private_folder(site.settings.home / "balance")
