"""Served models: what MLflow loads, so that a model takes requests as they come and answers in words.

`mlflow models serve` reads the folder of a model: its Keras file, the facts that it was trained beside, and the name of
its case, whose code makes arrays of a request. Nothing in the folder is a pickle, and no code is read from it.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.engine_session import passing
from models.cases.facts import unpacked
from models.values.base import Value
from models.values.errors import PrivetError

if TYPE_CHECKING:
    import pandas as pd

DATA, MODEL, FACTS, CASE = "data", "model.keras", "facts.npz", "case.json"
_SPEC = "MLmodel"
_ONE_AT_A_TIME = threading.Lock()  # requests share Ibis' own session


class ServiceError(PrivetError, ValueError):
    """A request that a model cannot answer, or a model that is not served."""


class Service(Value):
    """What a model is served by: the catalog's `case`, and the `facts` (an .npz file) that it was trained beside."""

    case: str
    facts: bytes


def serve(folder: Path, service: Service) -> None:
    """Make the saved model in `folder` answer requests of its case's own columns by `_load_pyfunc`."""
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema

    from models.cases.catalog import CATALOG

    (folder / DATA / FACTS).write_bytes(service.facts)
    (folder / DATA / CASE).write_text(json.dumps({"case": service.case}))
    described = Model.load(str(folder))
    described.flavors["python_function"] |= {"loader_module": __name__, "data": DATA}
    request = CATALOG[service.case].request
    described.signature = ModelSignature(Schema([ColSpec(kind, name) for name, kind in request.items()]))
    described.save(str(folder / _SPEC))


class Served:
    """A model that answers: MLflow calls `predict` with a frame of the request's columns."""

    def __init__(self, case: Any, model: Any, facts: dict[str, Any]) -> None:
        self._case, self._model, self._facts = case, model, facts

    def predict(self, frame: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """The answers, a row each; ServiceError for a request without the columns of the case."""
        del params
        if missing := [name for name in self._case.request if name not in frame.columns]:
            raise ServiceError(
                f"the request lacks column {missing[0]!r}; it takes {', '.join(self._case.request)}"
            )
        import ibis

        with _ONE_AT_A_TIME, passing(ibis.get_backend()):
            answers: pd.DataFrame = self._case.answer(frame, self._model, self._facts)
        return answers


def _load_pyfunc(path: str) -> Served:
    """What MLflow calls with the folder `DATA`."""
    from keras.saving import load_model

    from models.balance.taken import as_taken
    from models.cases.catalog import CATALOG

    folder = Path(path)
    case = CATALOG[json.loads((folder / CASE).read_text())["case"]]
    facts = unpacked((folder / FACTS).read_bytes())
    return Served(as_taken(case, facts), load_model(folder / MODEL, compile=False, safe_mode=True), facts)
