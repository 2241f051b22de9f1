"""The specification: the embedded spec's text, with the bounds and tables of the shop that was made."""

from __future__ import annotations

import re
from pathlib import Path

SPEC = Path(__file__).with_name("shop.yaml")
ANSWERS = SPEC.with_name("sample") / "answers.csv"  # what staff approved; the same for every shop
PUBLIC_BOUND = 50_000  # customers.public_bound of shop.yaml
GROUP_COPIES = 21  # customers.group_copies of shop.yaml: 50,000 customers over 2,467 households, rounded up


def write_spec(path: Path, *, customers: int, households: int, chinese_files: bool) -> None:
    """Write the spec of a shop of so many customers, resampled from so many households, to `path`.

    The bounds are those of the embedded shop or, where the shop is larger, its own. Comments stay.
    """
    text = SPEC.read_text(encoding="utf-8")
    copies = -(-customers // households)
    text = _with_bound(text, "public_bound", max(PUBLIC_BOUND, customers))
    text = _with_bound(text, "group_copies", max(GROUP_COPIES, copies))
    if chinese_files:
        text = _with_twin(
            text, "tickets", ("source: tickets.csv", "source: tickets_cn.csv\n    encoding: gb18030")
        )
        text = _with_twin(text, "support_tickets", ("table: tickets", "table: tickets_cn"))
    path.write_text(text, encoding="utf-8")


def _with_bound(text: str, key: str, value: int) -> str:
    return re.sub(rf"(?m)^(  {key}: )\d+", rf"\g<1>{value}", text, count=1)


def _with_twin(text: str, entry: str, change: tuple[str, str]) -> str:
    """The text with a copy of `entry` behind it, named <entry>_cn and with one line changed."""
    block = re.search(rf"(?m)^  {entry}:\n(?:    .*\n)+", text)
    assert block is not None
    twin = block[0].replace(f"  {entry}:", f"  {entry}_cn:", 1).replace(*change)
    return text.replace(block[0], f"{block[0]}\n{twin}" if "source:" in twin else block[0] + twin, 1)
