"""What a stage reports: its output by reference, and counts."""

from __future__ import annotations

from pydantic import Field

from models.values.balance import Front
from models.values.base import Value
from models.values.dataset import DatasetRef, GateResult, Manifest, RuleCount
from models.values.evidence import Evidence
from models.values.risk import EpsilonAudit, Exposure


class StageReport(Value):
    """One stage of a run: rows in and out by table, rows rejected by rule, seconds."""

    stage: str
    output: DatasetRef | None = None
    rows_in: dict[str, int] = Field(default_factory=dict)
    rows_out: dict[str, int] = Field(default_factory=dict)
    rejected: tuple[RuleCount, ...] = ()
    dropped_columns: tuple[str, ...] = ()
    seconds: float


class Draft(Value):
    """A data set whose files are written but which is not published: nobody sees it yet."""

    manifest: Manifest
    parent_rows: dict[str, int]
    report: StageReport


class Curated(Value):
    """The curated data set and the reports of its two stages, contract and consent."""

    output: DatasetRef
    contract: StageReport
    consent: StageReport


class Prepared(Value):
    """A published release with all that led to it."""

    released: DatasetRef
    stages: tuple[StageReport, ...]
    gate: GateResult
    gate_page: str


class RegisteredModel(Value):
    """A version of a registered model. `champion` says whether it may be used."""

    name: str
    version: int
    champion: bool


class Trained(Value):
    """A registered model with its evidence and the way to its dossier."""

    model: RegisteredModel
    evidence: Evidence
    objections: tuple[str, ...]
    dossier: str
    seconds: float


class Scored(Value):
    """Predictions by the champion: `output` lists the `parts`; `resumed` of them were there before this run."""

    output: DatasetRef
    parts: tuple[DatasetRef, ...]
    released: DatasetRef
    model: RegisteredModel
    rows: int
    resumed: int
    seconds: float


class ShopReport(Value):
    """What one run of the main job did."""

    shop: str
    synthetic: str | None
    prepared: Prepared
    trained: tuple[Trained, ...]
    prefect_run: str
    seconds: float


class SpecRef(Value):
    """A spec as a run pinned it: a later edit of the file is noticed, not mixed in."""

    path: str
    policy_hash: str


class Fitted(Value):
    """A trained model by reference: sealed weights, plan and run log, and the budget reserved for it."""

    output: DatasetRef
    released: DatasetRef
    reservation: str
    seconds: float


class Audited(Value):
    """A charged audit: what canaries among customers showed of a run under `plan` (a digest), sealed as `output`.

    `exposures` are of the sentences that were planted in the same run, for a model of text. `withdrawn` is the model
    that is champion no more since the claim is broken.
    """

    use_case: str
    plan: str
    epsilon_charged: float
    audit: EpsilonAudit
    exposures: tuple[Exposure, ...] = ()
    output: DatasetRef
    withdrawn: RegisteredModel | None = None
    seconds: float


class SearchRef(Value):
    """A search for the balance of one use case, by reference: its data, and where its trials are recorded.

    `source` is the pinned spec of the shop on whose `released` data it runs, as `source_case`; that may be another,
    synthetic shop. `charged` is what a search on private data cost, paid before its first trial; 0 on public data.
    """

    key: str
    source: SpecRef
    source_case: str
    released: DatasetRef
    data: DatasetRef
    trials: int
    private: bool
    charged: float
    parent_run: str


class Balanced(Value):
    """The front that a search found, sealed as `output`, and the ways to its page and picture."""

    output: DatasetRef
    front: Front
    page: str
    picture: str
    seconds: float
