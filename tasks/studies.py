"""Studies: the trials of a search as they are recorded, so that one that was killed goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from infra.storage import private_folder, write_new
from models.values.balance import Point
from models.values.stage import SearchRef
from tasks.trials import floor_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.site import Site
    from models.balance.search import Asked
    from models.values.balance import Constraint
    from models.values.scope import Measure
    from tasks.trials import Material

SEED = 1


def referred(site: Site, key: str) -> SearchRef | None:
    """The search of this key, if it was begun before."""
    path = _folder(site) / f"{key}.json"
    return SearchRef.model_validate_json(path.read_text()) if path.exists() else None


def refer(site: Site, search: SearchRef) -> None:
    """Let the same search be found again."""
    write_new(_folder(site) / f"{search.key}.json", [search.model_dump_json().encode()])


def open_study(site: Site, given: Material, search: SearchRef, constraints: Sequence[Constraint]) -> Study:
    """The study of a search, with all that was recorded of it. Its record holds public or released numbers alone."""
    from models.balance.front import bounds_of
    from models.balance.record import LineFile
    from models.balance.search import Search
    from models.balance.space import space_of

    bounds = bounds_of(floor_of(given), given.target)
    record = LineFile(_folder(site) / f"{search.key}.jsonl")
    space = space_of(given.case, given.target)
    found = Search(space, bounds, seed=SEED, constraints=constraints, record=record)
    return Study(found, bounds, tuple(constraints), space.model_dump(mode="json"), given.case.metrics[0].name)


class Study(NamedTuple):
    """A search with what makes a front of its points."""

    search: Any
    bounds: Any
    constraints: tuple[Constraint, ...]
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
        """The point to train again first; None if the front is sure, or if `most` were trained again already."""
        from models.balance.front import doubtful

        points = {point.number: point for point in self.search.points}
        if sum(point.repeats - 1 for point in points.values()) >= most:
            return None
        named = doubtful(tuple(points.values()), self.constraints)
        return points[named[0]] if named else None

    def found(self, twin: Measure | None, twin_risk: Measure | None) -> Mapping[str, Any]:
        """The fields of a front that follow from the points. Raises BalanceError if no trial could be made."""
        from models.balance.choice import choose
        from models.balance.errors import BalanceError
        from models.balance.front import front, history, knee

        points = self.search.points
        if not points:
            raise BalanceError(
                f"no trial could be made; the first one: {self.search.failures.get(0, 'not tried')}"
            )
        shown = front(points, self.constraints)
        return {
            "points": points,
            "front": tuple(point.number for point in shown),
            "knee": knee(shown),
            "choice": choose(points, self.constraints, twin=twin, twin_risk=twin_risk, metric=self.metric),
            "hypervolume": history(points, self.bounds, self.constraints),
            "seconds": round(sum(point.seconds for point in points), 1),
            "space": self.space,
        }


def _folder(site: Site) -> Path:
    return private_folder(site.settings.home / "balance")
