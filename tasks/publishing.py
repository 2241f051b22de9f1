"""Publishing: a draft that passed its gate becomes a release, at once and whole."""

from __future__ import annotations

import time

from infra.manifests import publish as publish_manifest
from infra.site import Site
from models.values.dataset import RESERVATION, GateResult, Manifest
from models.values.scope import disclose
from models.values.spec import ShopSpec
from models.values.stage import Draft, Prepared, SpecRef, StageReport
from tasks import resolve
from tasks.artifacts import announce, publish_markdown
from tasks.fencing import still_wanted
from tasks.gating import discarded_unless_done, page_path
from tasks.stage import stage


@stage(timeout_seconds=600, tags={"privet"})
def publish(pinned: SpecRef, draft: Draft, gate: GateResult, before: tuple[StageReport, ...]) -> Prepared:
    """Create the release's manifest, which makes it exist, and show the way's rows by stage."""
    shop, site, started = resolve.spec(pinned), resolve.site(), time.monotonic()
    manifest = draft.manifest.model_copy(
        update={"gate": gate, "rejected": before[1].rejected, "dropped_columns": before[0].dropped_columns}
    )
    written = (*before, draft.report)
    with discarded_unless_done(manifest):
        publish_markdown("rows-by-stage", rows_by_stage(shop, written), f"rows of {manifest.ref}")
        still_wanted()
        ref = publish_manifest(site.store, manifest)  # last: what fails before it has published nothing
    commit_noise(site, manifest)
    announce(ref)
    rows = draft.report.rows_out
    report = StageReport(
        stage="publish", output=ref, rows_in=rows, rows_out=rows, seconds=round(time.monotonic() - started, 2)
    )
    stages = (*written, report)
    page = page_path(str(site.settings.reports_dir), ref)
    return Prepared(released=ref, stages=stages, gate=gate, gate_page=page)


def commit_noise(site: Site, manifest: Manifest) -> None:
    """Record that the budget reserved for a release's noise was used; it counts as spent without that, too."""
    for table in manifest.tables:
        for fact, value in table.facts.items():
            if fact.startswith(RESERVATION):
                site.ledger.commit(str(value))


def rows_by_stage(shop: ShopSpec, stages: tuple[StageReport, ...]) -> str:
    """A table in Markdown: rows in, out and rejected at every stage, disclosed as the spec's minimum allows."""

    def shown(count: int) -> str:
        return disclose(count, minimum=shop.minimum_count, public=shop.public_data)

    lines = [
        f"_{shop.synthetic}_\n" if shop.synthetic else "",
        "| stage | rows in | rows out | rejected | s |",
    ]
    lines.append("| --- | --- | --- | --- | --- |")
    for stage_report in stages:
        into, out = sum(stage_report.rows_in.values()), sum(stage_report.rows_out.values())
        lost = sum(count.rows for count in stage_report.rejected)
        cells = (stage_report.stage, shown(into), shown(out), shown(lost), stage_report.seconds)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"
