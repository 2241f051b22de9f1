"""Registered models: every version whole, the champion with evidence, seals and dossier."""

from __future__ import annotations

from tests.flows.crash_sets import published, recalled


def check_models(wrong: list[str]) -> str:
    """Every version holds the fault-free model; the champion has its evidence, seals and dossier."""
    import numpy as np

    from infra.registry import ModelRef, Registry
    from models.values.evidence import Evidence
    from tasks import resolve

    settings = resolve.site().settings
    registry = Registry(settings.mlflow_uri, settings.mlflow_artifacts)
    models = registry.listing()
    name = "embedded-shop-fraud"
    weights = []
    for entry in models:
        version = registry._client.get_model_version(name, str(entry["version"]))
        loaded = registry.load(ModelRef(name=name, version=int(entry["version"]), run_id=str(version.run_id)))
        weights.append([np.asarray(array) for array in loaded.get_weights()])
    if not all(np.array_equal(a, b) for other in weights[1:] for a, b in zip(weights[0], other, strict=True)):
        wrong.append("a registered model differs from the fault-free one")
    champion = registry.champion(name)
    texts = [recalled(ref).get("evidence.json") for ref in published() if ref.zone == "internal"]
    evidence = {found.run: found for text in texts if text and (found := Evidence.model_validate_json(text))}
    run = next((entry["run"] for entry in models if champion and entry["version"] == champion.version), None)
    if champion is None or run not in evidence:
        wrong.append("there is no champion, or its evidence is not kept")
    elif registry.promote(champion, evidence[str(run)]):
        wrong.append("the champion's evidence speaks against it")
    if not (settings.reports_dir / f"dossier-fraud-{run}.html").read_text().rstrip().endswith("</html>"):
        wrong.append("the champion has no whole dossier")
    return ", ".join(f"{entry['version']} {entry['alias']}".strip() for entry in models)
