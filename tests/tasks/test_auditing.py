"""The charged audit: what it spends and keeps, and that a broken claim leaves no way to become champion."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.manifests import open_manifest
from infra.registry import Registry, RegistryError
from infra.report import facts
from infra.served import Service
from models.attacks import one_run
from models.attacks.sentences import Planting
from models.cases.facts import packed
from models.cases.fraud import FRAUD
from models.values.risk import EpsilonAudit, Exposure, parts_of_charged
from models.values.stage import Audited
from tasks import auditing, budget, release, resolve, scoring
from tasks.stage import StageFailed
from tests.infra.report import evidence_sample as sample
from tests.models.attacks.broken_trainers import no_clipping, short_noise, shuffling
from tests.tasks.conftest import Place, as_private, copied

NAME = "embedded-shop-fraud"
HOUSE = Path(__file__).resolve().parents[2]


def _registry() -> Registry:
    settings = resolve.site().settings
    return Registry(settings.mlflow_uri, settings.mlflow_artifacts)


def _candidate() -> tuple[Any, Any]:
    evidence = sample.evidence(synthetic=sample.LABEL, feature_names=FRAUD.inputs)
    service = Service(case="fraud", facts=packed(FRAUD.facts()))
    plan = '{"steps": 800, "sampler": "poisson"}'
    return _registry().register(NAME, FRAUD.build_model({}), evidence, plan, service=service), evidence


def _audit(place: Place) -> Audited:
    """The flow `audit`, task by task and without a server."""
    pinned = place.pin()
    released = auditing.release_of(pinned, "fraud", None)
    reservation = budget.reserve.fn(pinned, "fraud", released, "audit")
    done: Audited = auditing.audit.fn(pinned, "fraud", released, reservation, 1000)
    return done


def _standing(place: Place) -> Any:
    from tasks.training import case_of

    shop = resolve.spec(place.pin())
    plan = case_of(shop, "fraud").plan(shop.target("fraud"))
    return auditing.standing_audits(resolve.site(), shop, "fraud", plan)


@pytest.fixture(scope="module")
def place(prepared: Place, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A correct trainer is called broken with a chance of 1e-7 here, which the fault planted below is far beyond."""
    folder = tmp_path_factory.mktemp("audited")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRIVET_HOME", str(folder / "home"))
        patch.setenv("PRIVET_THREADS", "2")
        patch.setattr(one_run, "FALSE_ALARM", 1e-7)
        yield copied(prepared, folder)


@pytest.fixture(scope="module")
def passed(place: Place) -> Audited:
    return _audit(place)


def test_an_audit_is_charged_like_a_training_and_keeps_nothing_but_itself(
    place: Place, passed: Audited
) -> None:
    shop, site = resolve.spec(place.pin()), resolve.site()
    (entry,) = site.ledger.entries(budget.account(shop))
    assert (entry.epsilon, entry.committed) == (shop.target("fraud").epsilon, True)
    assert entry.what.startswith("audit/fraud/")
    manifest = open_manifest(site.store, passed.output)
    assert [file.path for file in manifest.files] == [auditing.AUDIT]
    assert manifest.parents == (auditing.release_of(place.pin(), "fraud", None),)
    assert _registry().listing() == []


def test_a_claim_that_holds_says_what_it_could_have_shown(
    place: Place, passed: Audited, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not passed.audit.broken
    assert passed.audit.audited == passed.output.version
    assert passed.withdrawn is None
    assert _standing(place) == (passed.audit,)
    assert auditing.show(passed, str(place.shop / "shop.yaml"), as_json=True) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["holds"] is True
    assert "would have been found with a chance of 0.9" in said["power"]


def test_internal_numbers_of_a_private_shop_are_not_printed(
    place: Place, passed: Audited, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    private = as_private(place, tmp_path)
    auditing.show(passed, str(private), as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert (said["epsilon_low"], said["correct"]) == ("internal", "internal")


def test_a_broken_claim_withdraws_the_champion_until_a_later_audit_holds(
    place: Place, passed: Audited, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref, evidence = _candidate()
    assert _registry().promote(ref, evidence, standing=_standing(place)) == ()
    champions: list[object] = []

    def failing(*_: object, **__: object) -> Any:
        champions.append(_registry().champion(NAME))
        raise RuntimeError

    with monkeypatch.context() as patch:
        short_noise(patch)
        patch.setattr(Planting, "exposures", failing)
        broken = _audit(place)
    assert broken.audit.broken
    assert champions == [None]
    assert broken.exposures == (
        Exposure(audited=broken.output.version, missing=f"{auditing.UNMEASURED} (RuntimeError)"),
    )
    assert broken.withdrawn is not None
    assert broken.withdrawn.version == ref.version
    assert auditing.show(broken, str(place.shop / "shop.yaml"), as_json=False) == 1
    assert broken.audit in _standing(place)
    assert _registry().champion(NAME) is None
    assert any(
        "broke the claim" in why for why in _registry().promote(ref, evidence, standing=_standing(place))
    )
    _registry().client().set_registered_model_alias(NAME, "champion", str(ref.version))
    with pytest.raises(RegistryError, match="was made champion by hand"):
        _registry().champion(NAME)
    with pytest.raises(auditing.BrokenClaim, match="run `privet audit` again"):
        scoring.score.fn(place.pin(), "fraud")
    again = _audit(place)
    assert not again.audit.broken
    assert not any(audit.broken for audit in _standing(place))
    assert _registry().promote(ref, evidence, standing=_standing(place)) == ()
    assert [each.audit.audits for each in (passed, broken, again)] == [*map(parts_of_charged, (1, 2, 3))]


def test_audits_of_all_plans_are_counted_and_those_of_other_use_cases_are_not(place: Place) -> None:
    """By the ledger, where one that was paid for and never ended has its number, too."""
    shop, site = resolve.spec(place.pin()), resolve.site()
    before = len(
        [entry for entry in site.ledger.entries(budget.account(shop)) if "audit/fraud/" in entry.what]
    )
    reserved = [
        site.ledger.reserve(
            budget.account(shop), epsilon=epsilon, delta=0, cap_epsilon=99, cap_delta=1e-3, what=what
        ).id
        for epsilon, what in ((0.1, "audit/fraud/a"), (0.1, "audit/frauds/a"), (0.2, "audit/fraud/b"))
    ]
    numbers = [auditing._number(site, shop, "fraud", reserved[at]) for at in (0, 2)]
    assert numbers == [before + 1, before + 2]


@pytest.mark.parametrize("failing", ["registry", "seal", "nothing"])
def test_a_broken_audit_has_its_effect_whatever_else_fails(
    place: Place, passed: Audited, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """Sealed without a registry, and the champion goes without a store; sealed first, so no kill loses the audit."""
    broken = passed.audit.model_copy(update={"contradictions": ("the noise that ran was too little",)})
    done: list[str] = []

    def part(name: str) -> Callable[..., None]:
        def run(*_: object, **__: object) -> None:
            done.append(name)
            if name == failing:
                raise OSError(name)

        return run

    monkeypatch.setattr("models.attacks.one_run.audit_one_run", lambda *_, **__: broken)
    monkeypatch.setattr(auditing, "_withdrawn", part("registry"))
    monkeypatch.setattr(auditing, "keep_internal", part("seal"))
    with nullcontext() if failing == "nothing" else pytest.raises(StageFailed, match="OSError"):
        _audit(place)
    assert done == ["seal", "registry", *(["seal"] if failing == "nothing" else [])]


def _sealed(run: str, holds: str, canaries: int = 5000, *, plan: str = "P", after: str = "") -> Any:
    """An audit as it is sealed; `after` are the one-letter runs whose audits it saw."""
    why = () if holds == "holds" else ("the noise that ran was 0.25 of the planned one",)
    audit = (
        sample.risk()
        .audits[0]
        .model_copy(update={"audited": run, "canaries": canaries, "contradictions": why, "epsilon_low": 0.1})
    )
    return auditing.PlanAudit(plan=plan, audit=EpsilonAudit.model_validate(audit), after=tuple(after))


BROKEN = _sealed("b", "broke")
REPEATED: dict[
    str, tuple[Any, bool, bool]
] = {  # a second audit; whether it frees a model of plan P, and scoring
    "as many canaries": (_sealed("c", "holds", after="b"), True, True),
    "more canaries": (_sealed("c", "holds", 8000, after="ab"), True, True),
    "too few canaries": (_sealed("c", "holds", 4999, after="b"), False, False),
    "broke, too": (_sealed("c", "broke", after="b"), False, False),
    "started before the broken one was sealed": (_sealed("c", "holds", after="a"), False, False),
    "sealed before audits said what they came after": (_sealed("c", "holds"), False, False),
    "of another plan": (_sealed("c", "holds", plan="Q", after="b"), False, True),
}


@pytest.mark.parametrize("second", REPEATED)
def test_a_broken_audit_stands_until_one_as_strong_that_came_after_it_holds(
    second: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, frees_model, frees_use_case = REPEATED[second]
    site, shop, plan = None, None, SimpleNamespace(digest=lambda: "P")
    monkeypatch.setattr(auditing, "_kept", lambda *_: iter((other, BROKEN)))
    standing = auditing.standing_audits(site, shop, "fraud", plan)  # type: ignore[arg-type]
    assert (BROKEN.audit not in standing) == frees_model
    if frees_use_case:
        auditing.refuse_broken(site, shop, "fraud")
    else:
        with pytest.raises(auditing.BrokenClaim, match="with 5,000 canaries or more"):
            auditing.refuse_broken(site, shop, "fraud")


def test_an_audit_sealed_before_is_read_as_one_that_came_after_none() -> None:
    old = json.loads(_sealed("c", "holds", after="b").model_dump_json())
    del old["after"]
    assert not auditing.PlanAudit.model_validate_json(json.dumps(old)).clears(BROKEN, plan=None)


def test_an_audit_that_breaks_while_a_model_is_published_takes_its_place_away(place: Place) -> None:
    ref, evidence = _candidate()
    answers = iter([(), (BROKEN.audit,)])
    assert release._promoted(_registry(), ref, evidence, lambda: next(answers)) == (
        "the audit of run b broke the claim",
    )
    assert _registry().champion(NAME) is None
    assert release._promoted(_registry(), ref, evidence, tuple) == ()
    assert _registry().champion(NAME) == ref


def test_another_plan_does_not_outlive_a_broken_audit(place: Place, passed: Audited) -> None:
    """A lower target has another digest, and the same trainer."""
    from tasks.training import case_of

    shop = resolve.spec(place.pin())
    case, target = case_of(shop, "fraud"), shop.target("fraud")
    other = case.plan(target.model_copy(update={"epsilon": target.epsilon / 2}))
    site, real = resolve.site(), auditing._kept
    broken = passed.audit.model_copy(
        update={"contradictions": ("the noise that ran was 0.25 of the planned one",)}
    )
    assert isinstance(broken, EpsilonAudit)
    kept = auditing.PlanAudit(plan=case.plan(target).digest(), audit=broken)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auditing, "_kept", lambda *_: iter((kept,)))
        assert auditing.standing_audits(site, shop, "fraud", other) == (broken,)
    assert auditing._kept is real
    assert auditing.standing_audits(site, shop, "fraud", other) == ()


def test_sentences_of_another_plan_say_nothing_of_a_model(place: Place, passed: Audited) -> None:
    """A model of text that was never audited under its plan says so; one that reads no text needs none."""
    from tasks.training import case_of

    shop, site = resolve.spec(place.pin()), resolve.site()
    plan = case_of(shop, "fraud").plan(shop.target("fraud"))
    text = replace(FRAUD, read=lambda _: {})
    own, others = (Exposure(audited=name, missing="it reads nothing") for name in ("own", "other"))
    kept = [
        auditing.PlanAudit(plan=digest, audit=passed.audit, exposures=(each,))
        for digest, each in (("of another", others), (plan.digest(), own))
    ]
    assert auditing.standing_exposures(site, shop, "fraud", plan) == ()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auditing, "case_of", lambda *_: text)
        unread = auditing.PlanAudit(plan=plan.digest(), audit=passed.audit)
        patch.setattr(auditing, "_kept", lambda *_: iter([unread, kept[0]]))
        none = auditing.standing_exposures(site, shop, "fraud", plan)
        assert none == (Exposure(missing=auditing.UNPLANTED),)
        patch.setattr(auditing, "_kept", lambda *_: iter(kept))
        assert auditing.standing_exposures(site, shop, "fraud", plan) == (own,)


def test_an_unknown_use_case_is_named(place: Place) -> None:
    with pytest.raises(auditing.UnknownCase, match="has no use case 'frauds'; it has fraud"):
        auditing.release_of(place.pin(), "frauds", None)


def test_one_place_makes_champions_and_one_place_asks_it() -> None:
    """Every command, flow and deployment: the alias is set in `promote` alone, which `publish` alone calls."""
    calls: dict[str, set[str]] = {"set_registered_model_alias": set(), "promote": set()}
    for path in (
        p
        for top in ("flows", "tasks", "infra", "expectations", "models")
        for p in (HOUSE / top).rglob("*.py")
    ):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in calls
            ):
                calls[node.func.attr].add(str(path.relative_to(HOUSE)))
    assert calls == {"set_registered_model_alias": {"infra/registry.py"}, "promote": {"tasks/release.py"}}


def test_a_model_with_many_objections_can_still_be_registered() -> None:
    """As a candidate that says why it is no more; MLflow keeps short tags only."""
    audit = sample.risk().audits[0]
    many = audit.model_copy(update={"contradictions": tuple(f"{n} {'x' * 90}" for n in range(9))})
    evidence = sample.evidence(risk=sample.risk(audits=(many,)))
    assert len(evidence.objections()) == 9
    assert len(facts.tags(evidence)["objections"]) == 500


@pytest.mark.prove
@pytest.mark.parametrize("plant", [short_noise, no_clipping, shuffling])
def test_a_model_that_breaks_its_claim_is_never_champion(
    prepared: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[pytest.MonkeyPatch], None],
) -> None:
    """The flow `train`, with the trainer's real part replaced by one that lacks what it claims."""
    from tasks import audit, release, training

    monkeypatch.setenv("PRIVET_HOME", str(tmp_path / "home"))
    here = copied(prepared, tmp_path)
    plant(monkeypatch)
    pinned = here.pin()
    released = auditing.release_of(pinned, "fraud", None)
    reservation = budget.reserve.fn(pinned, "fraud", released)
    fitted = training.fit.fn(pinned, "fraud", released, reservation)
    evidence = audit.assess.fn(pinned, "fraud", fitted)
    trained = release.publish.fn(pinned, "fraud", fitted, evidence)
    assert any("contradicts the plan" in why for why in trained.objections)
    assert not trained.model.champion
    assert _registry().champion(NAME) is None
