"""The way of prepare and train, stage by stage on a tiny shop and without a server."""

from __future__ import annotations

import importlib
import os
import pickle
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.flows.crash_sets import content, published
from tests.small_spec import reduced

CUSTOMERS, STEPS, LATER_DAYS = 400, 24, 40


def make_tiny_shop(folder: Path) -> Path:
    """A few customers with orders and consents, and faulty rows for the quarantine."""
    import yaml

    from models.shop.generate import Kind, make_shop
    from models.shop.purchases import Purchases

    make_shop(folder, customers=CUSTOMERS, seed=7, purchases=Purchases.sample(), kind=Kind(dirty=0.02))
    spec = yaml.safe_load((folder / "shop.yaml").read_text())
    spec = reduced(spec, without=("order_lines", "products", "tickets", "answers", "campaign_contacts"))
    spec["releases"]["customer_profiles"]["anonymity"] = {"k": 2, "l": 1, "suppression_limit": 1.0}
    (folder / "shop.yaml").write_text(yaml.safe_dump(spec, allow_unicode=True, sort_keys=False))
    return folder / "shop.yaml"


def fault_free(folder: Path, spec: str, trains: bool) -> None:
    """One whole prepare and, if asked, train; what each stage returned is kept for the next."""
    from tasks import deidentification, gating, intake

    pinned = intake.pin.fn(spec)
    kept: dict[str, Any] = {"pinned": pinned, **_prepared(pinned)}
    kept["draft"] = deidentification.deidentify_tables.fn(pinned, kept["curated"].output)
    kept["gate"] = gating.gate.fn(pinned, kept["draft"])
    (Path(os.environ["PRIVET_HOME"]) / "reports" / _gate_page(kept["draft"])).unlink()
    kept["reservation"] = stages_of(kept)["reserve"]()
    if trains:
        kept |= _trained(kept)
    kept["tables"] = {str(ref): content(ref) for ref in published() if ref.zone != "internal"}
    kept["internal"] = {str(ref) for ref in published() if ref.zone == "internal"}
    (folder / "kept.pickle").write_bytes(pickle.dumps(kept))


def _prepared(pinned: Any) -> dict[str, Any]:
    from tasks import curation, deidentification, gating, landing, publishing

    landed = landing.land.fn(pinned)
    curated = curation.curate.fn(pinned, landed)
    draft = deidentification.deidentify_tables.fn(pinned, curated.output)
    gate = gating.gate.fn(pinned, draft)
    before = (landed, curated.contract, curated.consent)
    done = publishing.publish.fn(pinned, draft, gate, before)
    return {"landed": landed, "curated": curated, "before": before, "prepared": done}


def _trained(kept: dict[str, Any]) -> dict[str, Any]:
    """A model fitted and assessed; its evidence for three releases, of which the first is done."""
    few_steps()
    stages = stages_of(kept)
    kept["fitted"] = stages["fit"]()
    evidence = stages["assess"]()
    clear = evidence.utility.released.model_copy(update={"value": 0.9, "low": 0.8, "high": 0.95})
    utility = evidence.utility.model_copy(update={"released": clear})  # so few customers show no utility
    kept["evidence"] = [
        evidence.model_copy(update={"run": f"{evidence.run}{mark}", "utility": utility}) for mark in "abc"
    ]
    assert stages_of(kept)["release"](0).model.champion
    open_again = stages_of(kept)["reserve"]()
    kept["fitted"] = kept["fitted"].model_copy(update={"reservation": open_again})
    return kept


def few_steps() -> None:
    """The real case with fewer steps of training."""
    from dataclasses import replace

    from models.cases import catalog

    case = catalog.CATALOG["fraud"]
    catalog.CATALOG["fraud"] = replace(case, recipe=case.recipe.model_copy(update={"steps": STEPS}))


def stages_of(kept: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    """Every stage on what the fault-free run left before it."""

    def task(name: str, *args: Any) -> Any:
        module, _, function = name.rpartition(".")
        return getattr(importlib.import_module(f"tasks.{module}"), function).fn(kept["pinned"], *args)

    return {
        "land": lambda: task("landing.land"),
        "curate": lambda: task("curation.curate", kept["landed"]),
        "deidentify": lambda: task("deidentification.deidentify_tables", kept["curated"].output),
        "gate": lambda: task("gating.gate", kept["draft"]),
        "publish": lambda: task("publishing.publish", kept["draft"], kept["gate"], kept["before"]),
        "expire": lambda: task("retention.expire"),
        "reserve": lambda: task("budget.reserve", "fraud", kept["prepared"].released),
        "fit": lambda: task("training.fit", "fraud", kept["prepared"].released, kept["reservation"]),
        "assess": lambda: task("audit.assess", "fraud", kept["fitted"]),
        "release": lambda number=1: task(
            "release.publish", "fraud", kept["fitted"], kept["evidence"][number]
        ),
    }


def _gate_page(draft: Any) -> str:
    return f"gate-{draft.manifest.ref.name}-{draft.manifest.ref.version}.html"


def again(kept: dict[str, Any], stage: str) -> None:
    """What a new run does: it never takes up a dead run's draft or model, but makes its own."""
    if stage in ("gate", "publish", "deidentify"):
        stages = stages_of(kept)
        kept["draft"] = stages["deidentify"]()
        kept["gate"] = stages["gate"]()
        stages["publish"]()
    elif stage == "release":
        stages_of(kept)["release"](2)
    else:
        stages_of(kept)[stage]()


def believe(days: int) -> None:
    """Let retention believe that so many days have passed."""

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(days=days)

    from tasks import retention

    retention.datetime = Later
