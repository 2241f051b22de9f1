"""Gating: nothing is published unless Great Expectations passed it, on the very bytes that would be published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from expectations.gates.gate import Known, identifying_columns, run_gate
from expectations.gates.page import render
from infra.datasets import discarded_on_failure, read
from infra.engine import scrubbed
from infra.engine_judge import judge_of
from infra.manifests import NoSuchDataset, open_manifest
from infra.storage import write_new
from models.anonymity.policy import plan_release
from models.anonymity.published import population_of
from models.values.dataset import DatasetRef, GateResult, Manifest
from models.values.errors import PrivetError
from models.values.spec import ShopSpec
from models.values.stage import Draft, SpecRef
from tasks import resolve
from tasks.artifacts import plain, publish_markdown
from tasks.comparing import compared
from tasks.stage import stage

if TYPE_CHECKING:
    import ibis.expr.types as ir


class GateFailed(PrivetError, ValueError):
    """The gate did not pass; nothing was published and the previous release is untouched."""


@stage(timeout_seconds=3600, tags={"privet"})
def gate(pinned: SpecRef, draft: Draft) -> GateResult:
    """Read the draft's files back, check them, and write the gate's page; a failed gate discards the draft."""
    with discarded_unless_done(draft.manifest), resolve.prepare_bench("gate", 3) as bench:
        shop = resolve.spec(pinned)
        bench.advance(1, "reading the written files back")
        result = _checked(bench, shop, draft)
        page = _page(bench, shop, draft.manifest, result)
        publish_markdown("gate", _markdown(result), f"gate of {draft.manifest.ref}")
        if not result.passed:
            raise GateFailed(_refusal(result, page))
        return result


@contextmanager
def discarded_unless_done(manifest: Manifest) -> Iterator[None]:
    """Remove a draft's files and keys if the work inside the block fails; a published data set is never removed."""
    with discarded_on_failure(resolve.site(), manifest.ref, manifest.files, resolve.PREPARER):
        yield


def page_path(site_reports: str, ref: DatasetRef) -> str:
    """Where the gate's page of a release lies."""
    return f"{site_reports}/gate-{ref.name}-{ref.version}.html"


def _checked(bench: resolve.Bench, shop: ShopSpec, draft: Draft) -> GateResult:
    purposes = {name: release.purpose for name, release in shop.releases.items()}
    published = read(bench.site, bench.engine, draft.manifest, resolve.GATEKEEPER, purposes=purposes)
    suppressed = {
        table.name: int(table.facts["suppressed"])
        for table in draft.manifest.tables
        if "suppressed" in table.facts
    }
    raw = _raw_tables(bench, shop, draft)
    known = Known(
        parent_rows=draft.parent_rows,
        suppressed_rows=suppressed,
        raw_identifiers=_raw_identifiers(bench, shop, raw),
        raw_tables={name: raw[release.table].get_name() for name, release in shop.releases.items()},
        populations=_populations(bench, shop, raw, draft.manifest),
        public_tables={name: table.get_name() for name, table in raw.items() if shop.tables[name].public},
        age_days=_age_days(bench, draft.manifest),
    )
    views = {name: table.get_name() for name, table in published.items()}
    judged = run_gate(judge_of(bench.engine), views, shop, known)
    beside = compared(bench, shop, draft.manifest, published)
    return GateResult(checks=(*judged.checks, *beside))


def _raw_tables(bench: resolve.Bench, shop: ShopSpec, draft: Draft) -> dict[str, ir.Table]:
    """The curated tables that releases were made of, that of the customers, populations and what else is public."""
    wanted = {release.table for release in shop.releases.values()} | {shop.customers.table}
    wanted |= {name for name, table in shop.tables.items() if table.public}
    targets = (release.anonymity for release in shop.releases.values() if release.anonymity)
    wanted |= {target.population for target in targets if target.population is not None}
    return read(bench.site, bench.engine, draft.manifest.parents[0], resolve.PREPARER, tables=wanted)


def _populations(
    bench: resolve.Bench, shop: ShopSpec, raw: Mapping[str, ir.Table], draft: Manifest
) -> dict[str, str]:
    """Release -> table of the population in the cut of the release, where presence is asked for.

    After a search that is the cut of the levels on record; if they are not those of the written rows, these are of
    classes that the population does not have, and the check fails.
    """
    found = {}
    for name, release in shop.releases.items():
        target = release.anonymity
        if target is None or target.population is None:
            continue
        at = None if target.search == "none" else draft.table(name).facts
        with scrubbed(f"population of {name}"):
            people = population_of(plan_release(shop, name), raw[target.population], {}, at)
        found[name] = bench.engine.materialise(people, f"population_of_{name}").get_name()
    return found


def _age_days(bench: resolve.Bench, manifest: Manifest) -> float:
    """The age in days of the oldest data set that a draft was made of, and of what that was made of."""
    curated = open_manifest(bench.site.store, manifest.parents[0])
    made = [curated.created_at]
    for parent in curated.parents:
        with suppress(
            NoSuchDataset
        ):  # the raw data may be gone by its retention; what was made of it is younger
            made.append(open_manifest(bench.site.store, parent).created_at)
    return (bench.now - min(made)).total_seconds() / 86400


def _raw_identifiers(
    bench: resolve.Bench, shop: ShopSpec, tables: Mapping[str, ir.Table]
) -> dict[str, tuple[str, ...]]:
    """Release -> views of the raw identifiers of all customers and of the release's own raw table."""
    home = shop.customers.table
    views = {
        name: bench.engine.view(table.select(*columns), f"raw_of_{name}").get_name()
        for name, table in tables.items()
        if (columns := identifying_columns(shop, name))
    }
    return {
        name: tuple(views[table] for table in dict.fromkeys((home, release.table)) if table in views)
        for name, release in shop.releases.items()
    }


def _page(bench: resolve.Bench, shop: ShopSpec, manifest: Manifest, result: GateResult) -> str:
    path = page_path(str(bench.site.settings.reports_dir), manifest.ref)
    text = render(result, release=str(manifest.ref), synthetic=shop.synthetic, languages=shop.languages)
    write_new_page(path, text)
    return path


def write_new_page(path: str, text: str) -> None:
    """A page in the reports folder, readable by its owner only."""
    from pathlib import Path

    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_new(target, [text.encode()])


def _markdown(result: GateResult) -> str:
    rows = "\n".join(
        f"| {plain(check.table)} | {plain(check.rule)} | {'passed' if check.passed else '**failed**'} |"
        for check in result.checks
    )
    verdict = "Every check passed." if result.passed else "The gate is closed: nothing was published."
    return f"{verdict}\n\n| table | rule | result |\n| --- | --- | --- |\n{rows}\n"


def _refusal(result: GateResult, page: str) -> str:
    failed = [f"{check.table}: {check.rule}" for check in result.checks if not check.passed]
    shown = "; ".join(failed[:5]) + (f" and {len(failed) - 5} more" if len(failed) > 5 else "")
    return f"the gate did not pass ({shown}); nothing was published. How to mend it: {page}"
