"""The registry: what it keeps, what it refuses, and who becomes champion."""

from __future__ import annotations

import stat
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infra.registry import ModelRef, Registry, RegistryError
from infra.report import facts
from models.values.evidence import Evidence
from tests.infra.report import evidence_sample as sample

PLAN = '{"steps": 800, "sampler": "poisson", "target": {"epsilon": 3.0}}'
SAFE = sample.evidence(synthetic=sample.LABEL)


def small_model(bias: float = 0.25) -> Any:
    import keras

    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, "relu"), keras.layers.Dense(1)])
    model.set_weights([np.full(weight.shape, bias, "float32") for weight in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="module")
def registry(home: Path) -> Registry:
    return Registry(f"sqlite:///{home / 'mlflow.db'}", home / "artifacts")


@pytest.fixture(scope="module")
def private(registry: Registry) -> tuple[ModelRef, Evidence]:
    evidence = sample.evidence()
    return registry.register("private", small_model(), evidence, PLAN), evidence


@pytest.fixture(scope="module")
def champion(registry: Registry) -> ModelRef:
    ref = registry.register("contested", small_model(), SAFE, PLAN)
    assert registry.promote(ref, SAFE) == ()
    return ref


def test_no_champion_before_a_promotion(registry: Registry, private: tuple[ModelRef, Evidence]) -> None:
    assert registry.champion("private") is None
    assert registry.champion("never-heard-of") is None


def test_the_candidate_is_what_was_registered_last(
    registry: Registry, private: tuple[ModelRef, Evidence]
) -> None:
    version = registry._client.get_model_version_by_alias("private", "candidate")
    assert (int(version.version), version.run_id) == (private[0].version, private[0].run_id)


def test_a_reloaded_model_predicts_the_same(registry: Registry, private: tuple[ModelRef, Evidence]) -> None:
    rows = np.linspace(-1, 1, 20, dtype="float32").reshape(4, 5)
    assert np.array_equal(registry.load(private[0])(rows), small_model()(rows))


def test_a_model_of_several_inputs_names_them(registry: Registry) -> None:
    import keras

    items, times = keras.Input((None,), dtype="int32", name="items"), keras.Input((3,), name="times")
    pooled = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(7, 3)(items))
    model = keras.Model(
        {"items": items, "times": times}, keras.layers.Dense(1)(keras.layers.Add()([pooled, times]))
    )
    ref = registry.register("several", model, sample.evidence(feature_names=("times", "items")), PLAN)
    given = {"items": np.array([[1, 2]], "int32"), "times": np.ones((1, 3), "float32")}
    assert np.array_equal(registry.load(ref)(given), model(given))
    with pytest.raises(RegistryError, match=r"takes items, times of shape .* names 2 features"):
        registry.register("several", model, sample.evidence(feature_names=("times", "item")), PLAN)


def test_no_internal_number_of_a_private_shop_is_in_any_byte(tmp_path: Path) -> None:
    evidence = sample.evidence()
    alone = Registry(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "artifacts")
    ref = alone.register("fraud", small_model(), evidence, PLAN)
    alone.promote(ref, evidence)
    kept = b"".join(_contents(path) for path in tmp_path.rglob("*") if path.is_file())
    inside = (
        evidence.audit.epsilon_low,
        evidence.audit.auc.value,
        evidence.utility.exact.value,
        0.73191,
        0.66173,
    )
    words = [word.encode() for word in (*sample.LONG_TAINT, *sample.TAINT_MORE)]
    assert b"2.8731" in kept  # the search sees what is there
    assert struct.pack(">d", 2.8731) in kept
    assert not [word for word in words if word in kept]
    assert not [number for number in inside if struct.pack(">d", number) in kept]
    assert evidence.digest().encode() not in kept


def _contents(path: Path) -> bytes:
    if path.suffix != ".keras":
        return path.read_bytes()
    with zipfile.ZipFile(path) as file:
        return b"".join(file.read(name) for name in file.namelist())


def _artifacts(home: Path, ref: ModelRef) -> list[Path]:
    return [path for path in (home / "artifacts" / ref.run_id).rglob("*") if path.is_file()]


def test_dossier_and_plan_lie_with_the_run(home: Path, private: tuple[ModelRef, Evidence]) -> None:
    names = {path.name for path in _artifacts(home, private[0])}
    assert names == {"dossier.html", "dossier.json", "plan.json"}


def test_the_model_folder_holds_no_pickle(home: Path, private: tuple[ModelRef, Evidence]) -> None:
    files = [path for path in (home / "artifacts" / "models").rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert "model.keras" in names
    assert not {path.suffix for path in files} & {".pkl", ".pickle", ".joblib", ".npy", ".cloudpickle", ".pt"}
    assert not any(path.read_bytes().startswith(b"\x80") for path in files)
    for path in files:
        if path.suffix == ".keras":
            assert set(zipfile.ZipFile(path).namelist()) == {
                "metadata.json",
                "config.json",
                "model.weights.h5",
            }
    assert not any("example" in name for name in names)
    assert "keras==" in next(path for path in files if path.name == "requirements.txt").read_text()


def test_files_are_the_owners_alone(home: Path, private: tuple[ModelRef, Evidence]) -> None:
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in home.rglob("*")}
    assert not {path for path, mode in modes.items() if mode & 0o077}


def test_the_card_starts_with_a_plain_sentence(
    registry: Registry, private: tuple[ModelRef, Evidence]
) -> None:
    version = registry._version(private[0])
    assert version.description.startswith("Privately trained fraud model of Nordlicht, epsilon 2.88")
    assert version.tags["gate"] == "passed"
    assert set(version.tags) <= facts.TAGS


FAILING: dict[str, Callable[[], dict[str, Any]]] = {
    "the gate did not pass": lambda: {"gate": sample.gate(passed=False)},
    "the run log differs from the plan": lambda: {"run_log_matches_plan": False},
    "the claimed epsilon is above the target": lambda: {"claim": sample.claim(epsilon=3.2)},
    "the audit proves more leakage than claimed": lambda: {"audit": sample.audit(epsilon_low=2.9)},
    "the utility is not clearly above the baseline": lambda: {
        "utility": sample.utility(released=sample.measure("auc", 0.505, "dp_released", "noisy"))
    },
    "the budget was not committed": lambda: {"budget_committed": False},
    "the released utility is an internal number": lambda: {
        "synthetic": None,
        "utility": sample.utility(released=sample.measure("auc", 0.7, "internal", "exact")),
    },
    "the baseline is an internal number": lambda: {
        "synthetic": None,
        "utility": sample.utility(baseline=sample.measure("auc", 0.5, "internal", "of the data")),
    },
}


@pytest.mark.parametrize("objection", FAILING)
def test_an_objection_keeps_the_champion_where_it_was(
    registry: Registry, champion: ModelRef, objection: str
) -> None:
    worse = sample.evidence(**({"synthetic": sample.LABEL} | FAILING[objection]()))
    ref = registry.register("contested", small_model(), worse, PLAN)
    found = registry.promote(ref, worse)
    assert len(found) == 1
    assert found[0].startswith(objection)
    assert registry.champion("contested") == champion


def _sealed(registry: Registry, name: str) -> set[int]:
    found = registry.client().search_model_versions(f"name='{name}'")
    return {int(version.version) for version in found if "champion_seal" in version.tags}


def test_a_former_champion_comes_back_by_no_alias(registry: Registry) -> None:
    """Moved by hand in MLflow to a version that was champion once; after `promote` and after `withdraw`."""
    first, second = (registry.register("former", small_model(), SAFE, PLAN) for _ in range(2))
    assert registry.promote(first, SAFE) == registry.promote(second, SAFE) == ()
    assert _sealed(registry, "former") == {second.version}
    registry.client().set_registered_model_alias("former", "champion", str(first.version))
    with pytest.raises(RegistryError, match="was made champion by hand"):
        registry.champion("former")
    assert registry.withdraw("former") == first  # who has the place, by whatever way
    assert _sealed(registry, "former") == set()
    for ref in (first, second):
        registry.client().set_registered_model_alias("former", "champion", str(ref.version))
        with pytest.raises(RegistryError, match="was made champion by hand"):
            registry.champion("former")


def test_seals_go_where_no_version_is_champion(registry: Registry) -> None:
    ref = registry.register("unsealed", small_model(), SAFE, PLAN)
    assert registry.promote(ref, SAFE) == ()
    registry.client().delete_registered_model_alias("unsealed", "champion")
    assert registry.withdraw("unsealed") is None
    assert _sealed(registry, "unsealed") == set()
    assert registry.withdraw("never-heard-of") is None


def test_better_evidence_than_registered_is_refused(registry: Registry, champion: ModelRef) -> None:
    worse = sample.evidence(synthetic=sample.LABEL, budget_committed=False)
    ref = registry.register("contested", small_model(), worse, PLAN)
    found = registry.promote(ref, SAFE)
    assert found == ("the evidence is not the one that was registered with this version",)
    assert registry.champion("contested") == champion


def test_evidence_of_another_version_is_refused(registry: Registry, champion: ModelRef) -> None:
    ref = registry.register("contested", small_model(), SAFE, PLAN)
    mixed = ModelRef(name=ref.name, version=ref.version, run_id=champion.run_id)
    assert registry.promote(mixed, SAFE) != ()
    assert registry.champion("contested") == champion


def test_a_missing_version_is_named(registry: Registry, champion: ModelRef) -> None:
    ghost = ModelRef(name="contested", version=999, run_id=champion.run_id)
    for ask in (lambda: registry.load(ghost), lambda: registry.promote(ghost, SAFE)):
        with pytest.raises(RegistryError, match="holds no model contested/999"):
            ask()


def test_an_exchanged_model_file_is_not_loaded(registry: Registry, home: Path) -> None:
    ref = registry.register("exchanged", small_model(), SAFE, PLAN)
    source = registry._version(ref).source.removeprefix("file://")
    small_model(bias=0.5).save(f"{source}/data/model.keras")
    with pytest.raises(RegistryError, match="not the one registered"):
        registry.load(ref)


@pytest.mark.parametrize(
    ("plan", "rule"),
    [("no json", "no JSON"), ("[1]", "without lists"), ('{"sampled": [61, 70]}', "without lists")],
)
def test_what_is_no_plan_is_refused(registry: Registry, plan: str, rule: str) -> None:
    with pytest.raises(RegistryError, match=rule):
        registry.register("planless", small_model(), SAFE, plan)


def test_a_model_with_other_features_is_refused(registry: Registry) -> None:
    fewer = sample.evidence(feature_names=("amount_30d",))
    with pytest.raises(RegistryError, match="evidence names 1 features"):
        registry.register("narrow", small_model(), fewer, PLAN)


def test_two_registrations_at_once_make_two_versions(registry: Registry, home: Path) -> None:
    twin = Registry(f"sqlite:///{home / 'mlflow.db'}", home / "artifacts")
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(each.register, "crowded", small_model(), SAFE, PLAN) for each in (registry, twin)]
        refs = [job.result() for job in jobs]
    assert {ref.version for ref in refs} == {1, 2}
    assert all(twin.promote(ref, SAFE) == () for ref in refs)  # both know the same seal


def test_importing_the_registry_loads_nothing_heavy() -> None:
    code = "import sys, infra.registry; print({'mlflow', 'tensorflow', 'keras', 'jinja2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
