"""Explaining: one published release as a page, or as JSON."""

from __future__ import annotations

from pathlib import Path

from infra.manifests import latest, open_manifest
from infra.report import explain as report
from infra.settings import Settings
from infra.site import Site, open_site
from models.values.dataset import DatasetRef, Manifest
from models.values.errors import PrivetError
from tasks import resolve
from tasks.gating import write_new_page
from tasks.stage import scrubbed


class NoSuchRelease(PrivetError, LookupError):
    """No release of this name is published in this home."""


@scrubbed
def explain(settings: Settings, release: str, output: str | None, *, internal: bool, as_json: bool) -> int:
    """Write what a release shows and hides to a file that only its owner can read, or print it as JSON."""
    site = open_site(settings)
    manifest = _found(site, release)
    if internal:
        measured = manifest.ref.model_copy(update={"zone": "internal"})
        site.keys.decide(resolve.OFFICER, "read", measured, product="internal", purpose=None)
    if as_json:
        print(report.as_json(manifest, internal=internal))
        return 0
    path = Path(output) if output else settings.reports_dir / _name(manifest, internal)
    text = report.render(manifest, internal=internal)
    if output or not path.exists():  # a release and a reader make one page
        write_new_page(str(path), text)
    secret = internal and manifest.synthetic is None
    print(
        f"{path}: " + ("holds internal numbers; keep it as you keep the data" if secret else "may be shared")
    )
    return 0


def _name(manifest: Manifest, internal: bool) -> str:
    return f"explain-{manifest.ref.name}-{manifest.ref.version}{'-internal' if internal else ''}.html"


def _found(site: Site, release: str) -> Manifest:
    """The release by reference (`released/shop/version`), or the newest of a shop by its name."""
    text = release.removeprefix("released/")
    try:
        if "/" not in text:
            return open_manifest(site.store, latest(site.store, "released", text))
        return open_manifest(site.store, DatasetRef.parse(f"released/{text}"))
    except ValueError as error:
        if isinstance(error, PrivetError):
            raise
        raise NoSuchRelease(
            "a release is named released/SHOP/VERSION, or SHOP for its newest; see `privet status`"
        ) from None
