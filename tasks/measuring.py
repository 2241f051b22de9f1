"""Measuring: what a published table says of customers, before any transform and after, and what attacks on it find.

The numbers are internal: they stay in the table's record, and `privet explain` shows what may be shown of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from infra.engine import scrubbed
from models.anonymity.attacks import attacks, worst_join
from models.anonymity.measures import Subject, measure_all
from models.attacks.linkage import linkage
from models.values.measures import Measures
from models.values.spec import ShopSpec
from tasks import resolve

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from models.anonymity.policy import ReleasePlan

_NOT_TO_JOIN_BY = frozenset({"pseudonym", "token", "noise"})


def measured(
    bench: resolve.Bench,
    shop: ShopSpec,
    plan: ReleasePlan,
    raw: ir.Table,
    masked: ir.Table,
    published: Mapping[str, tuple[ir.Table, ReleasePlan]],
    linked: ir.Table | None = None,
) -> dict[str, Any]:
    """What the record of the table `plan.release`, the last of `published`, keeps of its measures.

    `raw`: the rows that its purpose may use; `masked`: the same after the spec's transforms, from which it was taken
    and among whose customers somebody is looked for, unless a search made it coarser; `linked`: what is known of every
    customer, in the table's form.
    """
    table = published[plan.release][0]
    joinable = {
        name: (each, [c.name for c in of.columns if c.transform.kind not in _NOT_TO_JOIN_BY])
        for name, (each, of) in published.items()
    }
    joined = worst_join(joinable, plan.release, bench.engine.rows)
    own = attacks(table, plan.quasi, plan.sensitive, bench.engine.rows)
    if linked is not None:
        own = (*own, linkage(linked, table, plan.quasi, plan.sensitive, bench.engine.rows))
    searched = plan.anonymity is not None and plan.anonymity.search != "none"
    return {
        "before": _measures(shop, plan, raw),
        "after": _measures(shop, plan, table, None if searched else masked),
        "attacks": own if joined is None else (*own, joined),
    }


def _measures(
    shop: ShopSpec,
    plan: ReleasePlan,
    table: ir.Table,
    population: ir.Table | None = None,
) -> Measures:
    subject = Subject(
        table=table,
        quasi=plan.quasi,
        sensitive=plan.sensitive,
        l=2 if plan.anonymity is None else max(2, plan.anonymity.l),
        population=population,
    )
    with scrubbed(f"measures of {plan.release}"):
        return measure_all(subject, people=shop.customers.public_bound)


def facts_of(measures: Mapping[str, Any]) -> dict[str, float | int]:
    """What the manifest says of a published table's measures: k, l, classes and how many rows were suppressed.

    k is left out where nothing is left, and l also without sensitive columns.
    """
    if not measures:
        return {}
    before, after = measures["before"], measures["after"]
    gone = before.rows - after.rows
    found = {"k": after.k, "l": min((column.l for column in after.columns), default=0)}
    return {name: least for name, least in found.items() if least} | {
        "classes": after.classes,
        "suppressed": gone,
        "suppressed_share": gone / before.rows if before.rows else 0.0,
    }
