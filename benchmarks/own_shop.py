"""A shop of one's own: from files as they are to a gated release, by init, a small edit, check and run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.claims import claim, exit_code

PRIVET = Path(sys.executable).parent / "privet"


class Case(NamedTuple):
    """A data set, its identifying columns (see its SOURCE.txt), and the edits of what only its owner knows."""

    files: tuple[str, ...]
    identifiers: frozenset[str]
    edits: dict[str, str]
    limit: str


EDITS = {
    "regimes: [CHOOSE]": "regimes: [gdpr]",
    "public_bound: CHOOSE": "public_bound: 10000",
    "basis: {CHOOSE: CHOOSE}": "basis: {gdpr: legitimate_interest}",
    "reason: CHOOSE": "reason: to learn which goods customers buy together",
}
CASES = {
    "online_retail": Case(
        files=("online_retail.parquet",),
        identifiers=frozenset({"InvoiceNo", "CustomerID"}),
        edits={**EDITS, "timezone: CHOOSE": "timezone: Europe/London"},
        limit="0.3",
    ),
    "ecommerce_fraud_pii": Case(
        files=("customers.parquet", "transactions.parquet"),
        identifiers=frozenset(
            {
                "customerEmail",
                "customerPhone",
                "customerDevice",
                "customerIPAddress",
                "customerBillingAddress",
                "transactionId",
                "orderId",
                "paymentMethodId",
            }
        ),
        edits=EDITS,
        limit="0.1",
    ),
}


def main() -> int:
    """Try each data set that is there; without PRIVET_BENCH_DATA nothing can be tried."""
    data = os.environ.get("PRIVET_BENCH_DATA")
    claims: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        for name, case in CASES.items():
            files = [Path(data or ".", name, file).absolute() for file in case.files]
            if data is None or not all(file.is_file() for file in files):
                text = f"{name}: privet init finds the identifiers, privet run releases gated data"
                claims.append(claim(text, asked="both", measured="no PRIVET_BENCH_DATA", holds=None))
                continue
            claims.extend(_claims(name, case, files, Path(folder) / name, home))
        if home.exists():
            _privet(home, "down")
    return exit_code(claims)


def _claims(name: str, case: Case, files: list[Path], shop: Path, home: Path) -> Iterator[dict[str, object]]:
    started = time.monotonic()
    written = json.loads(_privet(home, "init", str(shop), "--json", "--from", *map(str, files)))
    columns = [column for table in written["tables"].values() for column in table]
    hidden = {
        c["column"] for c in columns if c["role"] != "attribute" and c["transform"] in ("drop", "pseudonym")
    }
    shown = {c["column"] for c in columns if c["transform"] not in ("drop", "pseudonym")}
    found = sorted((hidden - shown) & case.identifiers)
    yield claim(
        f"{name}: privet init finds every identifying column",
        asked=f"{len(case.identifiers)} of {len(case.identifiers)}, each dropped or pseudonymised",
        measured={"found": found, "missed": sorted(case.identifiers - set(found))},
        holds=set(found) == case.identifiers,
    )
    _edit(shop / "shop.yaml", case.edits)
    checked = json.loads(_privet(home, "check", str(shop / "shop.yaml"), "--json", "--limit", case.limit))
    report = json.loads(_privet(home, "run", str(shop / "shop.yaml"), "--json"))
    yield claim(
        f"{name}: with {len(case.edits)} lines edited, privet run releases gated data",
        asked="every check of the gate passed",
        measured={"edited": list(case.edits.values()), "gate": report["gate"]["passed"],
                  "checks": len(report["gate"]["checks"]), "seconds": round(time.monotonic() - started, 1)},
        holds=report["gate"]["passed"] and report["released"].startswith("released/"),
    )  # fmt: skip
    if name == "online_retail":
        yield _without_customer(checked, report)


def _without_customer(checked: dict[str, Any], report: dict[str, Any]) -> dict[str, object]:
    """The quarter of the rows that name no customer."""
    rejected = {
        (row["table"], row["rule"]): row["rows"]
        for stage in report["stages"] if stage["stage"] == "contract"
        for row in stage["rejected"]
    }  # fmt: skip
    rows = rejected.get(("online_retail", "CustomerID: missing"))
    said = next(
        t["broken"]["CustomerID: missing"] for t in checked["tables"] if t["table"] == "online_retail"
    )
    return claim(
        "online_retail: rows without a customer are counted rejections, the same in check and run",
        asked="135,080 of 541,909 rows (25 %); disclosed in tens, a few of them break another rule first",
        measured={"run": rows, "check": said, "all": {f"{t} {r}": n for (t, r), n in rejected.items()}},
        holds=rows == said and rows in ("~135080", "~135070"),
    )


def _edit(spec: Path, edits: dict[str, str]) -> None:
    text = spec.read_text("utf-8")
    for before, after in edits.items():
        if before not in text:
            raise SystemExit(f"{spec.name} has no {before!r}")
        text = text.replace(before, after)
    spec.write_text(text, "utf-8")


def _privet(home: Path, *arguments: str) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PRIVET_")}
    done = subprocess.run(
        [str(PRIVET), *arguments],
        check=False, capture_output=True, text=True, env={**environment, "PRIVET_HOME": str(home)},
    )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(
            f"privet {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr[-2000:]}"
        )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
