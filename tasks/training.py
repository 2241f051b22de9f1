"""Training: a use case fitted under its plan, its weights and run log sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from infra.access import Principal
from infra.datasets import read
from infra.quiet import hushed
from infra.sealed import recall
from models.cases.facts import packed, unpacked
from models.values.dataset import DatasetRef
from models.values.errors import PrivetError
from models.values.spec import ShopSpec
from models.values.stage import Fitted, SpecRef
from models.values.target import PrivacyTarget
from tasks import artifacts, resolve
from tasks.budget import account
from tasks.choosing import paid, taken
from tasks.sealing import keep_internal, named
from tasks.stage import stage

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from models.cases.case import Facts, UseCase
    from models.privacy.plan import PrivacyPlan
    from models.privacy.runlog import StatisticLog
    from models.values.balance import Number

WEIGHTS, FACTS = "weights.npz", "facts.npz"
PLAN, LOG, LOSSES = "plan.json", "log.json", "losses.json"


class UnknownCase(PrivetError, LookupError):
    """The spec names a use case that the catalog does not have."""


@stage(timeout_seconds=6 * 3600, tags={"privet", "train"})
def fit(pinned: SpecRef, use_case: str, released: DatasetRef, reservation: str) -> Fitted:
    """Train on the training customers of a release, under the plan that the reserved budget allows."""
    with hushed():
        from models.balance.space import variant
        from models.balance.taken import noted
        from models.privacy.trainer import fit as fit_privately

    shop = resolve.spec(pinned)
    case = case_of(shop, use_case)
    with resolve.bench(f"train {use_case}", case.recipe.steps) as bench:
        chosen = paid(bench.site, account(shop), reservation, taken(bench.site, shop, use_case))
        case = variant(case, chosen.choices)
        plan = case.plan(chosen.target)
        held = tables_of(bench, shop, use_case, released)
        rows = bench.engine.materialise(case.features(*held), f"features_{use_case}")
        facts, statistics = facts_of(case, plan, case.facts(*held), rows)
        facts |= noted(chosen.choices)
        model = case.build_model(facts)
        with artifacts.progress(f"progress-{use_case}") as show:

            def on_step(step: int, steps: int, epsilon: float) -> None:
                spent = (
                    f"epsilon spent <= {min(epsilon, plan.target.epsilon):.2f}"  # no part exceeds the whole
                )
                bench.advance(step, spent)
                show(step / steps, f"step {step} of {steps}, {spent}")

            result = fit_privately(
                plan,
                model,
                case.examples(rows, "train", facts),
                loss=case.loss,
                optimizer=case.optimizer(),
                tables=case.embedding_tables(model),
                on_step=on_step,
            ).beside(statistics)
        contents = {
            WEIGHTS: packed({f"w{number:04d}": held for number, held in enumerate(model.get_weights())}),
            FACTS: packed(facts),
            PLAN: plan.model_dump_json().encode(),
            LOG: result.log.model_dump_json().encode(),
            LOSSES: repr(list(result.losses)).encode(),
        }
        output = keep_internal(bench, shop, named(bench, shop, use_case), contents, released)
        return Fitted(output=output, released=released, reservation=reservation, seconds=bench.seconds)


def case_of(shop: ShopSpec, use_case: str) -> UseCase:
    """The catalog's case of a use case in the spec."""
    from models.cases.catalog import CATALOG

    name = shop.use_cases[use_case].case
    if name not in CATALOG:
        raise UnknownCase(f"use_cases.{use_case}.case {name!r} is unknown; known are {', '.join(CATALOG)}")
    return CATALOG[name]


def tables_of(
    bench: resolve.Bench,
    shop: ShopSpec,
    use_case: str,
    released: DatasetRef,
    principal: Principal = resolve.TRAINER,
    *,
    hold: bool = True,
) -> list[ir.Table]:
    """The released tables of a use case in the order in which the case takes them, for its purpose only.

    With `hold` they are decrypted once, into work tables; otherwise wherever they are read.
    """
    entry, case = shop.use_cases[use_case], case_of(shop, use_case)
    purposes = dict.fromkeys(entry.tables, entry.purpose)
    tables = read(bench.site, bench.engine, released, principal, tables=entry.tables, purposes=purposes)
    if not hold:
        return [tables[name] for name in case.tables]
    return [bench.engine.materialise(tables[name], f"held_{name}") for name in case.tables]


def facts_of(
    case: UseCase, plan: PrivacyPlan, public: Facts, rows: ir.Table
) -> tuple[Facts, tuple[StatisticLog, ...]]:
    """The public facts of a case, with its statistics of the training customers released by the plan."""
    from models.privacy.statistics import noised_sum

    facts, logs = dict(public), []
    train = rows.filter(rows.part == "train")
    for statistic in case.statistics:
        given = statistic.contributions(train, facts)
        noise = plan.statistics[statistic.name]
        facts[statistic.name], log = noised_sum(given, name=statistic.name, noise_multiplier=noise)
        logs.append(log)
    return facts, tuple(logs)


def choices_of(made: Restored, target: PrivacyTarget) -> dict[str, Number]:
    """All public choices of a training: the case's own where nothing else was taken."""
    from models.balance.space import space_of
    from models.balance.taken import choices_in

    return {**space_of(made.case, target).default, **choices_in(made.facts), "epsilon": target.epsilon}


class Restored(NamedTuple):
    """A trained model from its sealed weights, the case as it was trained, and the facts beside which it was."""

    case: UseCase
    model: Any
    facts: Facts


def restored(bench: resolve.Bench, shop: ShopSpec, use_case: str, fitted: Fitted) -> Restored:
    """The trained model of a run."""
    from models.balance.taken import as_taken

    weights, facts = (
        unpacked(recall(bench.site, resolve.TRAINER, fitted.output, name)) for name in (WEIGHTS, FACTS)
    )
    case = as_taken(case_of(shop, use_case), facts)
    model = case.build_model(facts)
    model.set_weights([weights[name] for name in sorted(weights)])
    return Restored(case, model, facts)
