"""A look at a home in which something was killed: what is published, registered, spent and logged, and if it is whole.

Usage: killed_look.py [models]; prints one JSON object. Runs in a process of its own with PRIVET_HOME set.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any

from tests.flows.crash_sets import content, published, recalled


def look(*, models: bool) -> dict[str, Any]:
    """Reference -> content of every published data set; entries of ledger and log; what is wrong."""
    from infra.auditlog import verify
    from infra.manifests import open_manifest, verify_files
    from models.values.errors import PrivetError
    from tasks import resolve

    site, wrong = resolve.site(), []
    log = verify(site.settings.audit_path)
    if not log.ok:
        wrong.append(f"the log is broken: {log.reason}")
    sets: dict[str, Any] = {}
    for ref in published():
        try:
            verify_files(site.store, open_manifest(site.store, ref))
            sets[str(ref)] = sorted(recalled(ref)) if ref.zone == "internal" else content(ref)
        except PrivetError as error:
            wrong.append(f"{ref.zone} is visible and broken: {error}")
    entries = {entry.id: entry.committed for entry in site.ledger.entries("embedded-shop/customers")}
    found = {"sets": sets, "ledger": entries, "log": log.entries, "wrong": wrong}
    return found | {"models": _models(wrong)} if models else found


def _models(wrong: list[str]) -> list[str]:
    """Every version is a model that was trained and sealed here; the champion has its evidence and dossier."""
    import numpy as np

    from infra.registry import ModelRef, Registry
    from models.values.evidence import Evidence
    from tasks import resolve

    settings, name = resolve.site().settings, "embedded-shop-fraud"
    registry = Registry(settings.mlflow_uri, settings.mlflow_artifacts)
    files = [recalled(ref) for ref in published() if ref.zone == "internal"]
    sealed = [_arrays(found["weights.npz"]) for found in files if "weights.npz" in found]
    told = {Evidence.model_validate_json(f["evidence.json"]).run for f in files if "evidence.json" in f}
    listing = registry.listing()
    for entry in listing:
        version = registry._client.get_model_version(name, str(entry["version"]))
        loaded = registry.load(ModelRef(name=name, version=int(entry["version"]), run_id=str(version.run_id)))
        weights = [np.asarray(array) for array in loaded.get_weights()]
        if not any(all(map(np.array_equal, weights, arrays)) for arrays in sealed):
            wrong.append(f"version {entry['version']} is none of the trained models")
        if entry["alias"] == "champion":
            page = settings.reports_dir / f"dossier-fraud-{entry['run']}.html"
            if entry["run"] not in told or not page.read_text().rstrip().endswith("</html>"):
                wrong.append("the champion lacks its evidence or a whole dossier")
    return [f"{entry['version']} {entry['alias']}".strip() for entry in listing]


def _arrays(packed: bytes) -> list[Any]:
    import numpy as np

    with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
        return [arrays[name] for name in sorted(arrays.files)]


if __name__ == "__main__":
    print(json.dumps(look(models="models" in sys.argv)))
