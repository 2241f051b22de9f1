"""Balancing: a search that is recorded, goes on after a stop, keeps the spec's bounds and pays for private data."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient

from infra.ledger import BudgetExceeded
from infra.manifests import latest
from infra.settings import Settings
from models.balance.errors import BalanceError
from models.privacy.errors import PrivacyError
from models.values.balance import Front
from models.values.stage import Balanced, SearchRef
from tasks import balancing, choosing, intake, resolve
from tasks.balancing import NoTrials
from tasks.budget import account
from tasks.freshness import StaleRelease
from tasks.ruling import packs_of
from tasks.studies import AFRESH, LostRecord, alone
from tasks.trials import A_SECOND
from tests.tasks.conftest import Place, copied

TRIALS = 3


def _search(place: Place, trials: int = TRIALS, *, private: bool = False) -> SearchRef:
    pinned = place.pin()
    released = latest(resolve.site().store, "released", "embedded-shop")
    found: SearchRef = balancing.gather.fn(pinned, "fraud", pinned, released, trials, private)
    return found


def _concluded(place: Place, search: SearchRef) -> Balanced:
    done: Balanced = balancing.conclude.fn(place.pin(), "fraud", search)
    return done


@pytest.fixture(scope="module")
def balanced(prepared: Place, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The tiny shop with a search of three trials."""
    folder = tmp_path_factory.mktemp("balanced")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRIVET_HOME", str(folder / "home"))
        patch.setenv("PRIVET_THREADS", "2")
        patch.setattr(balancing, "REPEATS", 1)
        place = copied(prepared, folder)
        search = _search(place)
        points = [balancing.trial.fn(place.pin(), "fraud", search, number) for number in range(TRIALS)]
        again = balancing.again.fn(place.pin(), "fraud", search)
        assert balancing.again.fn(place.pin(), "fraud", search) is None, "one repeat was allowed"
        yield place, search, points, again, _concluded(place, search)


@pytest.fixture(scope="module")
def real(prepared: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The tiny shop, prepared as if its customers were real."""

    def change(spec: dict[str, Any]) -> None:
        del spec["synthetic"]
        spec["budget"] = {"epsilon": 1000.0, "delta": 0.01}

    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("real")
        patch.setenv("PRIVET_HOME", str(folder / "home"))
        place = copied(prepared, folder)
        place.change_spec(change)
        place.prepare()
    return place


@pytest.fixture
def private(real: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A copy of it, in force for this test."""
    monkeypatch.setenv("PRIVET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PRIVET_THREADS", "2")
    return copied(real, tmp_path)


def test_a_search_has_a_front_and_a_choice_in_two_languages(balanced: Any) -> None:
    _, _, points, again, done = balanced
    front: Front = done.front
    assert [point.number for point in front.points] == [point.number for point in points]
    assert sum(point.repeats for point in front.points) == TRIALS + (again is not None)
    assert front.choice is not None
    assert front.choice.number in front.front
    assert set(front.choice.reason) == {"en", "zh"}
    assert front.twin is not None
    assert front.charged == 0.0
    assert len(front.hypervolume) == TRIALS
    assert list(front.hypervolume) == sorted(front.hypervolume)


def test_the_page_loads_nothing_and_the_picture_is_one(balanced: Any) -> None:
    done = balanced[-1]
    page = Path(done.page).read_text(encoding="utf-8")
    assert "://" not in page.replace("http://www.w3.org", "")
    assert Path(done.picture).read_bytes().startswith(b"\x89PNG")
    assert Path(done.page).stat().st_mode & 0o077 == 0


def test_trials_are_child_runs_of_one_run(balanced: Any) -> None:
    _, search, points, *_ = balanced
    client = MlflowClient(Settings.load().mlflow_uri)
    parent = client.get_run(search.parent_run)
    children = client.search_runs(
        [parent.info.experiment_id], f"tags.mlflow.parentRunId = '{search.parent_run}'"
    )
    assert parent.info.status == "FINISHED"
    assert {run.info.run_name for run in children} == {f"trial {point.number}" for point in points}
    first = next(run for run in children if run.info.run_name == "trial 0")
    assert float(first.data.params["epsilon"]) == points[0].choices["epsilon"]
    assert "front.html" in {file.path for file in client.list_artifacts(search.parent_run)}


def test_a_trial_that_a_kill_kept_from_mlflow_is_noted_when_the_search_goes_on(balanced: Any) -> None:
    place, search, points, *_ = balanced
    client = MlflowClient(Settings.load().mlflow_uri)
    experiment = client.get_run(search.parent_run).info.experiment_id

    def children() -> list[Any]:
        found: list[Any] = client.search_runs(
            [experiment],
            f"tags.mlflow.parentRunId = '{search.parent_run}' and attributes.run_name = 'trial 2'",
        )
        return found

    for run in children():
        client.delete_run(run.info.run_id)
    for _ in range(2):
        balancing.trial.fn(place.pin(), "fraud", search, 2)
    (child,) = children()
    assert float(child.data.params["epsilon"]) == points[2].choices["epsilon"]


def test_a_search_that_was_stopped_goes_on(balanced: Any) -> None:
    """The same search is found again, and what was tried is read, not tried: the same points to the last digit."""
    place, search, points, *_ = balanced
    found = _search(place)
    assert found == search
    told = [balancing.trial.fn(place.pin(), "fraud", found, number) for number in range(TRIALS)]
    assert [point.choices for point in told] == [point.choices for point in points]
    assert [point.seconds for point in told if point.repeats == 1] == [
        point.seconds for point, now in zip(points, told, strict=True) if now.repeats == 1
    ]


def test_a_tighter_bound_moves_the_choice_without_another_training(balanced: Any) -> None:
    place, _, points, _, done = balanced
    chosen = done.front.point(done.front.choice.number)
    bound = {"what": "upper_bits", "at_most": chosen.upper_bits * 0.99}
    if chosen.upper_bits == min(point.upper_bits for point in points):
        bound = {"what": "upper_bits", "at_least": chosen.upper_bits * 1.01}
    place.change_spec(lambda spec: spec["use_cases"]["fraud"].update(balance={"constraints": [bound]}))
    moved = _concluded(place, _search(place)).front
    assert moved.choice is not None
    assert moved.choice.number != chosen.number
    assert len(moved.points) == TRIALS


def test_weights_of_the_spec_choose(balanced: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they would choose is trained again first; the fewest bits stay the fewest."""
    place, *_ = balanced
    monkeypatch.setattr(balancing, "REPEATS", 1 + AFRESH)
    place.change_spec(
        lambda spec: spec["use_cases"]["fraud"].update(balance={"weights": {"upper_bits": 1.0}})
    )
    search = _search(place)
    for _ in range(AFRESH):
        balancing.again.fn(place.pin(), "fraud", search)
    front = _concluded(place, search).front
    fewest = min(front.points, key=lambda point: point.upper_bits)
    assert fewest.repeats == 1 + AFRESH
    assert front.choice is not None
    assert front.choice.number == fewest.number
    assert len(front.front) == 1 or "by the weights of the spec" in front.choice.reason["en"]


def test_a_search_goes_on_without_a_trial_that_cannot_be_made(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    search, made, tried = _search(place, 2), balancing.trained, []

    def broken(*given: Any, number: int) -> Any:
        tried.append(number)
        if number == 0:
            raise PrivacyError("this plan cannot be kept")
        return made(*given, number=number)

    monkeypatch.setattr(balancing, "trained", broken)
    with pytest.raises(BalanceError, match="not tried"):
        _concluded(place, search)
    assert balancing.trial.fn(place.pin(), "fraud", search, 0) is None
    with pytest.raises(BalanceError, match="this plan cannot be kept"):
        _concluded(place, search)
    assert balancing.trial.fn(place.pin(), "fraud", search, 1).number == 1
    assert balancing.trial.fn(place.pin(), "fraud", search, 0) is None
    assert tried == [0, 1], "it is not tried again"
    assert [point.number for point in _concluded(place, search).front.points] == [1]


def test_a_release_of_another_spec_is_not_searched_on(place: Place) -> None:
    place.change_spec(lambda spec: spec.update(minimum_count=11))
    with pytest.raises(StaleRelease, match="run prepare again"):
        _search(place)


def test_a_private_search_is_paid_before_its_first_trial(private: Place) -> None:
    place = private
    search = _search(place, 2, private=True)
    entry = resolve.site().ledger.entries(account(resolve.spec(place.pin())))[-1]
    assert search.charged == entry.epsilon == 3.0 * (2 + balancing.REPEATS)
    assert entry.committed
    point = balancing.trial.fn(place.pin(), "fraud", search, 0)
    assert {point.utility.scope, point.risk.scope, point.advantage.scope} <= {"dp_released", "public"}
    assert point.risk.value == point.upper_bits
    steps, rate = point.choices["steps"], point.choices["sampling_rate"]
    bound = resolve.spec(place.pin()).customers.public_bound
    assert point.seconds == pytest.approx(float(steps) * float(rate) * bound / A_SECOND, rel=0.01)
    client = MlflowClient(Settings.load().mlflow_uri)
    run = client.get_run(search.parent_run)
    (child,) = client.search_runs(
        [run.info.experiment_id], f"tags.mlflow.parentRunId = '{search.parent_run}'"
    )
    assert "seconds" not in child.data.metrics, "they tell how many customers there are"
    record = next((place.home / "balance").glob("*.jsonl")).read_text()
    assert "internal" not in record
    assert _search(place, 2, private=True) == search, "the same search is not paid for twice"
    done = _concluded(place, search)
    assert (done.front.twin, done.front.charged) == (None, search.charged)
    assert "epsilon" in Path(done.page).read_text(encoding="utf-8")


def test_a_private_search_killed_before_it_can_be_found_again_pays_once(
    private: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = resolve.spec(private.pin())
    before = resolve.site().ledger.spent(account(shop)).epsilon
    with monkeypatch.context() as patch:
        patch.setattr(balancing, "refer", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            _search(private, 1, private=True)
    search = _search(private, 1, private=True)
    assert resolve.site().ledger.spent(account(shop)).epsilon == before + search.charged
    for path in (private.home / "balance").glob("*"):
        path.unlink()
    again = _search(private, 1, private=True)
    assert resolve.site().ledger.spent(account(shop)).epsilon == before + search.charged + again.charged


def test_a_private_search_that_lost_its_record_trains_nothing(private: Place) -> None:
    search = _search(private, 1, private=True)
    next((private.home / "balance").glob("*.jsonl")).unlink()
    with pytest.raises(LostRecord, match="what it spent is spent"):
        balancing.trial.fn(private.pin(), "fraud", search, 0)


def test_two_processes_make_one_training_of_a_search_at_a_time(place: Place) -> None:
    site = resolve.site()
    entered = threading.Event()

    def second() -> None:
        with alone(site, "key"):
            entered.set()

    with alone(site, "key"):
        other = threading.Thread(target=second)
        other.start()
        assert not entered.wait(0.3)
    other.join()
    assert entered.is_set()


def test_a_search_without_a_trial_is_refused(place: Place) -> None:
    with pytest.raises(NoTrials):
        _search(place, 0)


def test_a_stand_in_is_judged_by_the_spec_of_the_shop_that_searches(place: Place) -> None:
    """Its laws, of which there is no pack here, and its lower target; the data are the stand-in's."""
    own = place.shop / "own.yaml"
    spec = yaml.safe_load((place.shop / "shop.yaml").read_text())
    spec |= {"shop": "own-shop", "regimes": ["ccpa"], "notice": None}
    for purpose in spec["purposes"].values():
        purpose["basis"] = {"ccpa": "consent"}
    spec["use_cases"]["fraud"]["privacy"]["epsilon"] = 1.0
    own.write_text(yaml.safe_dump(spec, allow_unicode=True, sort_keys=False))
    pinned, searched = intake.pin.fn(str(own)), place.pin()
    released = latest(resolve.site().store, "released", "embedded-shop")
    search = balancing.gather.fn(pinned, "fraud", searched, released, 1, False)
    point = balancing.trial.fn(pinned, "fraud", search, 0)
    assert point.epsilon <= 1.0
    assert point.unmet == 1.0
    front = balancing.conclude.fn(pinned, "fraud", search).front
    assert (front.points[0].unmet, front.packs) == (1.0, packs_of(resolve.spec(pinned)))


def test_a_private_search_beyond_the_budget_is_refused(private: Place) -> None:
    with pytest.raises(BudgetExceeded):
        _search(private, 400, private=True)
    assert not list((private.home / "balance").glob("*.json*"))


def test_private_data_is_not_searched_by_default(private: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = str(private.shop / "shop.yaml")
    monkeypatch.setattr(balancing, "STAND_IN_CUSTOMERS", 300)
    stand_in = balancing.source(spec, "fraud", False, None)
    assert stand_in != spec
    assert json.loads(json.dumps(stand_in)).endswith("stand-in-300/shop.yaml")
    with pytest.raises(balancing.NoStandIn, match="not labelled synthetic"):
        balancing.source(spec, "fraud", False, spec)
    with pytest.raises(balancing.NoStandIn, match="no use case 'prices'"):
        balancing.source(spec, "prices", False, None)


def test_a_choice_never_exceeds_the_target_nor_what_was_reserved(place: Place) -> None:
    place.change_spec(lambda spec: spec["use_cases"]["fraud"].update(balance={"adjust": "make"}))
    pinned, site = place.pin(), resolve.site()
    shop = resolve.spec(pinned)
    with resolve.bench("choice", 1) as bench:
        choosing.take(bench, shop, "fraud", {"epsilon": 9.0, "steps": 100})
    wanted = choosing.taken(site, shop, "fraud")
    assert (wanted.target.epsilon, wanted.choices) == (3.0, {"steps": 100})
    reserved = site.ledger.reserve(
        account(shop), epsilon=1.0, delta=1e-9, cap_epsilon=90.0, cap_delta=1e-3, what="train/fraud/test"
    )
    assert choosing.paid(site, account(shop), reserved.id, wanted).target.epsilon == 1.0
