"""Training: a use case fitted under its plan, its weights and run log sealed."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from infra.datasets import read
from infra.manifests import new_version
from infra.quiet import hushed
from infra.sealed import keep, recall
from models.values.dataset import DatasetRef, Manifest
from models.values.errors import PrivetError
from models.values.spec import ShopSpec
from models.values.stage import Fitted, SpecRef
from tasks import artifacts, resolve
from tasks.stage import stage

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from models.cases.case import UseCase

WEIGHTS, PLAN, LOG, LOSSES = "weights.npz", "plan.json", "log.json", "losses.json"


class UnknownCase(PrivetError, LookupError):
    """The spec names a use case that the catalog does not have."""


@stage(timeout_seconds=6 * 3600, tags={"privet", "train"})
def fit(pinned: SpecRef, use_case: str, released: DatasetRef, reservation: str) -> Fitted:
    """Train on the training customers of a release, under the plan that the reserved budget allows."""
    with hushed():
        from models.privacy.trainer import fit as fit_privately

    shop = resolve.spec(pinned)
    case = case_of(shop, use_case)
    with resolve.bench(f"train {use_case}", case.recipe.steps) as bench:
        plan = case.recipe.plan(shop.target(use_case))
        customers = case.examples(features_of(bench, shop, use_case, released), "train")
        model = case.build_model()
        with artifacts.progress(f"progress-{use_case}") as show:

            def on_step(step: int, steps: int, epsilon: float) -> None:
                spent = (
                    f"epsilon spent <= {min(epsilon, plan.target.epsilon):.2f}"  # no part exceeds the whole
                )
                bench.advance(step, spent)
                show(step / steps, f"step {step} of {steps}, {spent}")

            result = fit_privately(
                plan, model, customers, loss=case.loss, optimizer=case.optimizer(), on_step=on_step
            )
        contents = {
            WEIGHTS: _packed(model),
            PLAN: plan.model_dump_json().encode(),
            LOG: result.log.model_dump_json().encode(),
            LOSSES: repr(list(result.losses)).encode(),
        }
        output = keep_internal(bench, shop, use_case, released, contents)
        return Fitted(output=output, released=released, reservation=reservation, seconds=bench.seconds)


def case_of(shop: ShopSpec, use_case: str) -> UseCase:
    """The catalog's case of a use case in the spec."""
    from models.cases.catalog import CATALOG

    name = shop.use_cases[use_case].case
    if name not in CATALOG:
        raise UnknownCase(f"use_cases.{use_case}.case {name!r} is unknown; known are {', '.join(CATALOG)}")
    return CATALOG[name]


def features_of(bench: resolve.Bench, shop: ShopSpec, use_case: str, released: DatasetRef) -> ir.Table:
    """The features of all customers of a release, computed once on the engine, for the use case's purpose only."""
    entry, case = shop.use_cases[use_case], case_of(shop, use_case)
    purposes = dict.fromkeys(entry.tables, entry.purpose)
    tables = read(bench.site, bench.engine, released, resolve.TRAINER, tables=entry.tables, purposes=purposes)
    held = [bench.engine.materialise(tables[name], f"held_{name}") for name in case.tables]
    return bench.engine.materialise(case.features(*held), f"features_{use_case}")


def keep_internal(
    bench: resolve.Bench, shop: ShopSpec, use_case: str, released: DatasetRef, contents: dict[str, bytes]
) -> DatasetRef:
    """Seal files of a run as an internal data set."""
    ref = DatasetRef(zone="internal", name=f"{shop.shop}-{use_case}", version=new_version(bench.now))
    manifest = Manifest(
        ref=ref,
        shop=shop.shop,
        synthetic=shop.synthetic,
        created_at=bench.now,
        policy_hash=shop.digest(),
        parents=(released,),
        tables=(),
        files=(),
    )
    return keep(bench.site, resolve.TRAINER, ref, contents, manifest=manifest)


def restored(bench: resolve.Bench, case: UseCase, fitted: Fitted) -> Any:
    """The trained model of a run, from its sealed weights (arrays only, no pickles)."""
    packed = recall(bench.site, resolve.TRAINER, fitted.output, WEIGHTS)
    model = case.build_model()
    with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
        model.set_weights([arrays[name] for name in sorted(arrays.files)])
    return model


def _packed(model: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **{f"w{number:04d}": array for number, array in enumerate(model.get_weights())})
    return buffer.getvalue()
