"""Ruling: what the packs of law say of a run, on facts that its spec, release and claim tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from expectations.compliance.packs import evaluate, load
from infra.manifests import open_manifest
from models.values.balance import Compliance
from models.values.spec import Regime, Release, ShopSpec
from tasks.training import case_of

if TYPE_CHECKING:
    from expectations.compliance.rules import Fact
    from infra.site import Site
    from models.values.dataset import DatasetRef, Manifest

LAWS: Final[tuple[Regime, ...]] = ("gdpr", "pipl")  # of which there are packs
Ruled = Callable[[float], tuple[float, tuple[str, ...]]]
"""By epsilon, the share of rules that is not met and the hard rules that are broken."""

PERSONALISED = "personalised"  # a customer's own switch, where the shop has one


def packs_of(shop: ShopSpec) -> tuple[str, ...]:
    """The packs of a shop's regimes as they are now, each with its version and digest."""
    return tuple(pack.name for pack in load(shop.regimes))


def compliance_of(
    site: Site, shop: ShopSpec, use_case: str, released: DatasetRef, *, epsilon: float, log_matches_plan: bool
) -> Compliance:
    """The rules that apply to a run of a use case on a release, and which of them it meets."""
    return _judged(open_manifest(site.store, released), shop, use_case, epsilon, log_matches_plan)


def _judged(
    manifest: Manifest, shop: ShopSpec, use_case: str, epsilon: float, log_matches_plan: bool
) -> Compliance:
    facts = {
        **_of_purpose(shop, use_case),
        **_of_release(shop, use_case, manifest),
        **_declared(shop),
        "epsilon_claimed": epsilon,
        "epsilon_target": shop.target(use_case).epsilon,
        "log_matches_plan": log_matches_plan,
    }
    return evaluate(load(shop.regimes), facts)


def ruled(site: Site, shop: ShopSpec, use_case: str, released: DatasetRef) -> Ruled:
    """What today's packs say of a training on a release, by its epsilon, if it does what it plans."""

    manifest = open_manifest(site.store, released)

    def of(epsilon: float) -> tuple[float, tuple[str, ...]]:
        rules = _judged(manifest, shop, use_case, epsilon, log_matches_plan=True)
        return rules.unmet, tuple(rule.rule for rule in rules.broken)

    return of


def _declared(shop: ShopSpec) -> dict[str, Fact]:
    said = shop.declared.model_dump(exclude={"transfer_mechanism"})
    ways = {f"transfer_{regime}": shop.declared.transfer_mechanism.get(regime) for regime in LAWS}
    return {**said, **ways}


def _of_purpose(shop: ShopSpec, use_case: str) -> dict[str, Fact]:
    purpose, case = shop.purposes[shop.use_cases[use_case].purpose], case_of(shop, use_case)
    asked = set(purpose.basis.values()) == {"consent"}
    kept = shop.retention.model_dump()
    return {
        **{f"basis_{regime}": purpose.basis.get(regime) for regime in LAWS},
        "consent_filtered": shop.consent is not None or "consent" not in purpose.basis.values(),
        "retention_days": max(kept.values()),
        "notice_present": shop.notice is not None,
        "personalised": case.personalises,
        # who does not consent to the purpose is not read; PERSONALISED switches it off for those who do
        "personalised_switch": asked or PERSONALISED in _columns(shop, use_case),
        "automated_decisions": case.decides,
        "decisions_explained": shop.notice is not None,
        "sensitive_columns": _sensitive(shop, use_case),
    }


def _of_release(shop: ShopSpec, use_case: str, manifest: Manifest) -> dict[str, Fact]:
    published = [table for table in manifest.tables if table.product == "attributes"]
    asked = [release.anonymity.k for name, release in shop.releases.items() if release.anonymity is not None]
    least = [table.after.k for table in published if table.after is not None]
    return {
        "gate_passed": manifest.gate is not None and manifest.gate.passed,
        "publishes_tables": bool(published),
        "k_least": min(least, default=None),
        "k_required": min(asked, default=None),
        "encrypted": all(file.key_id for file in manifest.files),
        "pseudonymised": _pseudonymised(shop, use_case),
    }


def _read(shop: ShopSpec, use_case: str) -> tuple[Release, ...]:
    """The releases with customers' rows that a use case reads."""
    read = (shop.releases[name] for name in shop.use_cases[use_case].tables)
    return tuple(release for release in read if release.product != "public")


def _columns(shop: ShopSpec, use_case: str) -> set[str]:
    return {name for release in _read(shop, use_case) for name in release.columns}


def _sensitive(shop: ShopSpec, use_case: str) -> int:
    return sum(
        shop.tables[release.table].columns[name].role == "sensitive"
        for release in _read(shop, use_case)
        for name in release.columns
    )


def _pseudonymised(shop: ShopSpec, use_case: str) -> bool:
    """Whether the customer of every row that the use case reads is a pseudonym."""
    kinds = []
    for release in _read(shop, use_case):
        name = shop.customer_column(release.table)
        assert name is not None, "only public tables have no customers"
        kinds.append(shop.tables[release.table].columns[name].effective_transform(name).kind)
    return all(kind in ("pseudonym", "token") for kind in kinds)
