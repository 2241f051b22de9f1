"""Balancing: a search over many trainings of one use case, its front, and the choice on it.

The search runs on public data: the shop's own where that is synthetic, else a synthetic shop that stands in for it. On
private data all trials are paid for before the first one starts, and only public and released numbers decide.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from infra.quiet import hushed
from infra.registry import Registry
from infra.spec import read_spec
from infra.storage import write_new
from infra.trials import Trials
from models.values.balance import Front, Point
from models.values.dataset import DatasetRef
from models.values.errors import PrivetError
from models.values.spec import ShopSpec
from models.values.stage import Balanced, SearchRef, SpecRef
from tasks import resolve
from tasks.budget import account
from tasks.choosing import keep_front
from tasks.fencing import still_wanted
from tasks.freshness import made_under
from tasks.gating import write_new_page
from tasks.ruling import packs_of
from tasks.sealing import keep_internal, named
from tasks.stage import scrubbed, stage
from tasks.studies import Study, alone, open_study, refer, referred, token
from tasks.training import case_of, tables_of
from tasks.trials import as_files, material, measured_twin, newest_release, trained

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from tasks.trials import Material

STAND_IN_CUSTOMERS = 50_000
REPEATS = 6  # trainings that doubtful points of the front get once more


class NoStandIn(PrivetError, LookupError):
    """There is no public data on which a use case could be searched for."""


class NoTrials(PrivetError, ValueError):
    """A search without a training was asked for."""


@scrubbed
def source(spec: str, use_case: str, private: bool, stand_in: str | None) -> str:
    """The spec of the shop on whose data to search: its own if that is public or `private` is said, else a stand-in.

    Raises NoStandIn for an unknown use case, and if the stand-in is not public or lacks the case.
    """
    shop = read_spec(Path(spec))
    if use_case not in shop.use_cases:
        raise NoStandIn(f"the spec has no use case {use_case!r}; it has {', '.join(shop.use_cases)}")
    if shop.public_data or private:
        return spec
    chosen = stand_in or _made_stand_in(shop)
    other = read_spec(Path(chosen))
    if not other.public_data:
        raise NoStandIn(
            f"the stand-in {Path(chosen).name} is not labelled synthetic, so its data is not public; name another, or "
            "search on your own data with --private, at a charge"
        )
    _same_case(shop, use_case, other)
    return chosen


@scrubbed
def release_of(spec: str) -> DatasetRef | None:
    """The newest release of a shop's data; None if there is none yet."""
    return newest_release(resolve.site(), read_spec(Path(spec)))


@stage(timeout_seconds=3600, tags={"privet", "balance"})
def gather(
    pinned: SpecRef, use_case: str, searched: SpecRef, released: DatasetRef, trials: int, private: bool
) -> SearchRef:
    """Compute what every trial starts from, once, and pay for the trials if the data is private.

    The same search again is the same study: what was tried is not tried, nor paid for, again.
    """
    shop, other = resolve.spec(pinned), resolve.spec(searched)
    if trials < 1:
        raise NoTrials(f"{trials} trials find no front; ask for 1 or more")
    name = _same_case(shop, use_case, other)
    key = _key(other, name, released, trials, private, shop.target(use_case).epsilon)
    with resolve.bench(f"gather {use_case}", 3) as bench, alone(bench.site, key):
        made_under(bench.site, other, released)
        if (known := referred(bench.site, key)) is not None:
            return known.model_copy(update={"source": searched})
        charged = _pay(bench, other, name, trials, token(bench.site, key)) if private else 0.0
        case = case_of(other, name)
        held = tables_of(bench, other, name, released)
        rows = bench.engine.materialise(case.features(*held), "searched")
        bench.advance(1, "features computed")
        files = as_files(rows, case.facts(*held))
        ref = keep_internal(bench, other, named(bench, other, f"{name}-search"), files)
        bench.advance(2, "features sealed")
        search = SearchRef(
            key=key,
            source=searched,
            source_case=name,
            released=released,
            data=ref,
            trials=trials,
            private=private,
            charged=charged,
            parent_run=_runs(bench, shop, use_case).begin(
                f"balance {use_case} {key[:8]}", {"search": key, "released": str(released)}
            ),
        )
        refer(bench.site, search)
        return search


@stage(timeout_seconds=3600, tags={"privet", "balance", "train"})
def trial(pinned: SpecRef, use_case: str, search: SearchRef, number: int) -> Point | None:
    """The training of one number: asked of the study, run, told to it and noted in MLflow. Done before, it is read.

    None for choices of which no training can be made: the study notes why, and the search goes on.
    """
    from models.cases.case import CaseError
    from models.privacy.errors import PrivacyError

    shop = resolve.spec(pinned)
    with _alone(search, f"trial {number + 1} of {search.trials}") as bench:
        given = material(bench, search, shop, use_case)
        study = _study(bench, shop, use_case, given, search)
        if study.ended(number):
            return _noted(bench, shop, use_case, search, study.done(number))
        asked = study.ask()
        try:
            return _run(bench, shop, use_case, given, search, study, asked.number, asked.choices)
        except (PrivacyError, CaseError) as cause:
            study.fail(asked.number, str(cause))
            bench.advance(1, f"not made: {cause}")
            return None


@stage(timeout_seconds=3600, tags={"privet", "balance", "train"})
def again(pinned: SpecRef, use_case: str, search: SearchRef) -> Point | None:
    """One more training of the point whose place on the front is least sure; None if there is no such point."""
    shop = resolve.spec(pinned)
    with _alone(search, f"once more: {use_case}") as bench:
        given = material(bench, search, shop, use_case)
        study = _study(bench, shop, use_case, given, search)
        doubtful = study.doubtful(REPEATS)
        if doubtful is None:
            return None
        return _run(bench, shop, use_case, given, search, study, doubtful.number, doubtful.choices)


@stage(timeout_seconds=3600, tags={"privet", "balance"})
def conclude(pinned: SpecRef, use_case: str, search: SearchRef) -> Balanced:
    """The front of all trials with its choice, sealed; its page and its picture; the end of its run in MLflow."""
    from infra.report.front import png, render

    shop, started = resolve.spec(pinned), time.monotonic()
    with resolve.bench(f"front of {use_case}", 3) as bench, hushed():
        given = material(bench, search, shop, use_case)
        study = _study(bench, shop, use_case, given, search)
        twin, twin_risk = measured_twin(given, search)
        bench.advance(1, "compared with the training without privacy")
        front = Front(
            shop=shop.shop,
            use_case=use_case,
            metric=given.case.metrics[0].name,
            created_at=datetime.now(UTC),
            data=f"{search.released}{'' if given.shop.synthetic is None else f' ({given.shop.synthetic})'}",
            charged=search.charged,
            constraints=shop.use_cases[use_case].balance.constraints,
            packs=packs_of(shop),
            twin=twin,
            twin_risk=twin_risk,
            **study.found(twin, twin_risk, given.ruled),
        )
        still_wanted()
        output = keep_front(bench, shop, use_case, front)
        page = f"{bench.site.settings.reports_dir}/balance-{use_case}-{output.version}.html"
        write_new_page(page, render(front, languages=shop.languages, synthetic=given.shop.synthetic))
        picture = Path(page).with_suffix(".png")
        write_new(picture, [png(front, synthetic=given.shop.synthetic)])
        bench.advance(3, "front written")
        files = {"front.html": Path(page).read_text(encoding="utf-8"), "front.json": front.model_dump_json()}
        _runs(bench, shop, use_case).end(search.parent_run, files)
        return Balanced(
            output=output,
            front=front,
            page=page,
            picture=str(picture),
            seconds=round(time.monotonic() - started, 2),
        )


@contextmanager
def _alone(search: SearchRef, title: str) -> Iterator[resolve.Bench]:
    """A bench for the one training of a search that runs at a time."""
    with resolve.bench(title, 1) as bench, alone(bench.site, search.key), hushed():
        yield bench


def _run(
    bench: resolve.Bench,
    shop: ShopSpec,
    use_case: str,
    given: Material,
    search: SearchRef,
    study: Study,
    number: int,
    choices: dict[str, float | int | str],
) -> Point:
    point = trained(bench, given, search, choices, number=number)
    still_wanted()
    told = study.tell(number, point)
    _note(_runs(bench, shop, use_case), search, point)
    bench.advance(1, f"epsilon {point.epsilon:.2f}, {point.seconds:.0f} s")
    return told


def _noted(
    bench: resolve.Bench, shop: ShopSpec, use_case: str, search: SearchRef, point: Point | None
) -> Point | None:
    """A point told before, which MLflow has from now on, even if a kill came between the two."""
    if point is not None:
        runs = _runs(bench, shop, use_case)
        if not runs.noted(search.parent_run, _title(point)):
            _note(runs, search, point)
    return point


def _note(runs: Trials, search: SearchRef, point: Point) -> None:
    runs.note(search.parent_run, point, public=not search.private, title=_title(point))


def _title(point: Point) -> str:
    return f"trial {point.number}"


def _study(bench: resolve.Bench, shop: ShopSpec, use_case: str, given: Material, search: SearchRef) -> Study:
    return open_study(bench.site, given, search, shop.use_cases[use_case].balance)


def _runs(bench: resolve.Bench, shop: ShopSpec, use_case: str) -> Trials:
    settings = bench.site.settings
    return Trials(Registry(settings.mlflow_uri, settings.mlflow_artifacts), f"{shop.shop}-{use_case}-balance")


def _same_case(shop: ShopSpec, use_case: str, other: ShopSpec) -> str:
    """The use case of `other` that trains the same case of the catalog."""
    wanted = shop.use_cases[use_case].case
    names = [name for name, entry in other.use_cases.items() if entry.case == wanted]
    if not names:
        raise NoStandIn(
            f"the shop {other.shop!r} that stands in has no use case of {wanted!r}; name a synthetic one that has with "
            "--stand-in, or search on your own data with --private, at a charge"
        )
    return use_case if use_case in names else names[0]


def _made_stand_in(shop: ShopSpec) -> str:
    """The embedded shop with as many customers as the shop may have, 50,000 at most; made at the first use and kept."""
    from models.shop.generate import make_shop

    customers = min(shop.customers.public_bound, STAND_IN_CUSTOMERS)
    folder = resolve.site().settings.home / f"stand-in-{customers}"
    if not (folder / "shop.yaml").exists():
        make_shop(folder, customers=customers)
    return str(folder / "shop.yaml")


def _key(other: ShopSpec, name: str, released: DatasetRef, trials: int, private: bool, epsilon: float) -> str:
    """What makes a search the same: its data, its case and space, how long and on what terms it runs, and the code."""
    from models.balance.space import space_of

    target = other.target(name).model_copy(update={"epsilon": epsilon})
    space = space_of(case_of(other, name), target).canonical()
    entry = other.use_cases[name].model_dump_json(exclude={"balance"})
    words = f"{released} {name} {entry} {trials} {private} {space} {version('privet')}"
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def _pay(bench: resolve.Bench, shop: ShopSpec, use_case: str, trials: int, mark: str) -> float:
    """Reserve what all trials cost together at most, and use it up; returns its epsilon.

    An adaptive search composes all of its trials (docs/privacy.md, rule 4). What was paid under the same `mark` before
    a kill is not paid again.
    """
    target, trainings = shop.target(use_case), trials + REPEATS
    what, ledger = f"balance/{use_case}/{trainings}/{mark}", bench.site.ledger
    before = (entry for entry in ledger.entries(account(shop)) if entry.what == what)
    reserved = next(before, None) or ledger.reserve(
        account(shop),
        epsilon=target.epsilon * trainings,
        delta=target.delta * trainings,
        cap_epsilon=shop.budget.epsilon,
        cap_delta=shop.budget.delta,
        what=what,
    )
    ledger.commit(reserved.id)
    return reserved.epsilon


@scrubbed
def show(done: Balanced, *, as_json: bool) -> None:
    """Print the front: a table on a terminal, or one JSON object."""
    import json

    if as_json:
        ways = {"page": done.page, "picture": done.picture, "output": str(done.output)}
        print(json.dumps({**done.front.model_dump(mode="json"), **ways}, ensure_ascii=False, indent=2))
        return
    from rich.console import Console

    console, front = Console(), done.front
    console.print(_table(front))
    for line in _sentences(front):
        console.print(line, soft_wrap=True, highlight=False)
    console.print(f"page     {done.page}", soft_wrap=True, highlight=False)
    console.print(f"picture  {done.picture}", soft_wrap=True, highlight=False)


def _table(front: Front) -> Table:
    from rich.table import Table

    table = Table(
        title=f"{front.shop}: {front.use_case}, {len(front.points)} trials on {front.data}", box=None
    )
    for name in ("", "trial", "epsilon", front.metric, "bits at most", "bits found", "unmet", "seconds"):
        table.add_column(name, justify="right")
    for number in sorted(front.front, key=lambda each: front.point(each).epsilon):
        point = front.point(number)
        chosen = front.choice is not None and front.choice.number == number
        table.add_row(
            "chosen" if chosen else "knee" if front.knee == number else "",
            str(number),
            f"{point.epsilon:.2f}",
            f"{point.utility.value:.3f} [{point.utility.low:.3f}, {point.utility.high:.3f}]",
            f"{point.upper_bits:.3f}",
            f"{point.risk.value:.3f}",
            f"{point.unmet:.2f}",
            f"{point.seconds:.0f}",
        )
    return table


def _sentences(front: Front) -> Iterator[str]:
    """The choice in a sentence, and its neighbours; or why there is none."""
    if front.choice is None:
        yield "No trial keeps every constraint; loosen one in the spec, or search longer with --trials."
        return
    yield front.choice.reason["en"]
    for step in (front.choice.stricter, front.choice.looser):
        if step:
            yield step["en"]
    if front.charged:
        yield f"The search cost the customers epsilon {front.charged:g}."
