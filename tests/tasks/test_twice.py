"""Two runs of `prepare` at the same time: both end whole, and neither disturbs the other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from models.values.dataset import DatasetRef

ROOT = Path(__file__).resolve().parents[2]
PREPARE = """
import sys
from tasks import curation, deidentification, gating, intake, landing, publishing, retention
pinned = intake.pin.fn(sys.argv[1])
retention.expire.fn(pinned)
landed = landing.land.fn(pinned)
curated = curation.curate.fn(pinned, landed)
draft = deidentification.deidentify_tables.fn(pinned, curated.output)
gate = gating.gate.fn(pinned, draft)
print(publishing.publish.fn(pinned, draft, gate, (landed, curated.contract, curated.consent)).released)
"""


def test_two_at_once_end_whole(place):
    command = [sys.executable, "-c", PREPARE, str(place.shop / "shop.yaml")]
    env = os.environ | {"PYTHONPATH": str(ROOT), "PRIVET_THREADS": "1"}
    runs = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    released = [run.communicate(timeout=300)[0].strip() for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert len({*released, str(place.before.released)}) == 3
    assert all(place.is_whole(DatasetRef.parse(ref)) for ref in released)
    assert place.drafts() == set()
