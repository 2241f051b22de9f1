"""Trials: the data of a search, and one training on it with what came of it."""

from __future__ import annotations

import io
import math
import time
from typing import TYPE_CHECKING, NamedTuple

from infra.manifests import NoSuchDataset, latest
from infra.sealed import recall
from models.cases.facts import packed, unpacked
from models.values.balance import Point
from models.values.scope import Measure
from models.values.spec import ShopSpec
from models.values.stage import SearchRef
from models.values.target import PrivacyTarget
from tasks import resolve
from tasks.attacking import SEED, twin_of
from tasks.ruling import Ruled, ruled
from tasks.training import Restored, case_of, facts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis.expr.types as ir

    from infra.site import Site
    from models.cases.case import Facts, UseCase
    from models.privacy.examples import CustomerExamples
    from models.values.balance import Number
    from models.values.dataset import DatasetRef

ROWS, PUBLIC = "rows.arrow", "public.npz"
A_SECOND = 10_000  # customers of a batch; how long a private training really takes tells how many customers there are


class Material(NamedTuple):
    """What every trial of a search starts from: the features of all customers, and public facts.

    `shop` is whose data it is. Its trainings aim at up to the `epsilon` of the shop that searches, and are `ruled` by
    what that shop says.
    """

    shop: ShopSpec
    use_case: str
    rows: ir.Table
    public: Facts
    epsilon: float
    ruled: Ruled

    @property
    def case(self) -> UseCase:
        """The catalog's case."""
        return case_of(self.shop, self.use_case)

    @property
    def target(self) -> PrivacyTarget:
        """The target for the customers whose data it is."""
        return self.shop.target(self.use_case).model_copy(update={"epsilon": self.epsilon})


def as_files(rows: ir.Table, public: Facts) -> dict[str, bytes]:
    """The material of a search as files to be sealed."""
    import pyarrow as pa

    table, buffer = rows.to_pyarrow(), io.BytesIO()
    with pa.ipc.new_file(buffer, table.schema) as writer:
        writer.write_table(table)
    return {ROWS: buffer.getvalue(), PUBLIC: packed(public)}


def material(bench: resolve.Bench, search: SearchRef, shop: ShopSpec, use_case: str) -> Material:
    """The material of a search for a use case of `shop`, unsealed into the engine."""
    import ibis
    import pyarrow as pa

    contents = recall(bench.site, resolve.TRAINER, search.data, ROWS)
    table = pa.ipc.open_file(io.BytesIO(contents)).read_all()
    return Material(
        shop=resolve.spec(search.source),
        use_case=search.source_case,
        rows=bench.engine.materialise(ibis.memtable(table), "searched"),
        public=unpacked(recall(bench.site, resolve.TRAINER, search.data, PUBLIC)),
        epsilon=shop.target(use_case).epsilon,
        ruled=ruled(bench.site, shop, use_case, newest_release(bench.site, shop) or search.released),
    )


def newest_release(site: Site, shop: ShopSpec) -> DatasetRef | None:
    """The newest release of a shop's data; None if there is none yet."""
    try:
        return latest(site.store, "released", shop.shop)
    except NoSuchDataset:
        return None


def floor_of(given: Material) -> float:
    """What a model that looks at nothing reaches at least: public, so that fronts can be measured from it."""
    chance = given.case.metrics[0].chance
    return 0.0 if chance is None else chance.value


def trained(
    bench: resolve.Bench,
    given: Material,
    search: SearchRef,
    choices: Mapping[str, Number],
    *,
    number: int,
) -> Point:
    """One training with `choices`, and its point.

    On private data the utility is the released one, risk and advantage what the accountant bounds, and the seconds
    follow from the plan, since what attacks find there and how long it takes may not decide anything without a charge.
    """
    from models.balance.space import aimed, variant
    from models.balance.taken import noted
    from models.privacy.bits import advantage_at_most, as_measure, upper_bits_planned
    from models.privacy.trainer import fit

    case, started = variant(given.case, choices), time.perf_counter()
    plan = case.plan(aimed(given.target, choices))
    facts = facts_of(case, plan, given.public, given.rows)[0] | noted(choices)
    model, parts = case.build_model(facts), _parts(case, given, facts)
    fit(
        plan,
        model,
        parts["train"],
        loss=case.loss,
        optimizer=case.optimizer(),
        tables=case.embedding_tables(model),
    )
    seconds, upper = time.perf_counter() - started, upper_bits_planned(plan)
    made, metric = Restored(case, model, facts), case.metrics[0]
    said = case.outputs(model, parts["test"], facts)
    if search.private:
        utility = metric.released(said, parts["test"], epsilon=plan.target.epsilon, delta=plan.target.delta)
        risk, advantage = as_measure(upper), advantage_at_most(upper)
        seconds = plan.steps * plan.expected_batch / A_SECOND
    else:
        utility = metric.exact(said, parts["test"], seed=SEED)
        risk, advantage = _attacked(made, parts, upper)
    unmet, broken = given.ruled(plan.epsilon)
    return Point(
        number=number,
        choices=dict(choices),
        utility=utility,
        risk=risk,
        advantage=advantage,
        upper_bits=upper,
        epsilon=plan.epsilon,
        unmet=unmet,
        broken=broken,
        seconds=round(seconds, 2),
    )


def measured_twin(given: Material, search: SearchRef) -> tuple[Measure | None, Measure | None]:
    """Utility of the training without privacy and the bits that it leaks; on private data it is not trained."""
    if search.private:
        return None, None
    facts = facts_of(given.case, given.case.plan(given.target), given.public, given.rows)[0]
    parts = _parts(given.case, given, facts)
    made = Restored(given.case, given.case.build_model(facts), facts)
    made = made._replace(model=twin_of(made, parts["train"], seed=SEED))
    said = given.case.outputs(made.model, parts["test"], facts)
    utility = given.case.metrics[0].exact(said, parts["test"], seed=SEED)
    return utility, _attacked(made, parts, math.inf)[0]


def _attacked(made: Restored, parts: Mapping[str, CustomerExamples], upper: float) -> tuple[Measure, Measure]:
    """What quick attacks find: bits about a customer, and the advantage of telling members from others."""
    from models.attacks.leakage import leakages
    from models.attacks.membership import equal_sample
    from models.attacks.references import attack_members
    from models.values.risk import Risk

    case, model, facts = made
    members, others = equal_sample(parts["train"], parts["holdout"], seed=SEED)
    found = attack_members(model, members, others, loss=case.loss, fit=None, seconds=0.0, seed=SEED)
    leaks = leakages(case, model, members, others, facts=facts, upper=upper, seed=SEED, memberships=found)
    advantage = Risk(upper_bits=0.0, memberships=found).advantage
    assert advantage is not None, "the loss threshold was tried on all"
    return leaks[-1].bits, advantage


def _parts(case: UseCase, given: Material, facts: Facts) -> dict[str, CustomerExamples]:
    return {part: case.examples(given.rows, part, facts) for part in ("train", "test", "holdout")}
