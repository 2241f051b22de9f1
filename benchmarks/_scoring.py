"""Scoring at size, by the champion alone; and a served model that answers questions as they come."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.claims import claim

MILLION = 1_000_000
ASKED = 100
QUESTIONS = (
    "Where is order O00001234?",
    "I want my money back.",
    "我的包裹还没到。",
    "How do I change my address?",
)
_SMALL = 20_000


def claims() -> Iterator[dict[str, object]]:
    """Both claims; the first makes, prepares and trains on a shop of a million customers."""
    with tempfile.TemporaryDirectory() as folder:
        yield _million(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        yield _served(Path(folder))


def _million(folder: Path) -> dict[str, object]:
    _python(folder, "-m", "benchmarks._scoring", "train", "fraud", str(MILLION))
    found = json.loads(_python(folder, "-m", "benchmarks._scoring", "score", "fraud"))
    return claim(
        f"score flow: {MILLION:,} customers by the champion; another version",
        asked="<= 4 GiB; refused",
        measured=found,
        holds=found["gib"] <= 4 and found["refused"],
    )


def _served(folder: Path) -> dict[str, object]:
    model = _python(folder, "-m", "benchmarks._scoring", "train", "support", str(_SMALL))
    seconds = sorted(_answered(model))
    p95 = round(float(np.quantile(seconds, 0.95)) * 1000)
    return claim(
        f"served customer service answers {ASKED} questions, 95th percentile",
        asked="<= 200 ms",
        measured={"p95_ms": p95, "median_ms": round(float(np.median(seconds)) * 1000)},
        holds=p95 <= 200,
    )


def _answered(model: str) -> list[float]:
    """Seconds of each of ASKED requests to `mlflow models serve`, after one that is not counted."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = ["mlflow", "models", "serve", "-m", model, "--env-manager", "local", "--port", str(port)]
    server = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        _wait(port)
        return [_ask(port, QUESTIONS[number % len(QUESTIONS)]) for number in range(ASKED + 1)][1:]
    finally:
        os.killpg(server.pid, 15)


def _wait(port: int) -> None:
    for _ in range(240):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5)
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.5)
        else:
            return
    raise SystemExit("the model's server did not start within two minutes")


def _ask(port: int, text: str) -> float:
    body = json.dumps({"dataframe_records": [{"text": text}]}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"}
    )
    started = time.perf_counter()
    urllib.request.urlopen(request, timeout=60).read()
    return time.perf_counter() - started


def _python(folder: Path, *arguments: str) -> str:
    """The last line that a fresh interpreter prints, whose home and shop lie in `folder`."""
    environment = os.environ | {"PRIVET_HOME": str(folder / "home"), "SCORING_SHOP": str(folder / "shop")}
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode != 0:
        raise SystemExit(done.stderr[-2000:])
    return done.stdout.strip().splitlines()[-1]


def _train(case: str, customers: int) -> str:
    """Make a shop of one use case, prepare it and train; the folder of the registered model, the champion."""
    from tasks import audit, budget, curation, deidentification, gating, intake, landing, publishing, training
    from tasks import release as releasing

    shop = Path(os.environ["SCORING_SHOP"])
    made = [sys.executable, "-m", "flows.cli", "shop", "make"]
    subprocess.run(
        [*made, "--customers", str(customers), "--out", str(shop)], check=True, capture_output=True
    )
    spec = _reduced(shop / "shop.yaml", case)
    pinned = intake.pin.fn(str(spec))
    landed = landing.land.fn(pinned)
    curated = curation.curate.fn(pinned, landed)
    draft = deidentification.deidentify_tables.fn(pinned, curated.output)
    gate = gating.gate.fn(pinned, draft)
    released = publishing.publish.fn(
        pinned, draft, gate, (landed, curated.contract, curated.consent)
    ).released
    reserved = budget.reserve.fn(pinned, case, released)
    fitted = training.fit.fn(pinned, case, released, reserved)
    trained = releasing.publish.fn(pinned, case, fitted, audit.assess.fn(pinned, case, fitted))
    if not trained.model.champion:
        raise SystemExit(f"no champion: {'; '.join(trained.objections)}")
    return _folder(trained.model.name, trained.model.version)


def _reduced(spec: Path, case: str) -> Path:
    """The spec with the releases of one use case alone."""
    written = yaml.safe_load(spec.read_text())
    written["use_cases"] = {case: written["use_cases"][case]}
    needed = written["use_cases"][case]["tables"]
    written["releases"] = {name: written["releases"][name] for name in needed}
    spec.write_text(yaml.safe_dump(written, allow_unicode=True, sort_keys=False))
    return spec


def _folder(name: str, version: int) -> str:
    from mlflow import MlflowClient

    from infra.settings import Settings

    client = MlflowClient(Settings.load().mlflow_uri)
    return str(client.get_model_version(name, str(version)).source)


def _score(case: str) -> dict[str, Any]:
    """Score every customer of the release; and say whether a version that is not the champion was refused."""
    from tasks import intake, scoring

    pinned, started = intake.pin.fn(str(Path(os.environ["SCORING_SHOP"], "shop.yaml"))), time.perf_counter()
    done = scoring.score.fn(pinned, case)
    seconds = time.perf_counter() - started
    gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    try:
        scoring.score.fn(pinned, case, None, done.model.version + 1)
    except scoring.NotChampion:
        refused = True
    else:
        refused = False
    return {"predictions": done.rows, "seconds": round(seconds, 1), "gib": round(gib, 2), "refused": refused}


if __name__ == "__main__":
    from infra.settings import Settings
    from tasks.operate import prepare_environment

    prepare_environment(Settings.load())
    if sys.argv[1] == "train":
        print(_train(sys.argv[2], int(sys.argv[3])))
    else:
        print(json.dumps(_score(sys.argv[2])))
