"""The gate's plan for published tables: the checks that hold their anonymity to what the spec asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from expectations.gates.subject import PlannedCheck, Subject

if TYPE_CHECKING:
    from models.anonymity.policy import ReleasePlan


def anonymity_checks(subject: Subject) -> Iterator[PlannedCheck]:
    """The checks of a table's classes; none for events, which have no target."""
    from expectations.gates.anonymity import KAnonymity, NoResidualUniqueness

    plan, wanted = subject.plan, subject.plan.anonymity
    if wanted is None:
        return
    customer = subject.spec.customer_column(plan.table)
    unit = customer if customer in {column.name for column in plan.columns} else None
    yield PlannedCheck(
        rule="k-anonymity: every class of equal quasi-identifiers is large enough",
        detail=f"needs k >= {wanted.k} over {', '.join(plan.quasi) or 'the whole table'}",
        expectation=KAnonymity.over(plan.quasi, wanted.k, unit),
    )
    known = _knowable(plan)
    yield PlannedCheck(
        rule="residual uniqueness: no row is alone in all that is not sensitive",
        detail=f"looked at {', '.join(known) or 'the whole table'} together",
        expectation=NoResidualUniqueness.over(known),
    )
    for name in plan.sensitive:
        yield from _sensitive(subject, name)
    yield from _presence(subject)


def _knowable(plan: ReleasePlan) -> tuple[str, ...]:
    """Released columns that somebody could know of a customer: all but sensitive, keyed and randomised ones."""
    hidden = {"pseudonym", "token", "noise"}
    return tuple(c.name for c in plan.columns if c.role != "sensitive" and c.transform.kind not in hidden)


def _sensitive(subject: Subject, name: str) -> Iterator[PlannedCheck]:
    from expectations.gates import anonymity as gate

    plan, wanted = subject.plan, subject.plan.anonymity
    assert wanted is not None, "only tables with a target are measured"
    l, c = wanted.l, wanted.c  # noqa: E741  # the paper's letters
    yield PlannedCheck(
        rule=f"l-diversity: every class has enough different values of column {name}",
        detail=f"needs l >= {l}",
        expectation=gate.DistinctLDiversity.over(plan.quasi, name, l),
    )
    if wanted.diversity == "entropy":
        yield PlannedCheck(
            rule=f"l-diversity: no class has a value of column {name} that prevails (entropy)",
            detail=f"needs an entropy of log {l}",
            expectation=gate.EntropyLDiversity.over(plan.quasi, name, l),
        )
    if wanted.diversity == "recursive" and c is not None:
        yield PlannedCheck(
            rule=f"l-diversity: no class has a value of column {name} that prevails (recursive)",
            detail=f"needs c = {c:g} at l = {l}",
            expectation=gate.RecursiveLDiversity.over(plan.quasi, name, l, c),
        )
    if wanted.t is not None:
        close = gate.TCloseness.ordered if wanted.distance == "ordered" else gate.TCloseness.equal
        yield PlannedCheck(
            rule=f"t-closeness: no class differs much from the table in column {name}",
            detail=f"needs t <= {wanted.t:g}, {wanted.distance} distance",
            expectation=close(plan.quasi, name, wanted.t),
        )
    if wanted.beta is not None:
        yield PlannedCheck(
            rule=f"beta-likeness: no class makes a value of column {name} much likelier than the table does",
            detail=f"needs beta <= {wanted.beta:g}",
            expectation=gate.BetaLikeness.over(plan.quasi, name, wanted.beta),
        )


def _presence(subject: Subject) -> Iterator[PlannedCheck]:
    from expectations.gates.anonymity import DeltaPresence

    plan, wanted = subject.plan, subject.plan.anonymity
    if wanted is None or wanted.presence is None:
        return
    low, high = wanted.presence
    people = subject.population
    yield PlannedCheck(
        rule="delta-presence: nobody's class says much about who is in the table",
        detail=f"needs a share of {low:g} to {high:g} of each class of the population",
        expectation=None if people is None else DeltaPresence.within(plan.quasi, people, low, high),
    )
