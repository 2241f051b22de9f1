"""The registry: trained models with their evidence, in MLflow; champion is what nothing speaks against.

MLflow's fields are read by many, so every tag, parameter and metric goes through one allow-list, and a
measure of scope internal is refused there unless the data is itself public (docs/privacy.md, rule 3). Nothing is
logged automatically, no example and no data set is stored, and models are kept as Keras files, not pickles.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.report import facts
from infra.report.card import card
from infra.report.dossier import as_json, render
from infra.report.facts import RegistryError as RegistryError
from infra.report.view import shareable
from infra.seals import Seals
from infra.served import DATA, FACTS, Service
from infra.stored import KERAS_FILE, check_inputs, check_plan, save
from infra.tracking import already_there, connect, is_file, private_files
from models.values.base import Value
from models.values.evidence import Evidence
from models.values.risk import EpsilonAudit
from models.values.secret import SecretBytes

if TYPE_CHECKING:
    import keras
    from mlflow import MlflowClient

CANDIDATE, CHAMPION = "candidate", "champion"
_SEAL = "champion_seal"


class ModelRef(Value):
    """Names one version of a registered model and the MLflow run that holds its evidence."""

    name: str
    version: int
    run_id: str

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"


class Registry:
    """Models, their evidence and the champion of each name, kept at an MLflow tracking address.

    Args:
        tracking_uri: `sqlite:///path` (a file of mode 0600), or the address of an MLflow server.
        artifacts: folder for models and dossiers (mode 0700), used with sqlite; a server has its own.
        seal: key of the seals that bind evidence and model file to their version; see Seals.
    """

    def __init__(self, tracking_uri: str, artifacts: Path, *, seal: SecretBytes | None = None) -> None:
        self._uri = tracking_uri
        self._artifacts = artifacts
        self._seals = Seals(artifacts, seal)

    def client(self) -> MlflowClient:
        """MLflow at the registry's address."""
        return self._client

    def experiment(self, name: str) -> str:
        """The identifier of the experiment `name`, made if it is new. Raises RegistryError if it was deleted."""
        location = self._artifacts.resolve().as_uri() if is_file(self._uri) else None
        client = self._client
        with already_there():
            client.create_experiment(name, artifact_location=location)
        experiment = client.get_experiment_by_name(name)
        if experiment is None or experiment.lifecycle_stage == "deleted":
            raise RegistryError(
                f"experiment {name!r} was deleted; restore it in MLflow or choose another name"
            )
        return str(experiment.experiment_id)

    def register(
        self,
        name: str,
        model: keras.Model,
        evidence: Evidence,
        plan_json: str,
        *,
        service: Service | None = None,
    ) -> ModelRef:
        """Store `model` with its evidence as a new version of `name`, with the alias `candidate`.

        The run holds the dossier as everybody may see it (dossier.html, dossier.json), and plan.json.

        Args:
            name: name of the registered model.
            model: one input of shape (batch, features), or several named inputs.
            evidence: decides the tags, the model card and the dossier.
            plan_json: the privacy plan as a JSON object without lists: a plan has none, a run log would.
            service: what MLflow needs beside the model to answer requests as they come, before any arrays are made.

        Raises:
            RegistryError: if the plan is no plan, or the model does not fit the evidence's features.
        """
        check_plan(plan_json)
        check_inputs(name, model, evidence.feature_names)
        with private_files(), tempfile.TemporaryDirectory() as folder:
            run_id = self._start(name, evidence)
            saved = Path(folder, "model")
            location, model_id = save(self._client, name, model, run_id, saved, service)
            seals = {
                "evidence_seal": self._seals.of("evidence", run_id, evidence.canonical().encode()),
                "model_seal": self._seals.of("model", run_id, (saved / KERAS_FILE).read_bytes()),
            }
            if service is not None:
                seals["facts_seal"] = self._seals.of("facts", run_id, service.facts)
            tags = facts.allowed(facts.tags(evidence) | seals, facts.TAGS)
            self._log(run_id, evidence, tags, plan_json)
            version = self._client.create_model_version(
                name, location, run_id, tags=tags, description=card(evidence), model_id=model_id
            )
            self._client.set_registered_model_alias(name, CANDIDATE, version.version)
            self._client.set_terminated(run_id)
        return ModelRef(name=name, version=int(version.version), run_id=run_id)

    def promote(
        self, ref: ModelRef, evidence: Evidence, *, standing: tuple[EpsilonAudit, ...] = ()
    ) -> tuple[str, ...]:
        """Make `ref` the champion of its name if nothing speaks against it; otherwise say what does.

        `standing` are audits of its claim besides those in its evidence, which may have come since. No other version
        stays sealed, so that MLflow cannot bring a former champion back.

        Returns:
            The objections, each in a sentence; if there is one, the champion stays as it was.

        Raises:
            RegistryError: if the registry does not hold `ref`.
        """
        version = self._version(ref)
        objections = [*evidence.objections(), *_scope_objections(evidence)]
        objections += broken_claims(standing)
        stored = version.tags.get("evidence_seal", "")
        same = self._seals.hold("evidence", ref.run_id, evidence.canonical().encode(), stored)
        if version.run_id != ref.run_id or not same:
            objections.append("the evidence is not the one that was registered with this version")
        if not objections:
            number = str(ref.version)
            seal = self._seals.of(CHAMPION, ref.run_id, str(ref).encode())
            self._client.set_model_version_tag(ref.name, number, _SEAL, seal)
            self._client.set_registered_model_alias(ref.name, CHAMPION, number)
            self._unseal(ref.name, but=number)
        return tuple(objections)

    def withdraw(self, name: str) -> ModelRef | None:
        """Take the champion's place away from whichever version of `name` has it; returns that version.

        No version of the name stays sealed, so none comes back but by `promote`.
        """
        ref = self._by_alias(name)
        if ref is not None:
            self._client.delete_registered_model_alias(name, CHAMPION)
        self._unseal(name)
        return ref

    def champion(self, name: str) -> ModelRef | None:
        """The version of `name` that may be used; None if there is none.

        Raises RegistryError if it was made champion past `promote`, by hand in MLflow.
        """
        ref = self._by_alias(name)
        if ref is None:
            return None
        stored = self._version(ref).tags.get(_SEAL, "")
        if not self._seals.hold(CHAMPION, ref.run_id, str(ref).encode(), stored):
            raise RegistryError(
                f"model {ref} was made champion by hand, past what may speak against it; train it again"
            )
        return ref

    def _unseal(self, name: str, *, but: str = "") -> None:
        """Delete the champion's seal of every version of `name`, but of the one of that number."""
        for version in self._client.search_model_versions(f"name='{name}'"):
            if _SEAL in version.tags and str(version.version) != but:
                self._client.delete_model_version_tag(name, str(version.version), _SEAL)

    def _by_alias(self, name: str) -> ModelRef | None:
        from mlflow.exceptions import MlflowException

        try:
            version = self._client.get_model_version_by_alias(name, CHAMPION)
        except MlflowException as missing:
            if missing.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise
        return ModelRef(name=name, version=int(version.version), run_id=version.run_id)

    def listing(self) -> list[dict[str, str | int]]:
        """Every version of every model: name, version, alias ("" for none) and the run that made it."""
        found: list[dict[str, str | int]] = []
        for model in self._client.search_registered_models():
            aliases = {str(number): alias for alias, number in sorted(model.aliases.items())}
            for version in self._client.search_model_versions(f"name='{model.name}'"):
                alias = aliases.get(str(version.version), "")
                run = version.tags.get("run", "")
                found.append(
                    {"name": model.name, "version": int(version.version), "alias": alias, "run": run}
                )
        return sorted(found, key=lambda entry: (str(entry["name"]), int(entry["version"])))

    def load(self, ref: ModelRef) -> keras.Model:
        """The model of `ref`, uncompiled, after its file was found to be the one that was registered.

        Raises:
            RegistryError: if the registry does not hold `ref`, or the file's seal is broken.
        """
        from keras.saving import load_model

        with self._sealed_file(ref, "model", KERAS_FILE) as path:
            return load_model(path, compile=False, safe_mode=True)

    def facts_of(self, ref: ModelRef) -> bytes:
        """The facts that `ref` was trained beside, as they were registered.

        Raises:
            RegistryError: if the registry does not hold them, or their seal is broken.
        """
        with self._sealed_file(ref, "facts", f"{DATA}/{FACTS}") as path:
            return path.read_bytes()

    @contextmanager
    def _sealed_file(self, ref: ModelRef, kind: str, file: str) -> Iterator[Path]:
        """A file of a version in a folder of its own, after it was found to be the one that was registered."""
        from mlflow.artifacts import download_artifacts
        from mlflow.exceptions import MlflowException

        version = self._version(ref)
        with private_files(), tempfile.TemporaryDirectory() as folder:
            try:
                source = f"{version.source}/{file}"
                path = Path(download_artifacts(source, dst_path=folder, tracking_uri=self._uri))
            except (MlflowException, OSError) as missing:
                raise RegistryError(f"the registry lacks {file} of model {ref}; train it again") from missing
            stored = version.tags.get(f"{kind}_seal", "")
            if not self._seals.hold(kind, ref.run_id, path.read_bytes(), stored):
                raise RegistryError(f"the file of model {ref} is not the one registered; train it again")
            yield path

    @cached_property
    def _client(self) -> MlflowClient:
        return connect(self._uri, self._artifacts)

    def _start(self, name: str, evidence: Evidence) -> str:
        experiment = self.experiment(name)
        with already_there():
            self._client.create_registered_model(name)
        return str(self._client.create_run(experiment, run_name=evidence.run).info.run_id)

    def _log(self, run_id: str, evidence: Evidence, tags: dict[str, str], plan_json: str) -> None:
        from mlflow.entities import Metric, Param, RunTag

        now = int(evidence.created_at.timestamp() * 1000)
        self._client.log_batch(
            run_id,
            metrics=[Metric(key, value, now, 0) for key, value in facts.measures(evidence).items()],
            params=[Param(key, value) for key, value in facts.params(evidence).items()],
            tags=[RunTag(key, value) for key, value in tags.items()],
        )
        self._client.log_text(run_id, render(evidence, internal=False), "dossier.html")
        self._client.log_text(run_id, as_json(evidence, internal=False), "dossier.json")
        self._client.log_text(run_id, plan_json, "plan.json")

    def _version(self, ref: ModelRef) -> Any:
        client = self._client
        from mlflow.exceptions import MlflowException

        try:
            return client.get_model_version(ref.name, str(ref.version))
        except MlflowException as missing:
            raise RegistryError(f"the registry holds no model {ref}; register it first") from missing


def broken_claims(standing: tuple[EpsilonAudit, ...]) -> tuple[str, ...]:
    """What `standing` audits say against a model, each in a sentence; empty if none is broken."""
    return tuple(f"the audit of run {each.audited} broke the claim" for each in standing if each.broken)


def _scope_objections(evidence: Evidence) -> tuple[str, ...]:
    """A champion is chosen by public or DP-released numbers only (docs/privacy.md, rule 3)."""
    decisive = {"released utility": evidence.utility.released, "baseline": evidence.utility.baseline}
    return tuple(
        f"the {name} is an internal number, which may not decide; release it under a budget"
        for name, measure in decisive.items()
        if not shareable(measure, evidence)
    )
