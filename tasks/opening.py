"""Opening of a shop: its spec checked, its data there, a Prefect server that answers, all before a flow starts."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from infra.settings import Settings
from infra.spec import read_spec
from tasks import operate
from tasks.progress import say


def open_shop(settings: Settings, spec: str | None) -> tuple[str, str]:
    """The path of the spec to run (without one, the embedded shop's) and the address of a Prefect API that answers."""
    path = None if spec is None else Path(spec)
    if path is not None:
        read_spec(path)
    if operate.running_server(settings) is None and settings.prefect_api_url is None:
        say("Prefect server: starting it (once; `privet down` stops it)")
    with ThreadPoolExecutor(max_workers=1) as background:
        server = background.submit(operate.ensure_server, settings)
        if path is None:
            path = embedded_shop(settings)
        os.environ["PREFECT_API_URL"] = api = server.result()
    return str(path), api


def embedded_shop(settings: Settings) -> Path:
    """The embedded shop's spec; its data are made at the first use and kept."""
    folder = settings.home / "shop"
    if not (folder / "shop.yaml").exists():
        say("Embedded shop: making its tables (once)")
        from models.shop.generate import make_shop

        make_shop(folder)
    return folder / "shop.yaml"
