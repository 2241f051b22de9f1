"""The gate's page: its result for people, as one HTML file that asks no other host for anything."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from models.values.dataset import GateCheck, GateResult

TEMPLATE = Path(__file__).with_name("page.html.j2")
MEND = {
    "columns": "Compare the release's columns in the spec with what was written; take out the rest.",
    "not empty": "Check the table's source, the rejected rows of its contract and the customers' consent.",
    "rows": "Rows were lost or came back between the contract and the release; prepare the shop again.",
    "suppression": "Choose wider bands or shorter prefixes, release fewer quasi-identifiers, or lower k.",
    "pseudonym form": "Set the column's transform to pseudonym, so that it is written as a keyed hash.",
    "pseudonym spread": "The column does not hold keyed hashes; set its transform to pseudonym.",
    "no gaps": "A key has missing values; make the column required, so that such rows are rejected.",
    "k-anonymity": "Choose wider bands or shorter prefixes, or release fewer quasi-identifiers.",
    "l-diversity": "Widen the quasi-identifiers, or drop the sensitive column from the release.",
    "bands": "The column was not generalised as the spec says; prepare the shop again.",
    "identifier patterns": "Declare the column as identifier or as free_text with redact, or drop it.",
    "raw identifiers": "The column repeats a raw identifier; declare it as identifier or drop it.",
}
UNKNOWN = "Look up this rule in the spec's documentation."


class Line(NamedTuple):
    """One check as the page shows it."""

    subject: str
    sentence: str
    passed: bool
    detail: str
    mend: str


def render(result: GateResult, *, title: str, synthetic: str | None) -> str:
    """The page as self-contained HTML, table by table, in light and dark.

    `synthetic` is the label of public synthetic data, shown on top. The page holds what `result` holds:
    rules and thresholds, no counts and no values.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    tables: dict[str, list[Line]] = {}
    for check in result.checks:
        tables.setdefault(check.table, []).append(_line(check))
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        title=title,
        synthetic=synthetic,
        passed=result.passed,
        total=len(result.checks),
        failed=sum(not check.passed for check in result.checks),
        tables=tables,
    )


def _line(check: GateCheck) -> Line:
    subject, _, sentence = check.rule.partition(": ")
    mend = "" if check.passed else MEND.get(subject, UNKNOWN)
    return Line(subject, sentence or subject, check.passed, check.detail, mend)
