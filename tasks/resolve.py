"""Resolution: from references to the values, tables and parts that a stage works on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from infra.access import Principal
from infra.engine import Engine, open_configured, open_here
from infra.settings import Settings
from infra.site import Site, open_site
from infra.spec import SpecError, read_spec
from models.values.spec import ShopSpec
from models.values.stage import SpecRef
from tasks import progress
from tasks.progress import Advance

PREPARER = Principal(name="prepare", role="preparer")
GATEKEEPER = Principal(name="gate", role="gatekeeper")
TRAINER = Principal(name="train", role="trainer")
SCORER = Principal(name="score", role="scorer")
OFFICER = Principal(name="officer", role="officer")


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What a data stage works with: the site, an engine of its own, its progress bar and when it began (UTC)."""

    site: Site
    engine: Engine
    now: datetime
    started: float
    advance: Advance

    @property
    def seconds(self) -> float:
        """Seconds since the stage began."""
        return round(time.monotonic() - self.started, 2)


def site() -> Site:
    """The site of the current settings."""
    return open_site(Settings.load())


def spec(pinned: SpecRef) -> ShopSpec:
    """The pinned spec; SpecError if the file was changed since the run began."""
    shop = read_spec(Path(pinned.path))
    if shop.digest() != pinned.policy_hash:
        raise SpecError([f"{Path(pinned.path).name} was changed while this run used it; start the run again"])
    return shop


@contextmanager
def bench(title: str, steps: int) -> Iterator[Bench]:
    """An encrypted engine on this machine that lives as long as the stage, under a progress bar of so many steps."""
    with _bench(title, steps, open_here) as made:
        yield made


@contextmanager
def prepare_bench(title: str, steps: int) -> Iterator[Bench]:
    """The same on the engine of the settings: for the stages of `prepare`, which a cluster can share."""
    with _bench(title, steps, open_configured) as made:
        yield made


@contextmanager
def _bench(
    title: str, steps: int, opened: Callable[[Settings], AbstractContextManager[Engine]]
) -> Iterator[Bench]:
    here, started = site(), time.monotonic()
    with progress.bar(title, steps) as advance, opened(here.settings) as engine:
        yield Bench(site=here, engine=engine, now=datetime.now(UTC), started=started, advance=advance)
