"""A fuzz target for what reads strangers' files: spec, CSV and Parquet, mutated from a small corpus with a seed.

`python -m tests.infra.fuzz_readers --seconds 60 --seed 1` prints what it tried. A finding is any exception that is no
PrivetError, any message with the canary, and any input that takes longer than its limit; it is written to --keep.
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import random
import re
import signal
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from infra.engine import Engine, open_engine
from infra.spec import read_spec
from models.values.errors import PrivetError

CANARY = "canary4b7d"
LIMIT_SECONDS = 20
TOKENS = [
    *(
        b'"',
        b'""',
        b",",
        b";",
        b"\t",
        b"\n",
        b"\r\n",
        b"\r",
        b"\x00",
        b"\xff",
        b"\xfe\xff",
        b"\xef\xbb\xbf",
        b"\x81",
    ),
    *(
        "王".encode(),
        "王".encode("gb18030"),
        "é".encode("latin-1"),
        "\u2028".encode(),
        b"\xed\xa0\x80",
        b"\xc3",
    ),
    *(
        b"=cmd|",
        b"1,234.50",
        b"01/02/2020",
        b"99999999999999999999",
        b"-0",
        b"nan",
        b"1e999",
        b"{",
        b"[",
        b"}",
    ),
    *(
        b"&a",
        b"*a",
        b"!!python/object",
        b"<<:",
        b"---\n",
        b"...",
        b"%YAML 9",
        b"? ",
        b"|",
        b">",
        b"yes",
        b"~",
        b": ",
    ),
    *(
        b"0x1f",
        b"1_000",
        b"2026-13-40",
        b"PAR1",
        b"PARE",
        b"formats: [D/M/YYYY]",
        b"roots: [..]",
        b"\x1b[31m",
    ),
    CANARY.encode(),
]
SPEC = f"""\
shop: my-shop
regimes: [gdpr]
customers: {{table: customers, public_bound: 5000}}
budget: {{epsilon: 6, delta: 1e-5}}
purposes:
  fraud_detection:
    basis: {{gdpr: contract}}
    reason: to recognise {CANARY} accounts
tables:
  customers:
    source: {CANARY}.csv
    key: [customer_id]
    customer: customer_id
    columns:
      customer_id: {{role: key}}
      born: {{role: quasi_identifier, type: date, formats: [iso, D/M/YYYY], transform: {{kind: drop}}}}
      amount: {{role: attribute, type: number, formats: ["1,234.50"], range: [0, 100], values: null}}
releases:
  events: {{product: events, table: customers, purpose: fraud_detection, columns: [customer_id, amount]}}
"""
TABLE = f'customer_id,born,note\nC1,2020-01-02,"{CANARY}, ""x"""\nC2,13/02/2020,王\nC3,,é {CANARY}\n'


class Finding(NamedTuple):
    """What was wrong with which input."""

    target: str
    why: str
    content: bytes


class TooSlowError(BaseException):
    """An input took longer than its limit."""


def corpus() -> dict[str, list[bytes]]:
    """Small good files by target."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    parquet = io.BytesIO()
    nested = [{"mail": CANARY, "n": [1, 2]}] * 3
    pq.write_table(pa.table({"customer_id": ["C1", "C2", CANARY], "x": [1, None, 3], "in": nested}), parquet)
    return {
        "spec": [SPEC.encode()],
        "utf-8": [TABLE.encode(), TABLE.replace(",", ";").replace("\n", "\r\n").encode("utf-8-sig")],
        "gb18030": [TABLE.encode("gb18030")],
        "latin-1": [TABLE.replace("王", "Ü").encode("latin-1")],
        "parquet": [parquet.getvalue()],
    }


def mutated(rng: random.Random, content: bytes) -> bytes:
    """The content after some cuts, doublings, exchanges, flips and insertions."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at, length = rng.randrange(len(data) + 1), rng.choice((1, 2, 5, 30, 200))
        match rng.randrange(6):
            case 0:
                del data[at : at + length]
            case 1:
                data[at:at] = data[at : at + length] * rng.choice((1, 2, 40))
            case 2 if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case 3:
                data[at : at + length] = rng.randbytes(length)
            case _:
                data[at:at] = rng.choice(TOKENS)
    return bytes(data)


def targets(engine: Engine, folder: Path) -> dict[str, Callable[[bytes], None]]:
    """Each target as a function that reads some bytes to the end."""

    def file(name: str, content: bytes) -> Path:
        path = folder / name
        path.write_bytes(content)
        return path

    def csv_in(encoding: str) -> Callable[[bytes], None]:
        def read(content: bytes) -> None:
            table = engine.read_csv(file("t.csv", content), encoding=encoding)  # type: ignore[arg-type]
            engine.rows(table)
            engine.connection.execute(f"DROP TABLE {table.get_name()}")

        return read

    def parquet(content: bytes) -> None:
        table = engine.read_parquet(file("t.parquet", content))
        engine.rows(table)
        engine.connection.execute(f"DROP TABLE {table.get_name()}")

    return {
        "spec": lambda content: void(read_spec(file("shop.yaml", content))),
        "parquet": parquet,
        **{encoding: csv_in(encoding) for encoding in ("utf-8", "gb18030", "latin-1")},
    }


def void(_: object) -> None:
    """Nothing, whatever was read."""


def tried(target: str, act: Callable[[bytes], None], content: bytes) -> tuple[str, Finding | None]:
    """How an input ended: read, refused, or as a finding."""
    signal.setitimer(signal.ITIMER_REAL, LIMIT_SECONDS)
    try:
        act(content)
    except PrivetError as refusal:
        shown = "".join(traceback.format_exception(refusal)) + repr(refusal) + repr(vars(refusal))
        if target == "spec":  # names of columns and tables may be shown, as keys or in quotes
            shown = re.sub(r"line \d+, \S+:", "", re.sub(r"'[^'\n]*'", "", shown))
        return "refused", Finding(
            target, "the canary is in the message", content
        ) if CANARY in shown else None
    except TooSlowError:
        return "slow", Finding(target, f"took more than {LIMIT_SECONDS} s", content)
    except Exception as error:  # noqa: BLE001  # that is what is looked for
        return "raised", Finding(target, f"{type(error).__name__}: {error}"[:300], content)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return "read", None


def fuzz(seed: int, *, seconds: float = 1e9, inputs: int = 1 << 60) -> tuple[Counter[str], list[Finding]]:
    """Try mutated inputs until time or number are used up, the same ones for the same seed."""

    def too_slow(*_: object) -> None:
        raise TooSlowError

    before = signal.signal(signal.SIGALRM, too_slow)
    count: Counter[str] = Counter()
    found: list[Finding] = []
    try:
        with tempfile.TemporaryDirectory() as folder, open_engine(Path(folder) / "work", threads=1) as engine:
            acts, end = targets(engine, Path(folder)), time.monotonic() + seconds
            for target, content in _inputs(random.Random(seed)):
                if time.monotonic() > end or sum(count.values()) >= inputs or len(found) >= 20:
                    break
                ended, finding = tried(target, acts[target], content)
                count[f"{target} {ended}"] += 1
                found += [finding] if finding else []
    finally:
        signal.signal(signal.SIGALRM, before)
    return count, found


def _inputs(rng: random.Random) -> Iterator[tuple[str, bytes]]:
    seeds = corpus()
    while True:
        target = rng.choice(list(seeds))
        yield target, mutated(rng, rng.choice(seeds[target]))


def main() -> int:
    """Fuzz from the command line; 1 if anything was found."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--keep", type=Path)
    chosen = options.parse_args()
    faulthandler.enable()
    count, found = fuzz(chosen.seed, seconds=chosen.seconds)
    for ended, number in sorted(count.items()):
        print(f"{number:8} {ended}")
    for number, finding in enumerate(found):
        print(f"FOUND {finding.target}: {finding.why}")
        if chosen.keep:
            chosen.keep.mkdir(parents=True, exist_ok=True)
            (chosen.keep / f"{number}.{finding.target}").write_bytes(finding.content)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
