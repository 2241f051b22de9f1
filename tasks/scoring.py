"""Scoring: predictions of a champion for the customers of a release, part by part, encrypted."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.datasets import read, writing
from infra.engine import scrubbed as quoting
from infra.manifests import MANIFEST, latest, new_version, open_manifest
from infra.manifests import publish as publish_manifest
from infra.quiet import hushed
from infra.registry import ModelRef, Registry
from infra.storage import write_new
from models.cases.facts import unpacked
from models.values.dataset import DatasetRef, Manifest, TableEntry
from models.values.errors import PrivetError
from models.values.spec import ShopSpec
from models.values.stage import RegisteredModel, Scored, SpecRef
from tasks import resolve
from tasks.auditing import refuse_broken
from tasks.fencing import still_wanted
from tasks.freshness import made_under
from tasks.stage import scrubbed, stage
from tasks.training import case_of, tables_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from infra.settings import Settings

PARTS = "0123456789abcdef"  # customers by the first character of their pseudonym
SLICES = ("0123", "4567", "89ab", "cdef")  # of a large shop's part, by the second: what is in memory at once
LARGE = 200_000  # customers
_MODEL, _PART = "model_run", "part"


class NotChampion(PrivetError, PermissionError):
    """No model may score for the use case, or not the one that was named."""


class NoSuchRelease(PrivetError, ValueError):
    """What was named is no release."""


@stage(timeout_seconds=6 * 3600, tags={"privet"})
def score(
    pinned: SpecRef, use_case: str, released: DatasetRef | None = None, version: int | None = None
) -> Scored:
    """Predict with the champion of a use case for every customer of a release that was made for its purpose.

    A sixteenth of the customers at a time is predicted for and published; a run that was stopped goes on with the
    parts that are missing for the same release and model. Their list is published last, as one data set. Raises
    NotChampion if there is no champion, or if `version` is another model.
    """
    shop, started = resolve.spec(pinned), time.monotonic()
    with resolve.bench(f"score {use_case}", len(PARTS)) as bench:
        released = released or latest(bench.site.store, "released", shop.shop)
        made_under(bench.site, shop, released)
        work = _Work(bench, shop, use_case, released, version)
        done, resumed = work.done(), 0
        for number, part in enumerate(PARTS, 1):
            resumed += part in done
            if part not in done:
                done[part] = work.part(part)
            bench.advance(number, "customers scored")
        parts = tuple(done[part] for part in PARTS)
        return Scored(
            output=work.whole(parts),
            parts=parts,
            released=released,
            model=RegisteredModel(name=work.champion.name, version=work.champion.version, champion=True),
            rows=sum(open_manifest(bench.site.store, ref).tables[0].rows for ref in parts),
            resumed=resumed,
            seconds=round(time.monotonic() - started, 2),
        )


class _Work:
    """Scoring one release by the champion of one use case."""

    def __init__(
        self, bench: resolve.Bench, shop: ShopSpec, use_case: str, released: DatasetRef, version: int | None
    ) -> None:
        self._bench, self._shop, self._use_case, self._released = bench, shop, use_case, released
        refuse_broken(bench.site, shop, use_case)
        settings = bench.site.settings
        registry = Registry(settings.mlflow_uri, settings.mlflow_artifacts)
        self.champion = _champion(registry, f"{shop.shop}-{use_case}", version)
        with hushed():
            self._model = registry.load(self.champion)
            from models.balance.taken import as_taken
        self._facts = unpacked(registry.facts_of(self.champion))
        self._case = as_taken(case_of(shop, use_case), self._facts)
        self._tables = tables_of(bench, shop, use_case, released, resolve.SCORER, hold=False)
        self._name = f"{shop.shop}-{use_case}"
        self._slices = SLICES if shop.customers.public_bound > LARGE else (PARTS,)

    def done(self) -> dict[str, DatasetRef]:
        """The parts that were published before, of this release by this model."""
        store, found = self._bench.site.store, {}
        for key in store.list(f"scores/{self._name}-parts/"):
            if key.endswith(f"/{MANIFEST}"):
                ref = DatasetRef.parse(key.removesuffix(f"/{MANIFEST}"))
                manifest = open_manifest(store, ref)
                facts = manifest.tables[0].facts
                if manifest.parents == (self._released,) and facts[_MODEL] == self.champion.run_id:
                    found[str(facts[_PART])] = ref
        return found

    def part(self, part: str) -> DatasetRef:
        """Predict for one part of the customers and publish it."""
        import ibis
        import pyarrow as pa

        engine = self._bench.engine
        with quoting(f"scores of {self._use_case}"):
            held = [
                engine.materialise(table, f"part_{number}")
                for number, table in enumerate(_of(self._tables, part, 0))
            ]
            made = []
            for second in self._slices:
                rows = engine.materialise(self._case.features(*_of(held, second, 1)), "scoring")
                made.append(self._case.score(rows, self._model, self._facts))
            scores = engine.materialise(ibis.memtable(pa.concat_tables(made)), "scores")
        ref = self._ref("-parts")
        with writing(self._bench.site, engine, resolve.SCORER, ref) as writer:
            writer.add(self._entry({_PART: part}), scores)
            manifest = self._manifest(ref, (self._released,), tuple(writer.tables), tuple(writer.files))
            self._still_allowed()
            return publish_manifest(self._bench.site.store, manifest)

    def whole(self, parts: tuple[DatasetRef, ...]) -> DatasetRef:
        """Publish the list of all parts, which is what others read."""
        self._still_allowed()
        manifest = self._manifest(self._ref(), (self._released, *parts), (self._entry({}),), ())
        return publish_manifest(self._bench.site.store, manifest)

    def _still_allowed(self) -> None:
        """Refuse to publish for a run that was given up, or a claim that an audit broke meanwhile."""
        still_wanted()
        refuse_broken(self._bench.site, self._shop, self._use_case)

    def _ref(self, suffix: str = "") -> DatasetRef:
        return DatasetRef(zone="scores", name=f"{self._name}{suffix}", version=new_version(datetime.now(UTC)))

    def _entry(self, facts: dict[str, str]) -> TableEntry:
        return TableEntry(
            name=self._use_case,
            product="scores",
            purpose=self._shop.use_cases[self._use_case].purpose,
            columns={},
            rows=0,
            facts={_MODEL: self.champion.run_id, "model": str(self.champion), **facts},
        )

    def _manifest(self, ref: DatasetRef, parents: Any, tables: Any, files: Any) -> Manifest:
        return Manifest(
            ref=ref,
            shop=self._shop.shop,
            synthetic=self._shop.synthetic,
            created_at=datetime.now(UTC),
            policy_hash=self._shop.policy_hash(),
            parents=parents,
            tables=tables,
            files=files,
        )


def _of(tables: list[ir.Table], characters: str, place: int) -> list[ir.Table]:
    """The rows of customers whose pseudonym has one of `characters` at `place`; tables without customers are whole."""
    return [
        table.filter(table.customer_id.cast("string").substr(place, 1).isin(list(characters)))
        if "customer_id" in table.columns
        else table
        for table in tables
    ]


def _champion(registry: Registry, name: str, version: int | None) -> ModelRef:
    """The champion of `name`; NotChampion if there is none, or if another version was asked for."""
    champion = registry.champion(name)
    if champion is None:
        raise NotChampion(
            f"model {name} has no champion; train it, and see in its dossier what speaks against it"
        )
    if version is not None and version != champion.version:
        raise NotChampion(
            f"version {version} of model {name} is not its champion, which is version {champion.version}; only the "
            "champion scores"
        )
    return champion


def named(release: str | None) -> DatasetRef | None:
    """The release in `released/SHOP/VERSION`; None for none. Raises NoSuchRelease for other words."""
    if release is None:
        return None
    try:
        ref = DatasetRef.parse(release)
    except ValueError:
        ref = None
    if ref is None or ref.zone != "released":
        raise NoSuchRelease(
            f"{release!r} names no release; give released/SHOP/VERSION, as `privet status` lists them"
        )
    return ref


@scrubbed
def show(done: Scored, spec: str, settings: Settings, output: str | None, *, as_json: bool) -> None:
    """Say what a run did, and write its predictions to a plain file if one is named."""
    from infra.spec import read_spec
    from models.values.scope import disclose

    shop = read_spec(Path(spec))
    if output is not None:
        _write(done, shop, output)
    rows = disclose(done.rows, minimum=shop.minimum_count, public=shop.public_data)
    if as_json:
        print(json.dumps(done.model_dump(mode="json") | {"rows": rows, "file": output}))
        return
    print(f"model    {done.model.name} version {done.model.version} (champion)")
    print(
        f"scores   {done.output}: {rows} predictions, encrypted, {done.resumed} of {len(PARTS)} parts from before"
    )
    if output is not None:
        print(f"file     {output}: not encrypted; keep it as you keep the data")


def _write(done: Scored, shop: ShopSpec, output: str) -> None:
    """All predictions of a run as one Parquet file that only its owner can read."""
    import pyarrow as pa
    from pyarrow import parquet

    with resolve.bench("write predictions", len(done.parts)) as bench:
        tables = []
        for number, ref in enumerate(done.parts, 1):
            entry = open_manifest(bench.site.store, ref).tables[0]
            purposes = {entry.name: entry.purpose or ""}
            held = read(bench.site, bench.engine, ref, resolve.SCORER, purposes=purposes)
            with quoting(f"scores of {entry.name}"):
                tables.append(held[entry.name].to_pyarrow())
            bench.advance(number, "parts read")
        sink = pa.BufferOutputStream()
        parquet.write_table(pa.concat_tables(tables), sink)
        write_new(Path(output).resolve(), [sink.getvalue().to_pybytes()])
