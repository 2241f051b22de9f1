"""The spec writer: a proposed shop becomes a commented shop.yaml, in which CHOOSE stands where only the user knows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from models.shop.profiling.proposal import ProposedColumn, ProposedShop, ProposedTable
from models.values.spec import Column, Release

CHOOSE = "CHOOSE"
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_HEAD = """\
# Written by `privet init`. Read it line by line: it is a proposal, made from the names and the contents of your
# files; no value of a customer is in it, and columns that were not understood are dropped.
# Wherever CHOOSE stands, only you know the answer; `privet run` refuses the file until the values are filled in.
# `privet plan` shows what will happen to each column, `privet check` tries the rules on the data.
# docs/spec.md explains every key.
"""
_MIDDLE = """
minimum_count: 10   # smaller counts are not shown

customers:
  table: {customers}
  public_bound: CHOOSE   # a round number of customers that anyone may know, never the exact private one

# What the data is used for, why that is lawful under each of the regimes, and the reason that a customer is told.
# A basis is consent (needs a consent table), contract, legal_duty or legitimate_interest, e.g. {{gdpr: contract}}.
purposes:
  analytics:
    basis: {{CHOOSE: CHOOSE}}
    reason: CHOOSE
"""
_BUDGET = """
retention: {raw_days: 30, curated_days: 90, released_days: 365}

# What all trainings on these customers may spend together; it is never given back.
budget: {epsilon: 6, delta: 0.00001}

# Roles: key and identifier (pseudonymised or dropped), quasi_identifier (made coarser), sensitive, attribute, label,
# time, free_text. A column that is not named is dropped. A row that breaks an entry (type, range, values ...) is
# counted and set aside.
tables:
"""
_RELEASES = """
# What leaves: *attributes* are published and k-anonymous; *events* are pseudonymous, remain personal data and are for
# differentially private training only. Columns that are dropped, and text, are not listed.
"""


def spec_text(shop: ProposedShop) -> str:
    """The proposal as the text of a shop.yaml, which `read_spec` accepts once every CHOOSE has its value."""
    zone = f"{CHOOSE}   # IANA zone of times without an offset, e.g. Europe/London or Asia/Shanghai"
    parts = [
        _HEAD,
        f"shop: {_word(shop.shop)}\n",
        f"timezone: {zone if shop.local_times else 'UTC'}\n",
        f"regimes: [{CHOOSE}]   # the laws that apply: gdpr, ccpa, pipl, ecommerce_law\n",
        _MIDDLE.format(customers=shop.customers),
        _consent(shop.consent),
        _roots(shop.roots),
        _BUDGET,
        "\n".join("\n".join(_table(table)) + "\n" for table in shop.tables),
        *(
            f"\n# Left out: {_word(source)}. No way leads from it to the customers.\n"
            for source in shop.left_out
        ),
        _RELEASES,
        "\n".join(_releases(shop.releases)),
    ]
    return "".join(parts).rstrip() + "\n"


def _roots(roots: Sequence[str]) -> str:
    if not roots:
        return ""
    return (
        "\n# Sources may lie in the folder of this file and in these, and nowhere else; links count where they end.\n"
        f"roots: {_flow(roots)}\n"
    )


def _consent(consent: Mapping[str, str] | None) -> str:
    if consent is None:
        return "\n# No table of customers' choices was found; without one no basis can be consent.\n"
    asked = "# CHOOSE: is this the table of customers' choices? Its purposes must be named as above."
    return f"\n{asked}\nconsent: {_flow(consent)}\n"


def _table(proposed: ProposedTable) -> Iterator[str]:
    table = proposed.table
    yield from (f"  # {remark}" for remark in proposed.remarks)
    yield f"  {proposed.name}:"
    facts = table.model_dump(exclude_defaults=True, exclude={"columns"})
    yield from (f"    {name}: {_flow(value)}" for name, value in facts.items())
    yield "    columns:"
    for column in proposed.columns:
        yield from _column(column)
    for offer in proposed.offers:
        yield "      # Nearly every customer has one value here; list it and set aside the few who have more:"
        yield from (f"      # {line.strip()}" for line in _column(offer) if not line.strip().startswith("#"))


def _column(proposed: ProposedColumn) -> Iterator[str]:
    if proposed.column is None:
        yield f"      # {_word(proposed.name)}: {proposed.why}"
        return
    yield f"      # {proposed.why}" + (f"; CHOOSE: {proposed.choose}" if proposed.choose else "")
    yield f"      {_word(proposed.name)}: {_flow(_facts(proposed.column))}"


def _facts(column: Column) -> dict[str, object]:
    """What the spec says of a column, without defaults; the kind of a transform is always said."""
    facts = column.model_dump(exclude_defaults=True, exclude={"transform"})
    if column.transform is not None:
        facts["transform"] = {
            "kind": column.transform.kind,
            **column.transform.model_dump(exclude={"kind"}, exclude_none=True),
        }
    return facts


def _releases(releases: Mapping[str, Release]) -> Iterator[str]:
    if not releases:
        yield "releases: {}   # CHOOSE: nothing was found that is worth releasing; name columns here"
        return
    yield "releases:"
    for name, release in releases.items():
        facts = release.model_dump(exclude_none=True)
        columns = facts.pop("columns")
        yield f"  {name}:"
        yield from (f"    {key}: {_flow(value)}" for key, value in facts.items())
        yield "    columns:"
        yield from (f"      - {_word(column)}" for column in columns)


def _flow(value: object) -> str:
    """A value in YAML's flow style."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_word(str(key))}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(_flow(inner) for inner in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return (
        value.isoformat()
        if isinstance(value, date)
        else str(value)
        if not isinstance(value, str)
        else _word(value)
    )


def _word(text: str) -> str:
    """Text as a YAML scalar, in quotes unless nothing in it could be misread."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())
