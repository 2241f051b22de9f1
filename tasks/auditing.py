"""Auditing: a run of its own whose claim canaries among its customers put to the test, and what a broken claim forbids.

The run trains on the customers, so it is charged like a training. Its weights are dropped when it ends; what is kept
is the audit, sealed. For a model of text, sentences are planted in the same run, to see how well it knows them. A
broken audit takes the champion's place away. Until one that started after its end, with at least as many canaries,
holds, no model of the use case becomes champion (`standing_audits`) and none scores (`refuse_broken`).

The k-th charged audit of a use case has the error 0.05 / (2 k (k + 1)). All of them together, however many there will
be, have half of 0.05; a model's own audits have the other half (tasks/attacking.py).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from infra.manifests import MANIFEST, latest
from infra.quiet import hushed
from infra.registry import ModelRef, Registry
from infra.sealed import recall
from infra.site import Site
from models.values.base import Value
from models.values.dataset import DatasetRef
from models.values.errors import PrivetError
from models.values.risk import EpsilonAudit, Exposure, parts_of_charged
from models.values.spec import ShopSpec
from models.values.stage import Audited, RegisteredModel, SpecRef
from tasks import resolve
from tasks.attacking import SEED, twin_of
from tasks.budget import account
from tasks.choosing import paid, taken
from tasks.fencing import still_wanted
from tasks.sealing import keep_internal, named
from tasks.stage import scrubbed, stage
from tasks.training import Restored, UnknownCase, case_of, facts_of, tables_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.attacks.dirac import Company
    from models.attacks.sentences import Fit, Planting
    from models.privacy.plan import PrivacyPlan

AUDIT = "audit.json"
UNPLANTED = (
    "no sentences were planted under this plan yet; `privet audit` plants them in a charged run of its own"
)
UNMEASURED = "sentences were planted, but what the model knows of them could not be measured"


class BrokenClaim(PrivetError, PermissionError):
    """An audit of a use case contradicts what is claimed of its models, and none since has cleared it."""


class PlanAudit(Value):
    """An audit, what its planted sentences showed, and the digest of the plan that its run had.

    `after` names the audited runs of the use case whose audits were sealed when this one started. So order needs no
    clock; an audit that names none clears none.
    """

    plan: str
    audit: EpsilonAudit
    exposures: tuple[Exposure, ...] = ()
    after: tuple[str, ...] = ()

    def clears(self, broken: PlanAudit, *, plan: str | None) -> bool:
        """Whether it outweighs a broken audit, for a model trained under `plan`; None for any model of the use case.

        A broken audit of that very plan is outweighed by one of the same plan alone.
        """
        return (
            not self.audit.broken
            and broken.audit.audited in self.after
            and self.audit.canaries >= broken.audit.canaries
            and (broken.plan != plan or self.plan == plan)
        )


@scrubbed
def release_of(pinned: SpecRef, use_case: str, released: DatasetRef | None) -> DatasetRef:
    """The release to audit on: the newest unless named. Raises UnknownCase for a use case that the spec lacks."""
    shop = resolve.spec(pinned)
    if use_case not in shop.use_cases:
        raise UnknownCase(f"the spec has no use case {use_case!r}; it has {', '.join(shop.use_cases)}")
    return released or latest(resolve.site().store, "released", shop.shop)


@stage(timeout_seconds=6 * 3600, tags={"privet", "train"})
def audit(
    pinned: SpecRef, use_case: str, released: DatasetRef, reservation: str, canaries: int = 5000
) -> Audited:
    """Train a use case with canaries among its training customers, and audit the run under the claim of its plan."""
    with hushed():
        from models.attacks.one_run import audit_one_run
        from models.attacks.sentences import plant

    shop = resolve.spec(pinned)
    with resolve.bench(f"audit {use_case}", 2) as bench:
        after = tuple(each.audit.audited for each in _kept(bench.site, shop, use_case))
        plan, company = _company(bench, shop, use_case, released, reservation)
        planting = plant(company)
        bench.advance(1, "training with canaries")
        ref = named(bench, shop, _suffix(use_case))
        found = audit_one_run(
            plan,
            audited=ref.version,
            claimed=plan.epsilon,
            canaries=canaries,
            audits=parts_of_charged(_number(bench.site, shop, use_case, reservation)),
            company=planting.company,
        )
        kept = PlanAudit(plan=plan.digest(), audit=found, after=after)
        withdrawn = None
        if found.broken:
            try:  # sealed first, so that no kill loses it, and withdrawn before anything that takes long
                _seal(bench, shop, named(bench, shop, _suffix(use_case)), kept, released)
            finally:
                withdrawn = _withdrawn(bench.site, shop, use_case)
        twin = found.seconds <= shop.use_cases[use_case].balance.attack_seconds and not found.broken
        exposures = _exposures(planting, found, _twin(company) if twin else None)
        if not found.broken:
            still_wanted()
        _seal(bench, shop, ref, kept.model_copy(update={"exposures": exposures}), released)
        bench.site.ledger.commit(reservation)
        bench.advance(2, "audited")
        return Audited(
            use_case=use_case,
            plan=plan.digest(),
            epsilon_charged=plan.target.epsilon,
            audit=found,
            exposures=exposures,
            output=ref,
            withdrawn=withdrawn,
            seconds=bench.seconds,
        )


def standing_audits(site: Site, shop: ShopSpec, use_case: str, plan: PrivacyPlan) -> tuple[EpsilonAudit, ...]:
    """What audits say of a model of this use case that was trained under `plan`.

    The broken ones that none has cleared, of any plan, since a new target mends no trainer; and the newest of this plan
    that holds.
    """
    kept, digest = list(_kept(site, shop, use_case)), plan.digest()
    held = [each.audit for each in kept if each.plan == digest and not each.audit.broken]
    return (*(each.audit for each in _uncleared(kept, digest)), *held[:1])


def standing_exposures(site: Site, shop: ShopSpec, use_case: str, plan: PrivacyPlan) -> tuple[Exposure, ...]:
    """What the newest audit of `plan` shows of sentences; of a model of text that has none, that it has none."""
    if case_of(shop, use_case).read is None:
        return ()
    kept = (each for each in _kept(site, shop, use_case) if each.plan == plan.digest())
    same = (each.exposures for each in kept if each.exposures)
    return next(same, ()) or (Exposure(missing=UNPLANTED),)


def refuse_broken(site: Site, shop: ShopSpec, use_case: str) -> None:
    """Raise BrokenClaim if a broken audit of a use case stands, whatever the registry calls its champion."""
    for each in _uncleared(list(_kept(site, shop, use_case))):
        raise BrokenClaim(
            f"the audit of run {each.audit.audited} contradicts the claim of use case {use_case!r}, so none of its "
            f"models may be used; mend what it names and run `privet audit` again, with {each.audit.canaries:,} "
            "canaries or more"
        )


@scrubbed
def show(done: Audited, spec: str, *, as_json: bool) -> int:
    """Print what an audit found and could have found; 1 if the claim is broken. Internal numbers stay sealed."""
    from pathlib import Path

    from infra.spec import read_spec

    shown = read_spec(Path(spec)).public_data
    facts = _facts(done, shown=shown)
    if as_json:
        print(json.dumps(facts))
    else:
        for name, value in facts.items():
            for line in value if isinstance(value, list) else [value]:
                print(f"{name.replace('_', ' '):<15} {_said(line)}")
    return int(done.audit.broken)


def _facts(done: Audited, *, shown: bool) -> dict[str, Any]:
    audit = done.audit
    numbers = {"epsilon_low": audit.epsilon_low, "guesses": audit.guesses, "correct": audit.correct}
    return {
        "use_case": done.use_case,
        "run": audit.audited,
        "kind": audit.kind,
        "claimed": audit.claimed,
        **{name: round(number, 3) if shown else "internal" for name, number in numbers.items()},
        "confidence": round(audit.confidence, 6),
        "canaries": audit.canaries,
        "holds": not audit.broken,
        "contradictions": list(audit.contradictions),
        "power": audit.power,
        "exposures": [_exposed(each, shown=shown) for each in done.exposures],
        "withdrawn": None if done.withdrawn is None else f"{done.withdrawn.name}/{done.withdrawn.version}",
        "charged": done.epsilon_charged,
        "sealed": str(done.output),
        "seconds": done.seconds,
    }


def _exposed(exposure: Exposure, *, shown: bool) -> dict[str, Any]:
    measured = {
        name: [round(number, 3) for number in (found.value, found.low, found.high)] if shown else "internal"
        for name, found in (("bits", exposure.bits), ("twin", exposure.twin))
        if found is not None
    }
    return {
        "language": exposure.language,
        "planted": exposure.planted,
        "others": exposure.others,
        **(measured or {"missing": exposure.missing}),
        "chance": round(exposure.chance, 3),
        "power": exposure.power,
    }


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(part)}" for name, part in value.items())
    return "-" if value is None else str(value)


def _exposures(planting: Planting, found: EpsilonAudit, fit: Fit | None) -> tuple[Exposure, ...]:
    """What the audited run knows of its sentences; where that cannot be measured, that it cannot."""
    try:
        return planting.exposures(audited=found.audited, fit=fit)
    except Exception as failed:  # noqa: BLE001  # no failure may lose the audit
        return (Exposure(audited=found.audited, missing=f"{UNMEASURED} ({type(failed).__name__})"),)


def _twin(company: Company) -> Fit:
    """The same training without privacy, of the case's own model."""
    return lambda customers: twin_of(Restored(company.case, None, company.facts), customers, seed=SEED)


def _company(
    bench: resolve.Bench, shop: ShopSpec, use_case: str, released: DatasetRef, reservation: str
) -> tuple[PrivacyPlan, Company]:
    """The plan that a training would have now, and the customers that it would train on."""
    with hushed():
        from models.attacks.dirac import Company
        from models.balance.space import variant

    chosen = paid(bench.site, account(shop), reservation, taken(bench.site, shop, use_case))
    case = variant(case_of(shop, use_case), chosen.choices)
    plan = case.plan(chosen.target)
    held = tables_of(bench, shop, use_case, released)
    rows = bench.engine.materialise(case.features(*held), f"features_{use_case}")
    facts, _ = facts_of(case, plan, case.facts(*held), rows)
    return plan, Company(case=case, facts=facts, customers=case.examples(rows, "train", facts))


def _seal(
    bench: resolve.Bench, shop: ShopSpec, ref: DatasetRef, kept: PlanAudit, released: DatasetRef
) -> None:
    keep_internal(bench, shop, ref, {AUDIT: kept.model_dump_json().encode()}, released)


def _suffix(use_case: str) -> str:
    return f"{use_case}-audit"


def _number(site: Site, shop: ShopSpec, use_case: str, reservation: str) -> int:
    """Which audit of the use case this is, by the ledger, which forgets none: 1 for the first."""
    entries = site.ledger.entries(account(shop))
    ours = [entry.id for entry in entries if entry.what.startswith(f"audit/{use_case}/")]
    return 1 + ours.index(reservation)


def _uncleared(kept: list[PlanAudit], plan: str | None = None) -> list[PlanAudit]:
    """The broken audits that still stand, for a model trained under `plan` or, without one, for the use case."""
    return [
        each
        for each in kept
        if each.audit.broken and not any(other.clears(each, plan=plan) for other in kept)
    ]


def _kept(site: Site, shop: ShopSpec, use_case: str) -> Iterator[PlanAudit]:
    """The audits of a use case, newest first."""
    folder = f"internal/{shop.shop}-{_suffix(use_case)}/"
    for key in sorted(site.store.list(folder), reverse=True):
        if key.endswith(f"/{MANIFEST}"):
            ref = DatasetRef.parse(key.removesuffix(f"/{MANIFEST}"))
            yield PlanAudit.model_validate_json(recall(site, resolve.TRAINER, ref, AUDIT))


def _withdrawn(site: Site, shop: ShopSpec, use_case: str) -> RegisteredModel | None:
    registry = Registry(site.settings.mlflow_uri, site.settings.mlflow_artifacts)
    ref: ModelRef | None = registry.withdraw(f"{shop.shop}-{use_case}")
    return None if ref is None else RegisteredModel(name=ref.name, version=ref.version, champion=False)
