"""The facts: what of an evidence goes into the registry's fields, by one list of what is allowed there.

Those fields are read by many. A name that is not listed is refused, and so is a value that is no short
text or plain number, and a measure of scope internal unless the data is itself public (docs/privacy.md, rule 3).
"""

from __future__ import annotations

from collections.abc import Mapping

from infra.report.view import shareable
from models.values.errors import PrivetError
from models.values.evidence import Evidence
from models.values.scope import Measure, without_error

TAGS = frozenset(
    {
        "shop",
        "use_case",
        "synthetic",
        "run",
        "released",
        "policy_hash",
        "unit",
        "neighbouring",
        "sampler",
        "noise_source",
        "gate",
        "run_log_matches_plan",
        "budget_committed",
        "objections",
        "features",
        "evidence_seal",
        "model_seal",
        "facts_seal",
    }
)
PARAMS = frozenset(
    {
        "target_epsilon",
        "target_delta",
        "n_public",
        "steps",
        "sampling_rate",
        "noise_multiplier",
        "clipping_norm",
        "group_size",
    }
)
_ALWAYS_INTERNAL = frozenset({"utility_exact", "utility_twin", "audit_auc", "audit_epsilon_low"})
MEASURES = (
    frozenset(
        {
            "epsilon",
            "epsilon_rdp",
            "epsilon_unamplified",
            "delta",
            "group_epsilon",
            "evaluation_epsilon",
            "budget_spent",
            "budget_left",
            "utility_released",
            "utility_baseline",
        }
    )
    | _ALWAYS_INTERNAL
)
_LONGEST = 500  # MLflow cuts or refuses longer tags and parameters, depending on its database


class RegistryError(PrivetError, RuntimeError):
    """The registry refused, or does not hold what was asked for."""


def allowed(fields: Mapping[str, object], names: frozenset[str]) -> dict[str, str]:
    """Tags or parameters as text, if every name is listed in `names` and every value is short and plain.

    Raises:
        RegistryError: for another name, or a value that is no text, number or truth value (a table, an
            array, an example), or longer than 500 characters.
    """
    for name, value in fields.items():
        if name not in names:
            raise RegistryError(f"field {name!r} is not in the registry's allow-list; leave it out")
        if not isinstance(value, str | int | float):
            raise RegistryError(f"field {name!r} is a {type(value).__name__}; only text and numbers are kept")
        if len(str(value)) > _LONGEST:
            raise RegistryError(f"field {name!r} has over {_LONGEST} characters; leave it out")
    return {name: str(value) for name, value in fields.items()}


def allowed_measures(measures: Mapping[str, Measure], evidence: Evidence) -> dict[str, float]:
    """The values of `measures`, if each is listed and its scope allows it to be shared.

    Raises:
        RegistryError: for another name, for what is no `Measure`, and for a measure of scope internal on
            private data.
    """
    for name, measure in measures.items():
        if name not in MEASURES:
            raise RegistryError(f"metric {name!r} is not in the registry's allow-list; leave it out")
        if not isinstance(measure, Measure):
            raise RegistryError(f"metric {name!r} carries no scope; give a Measure")
        kept_inside = name in _ALWAYS_INTERNAL and evidence.synthetic is None
        if kept_inside or not shareable(measure, evidence):
            raise RegistryError(f"metric {name!r} is internal; keep it in the encrypted evidence")
    return {name: measure.value for name, measure in measures.items()}


def tags(evidence: Evidence) -> dict[str, str]:
    """The evidence's tags: its origin, how it was made private, and its verdict."""
    claim = evidence.claim
    fields = {
        "shop": evidence.shop,
        "use_case": evidence.use_case,
        "run": evidence.run,
        "released": str(evidence.released),
        "policy_hash": evidence.policy_hash,
        "unit": claim.unit,
        "neighbouring": claim.neighbouring,
        "sampler": claim.sampler,
        "noise_source": claim.noise_source,
        "gate": "passed" if evidence.gate.passed else "not passed",
        "run_log_matches_plan": str(evidence.run_log_matches_plan).lower(),
        "budget_committed": str(evidence.budget_committed).lower(),
        "objections": "; ".join(evidence.objections())[:_LONGEST] or "none",
        "features": ", ".join(evidence.feature_names)[:_LONGEST],
    }
    if evidence.synthetic is not None:
        fields["synthetic"] = evidence.synthetic[:_LONGEST]
    return allowed(fields, TAGS)


def params(evidence: Evidence) -> dict[str, str]:
    """The evidence's parameters: the target, and the mechanism that ran."""
    claim, target = evidence.claim, evidence.target
    fields = {
        "target_epsilon": target.epsilon,
        "target_delta": target.delta,
        "n_public": target.n_public,
        "steps": claim.steps,
        "sampling_rate": claim.sampling_rate,
        "noise_multiplier": claim.noise_multiplier,
        "clipping_norm": claim.clipping_norm,
        "group_size": claim.group_size,
    }
    return allowed(fields, PARAMS)


def measures(evidence: Evidence) -> dict[str, float]:
    """The evidence's numbers that may be shared; those on private data that may not are left out."""
    claim, utility = evidence.claim, evidence.utility
    numbers = {
        "epsilon": claim.epsilon,
        "epsilon_rdp": claim.epsilon_rdp,
        "epsilon_unamplified": claim.epsilon_unamplified,
        "delta": claim.delta,
        "evaluation_epsilon": evidence.evaluation_epsilon,
        "budget_spent": evidence.budget_spent,
        "budget_left": evidence.budget_left,
    }
    if claim.group_epsilon is not None:
        numbers["group_epsilon"] = claim.group_epsilon
    found = {name: _public(name, value) for name, value in numbers.items()}
    for name, measure in (("utility_released", utility.released), ("utility_baseline", utility.baseline)):
        if shareable(measure, evidence):
            found[name] = measure
    if evidence.synthetic is not None:
        found |= {
            "utility_exact": utility.exact,
            "utility_twin": utility.twin,
            "audit_auc": evidence.audit.auc,
        }
        found["audit_epsilon_low"] = _public("audit_epsilon_low", evidence.audit.epsilon_low)
    return allowed_measures(found, evidence)


def _public(name: str, value: float) -> Measure:
    return without_error(name, value, how="of the run's log")
