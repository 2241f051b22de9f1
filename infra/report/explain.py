"""The explanation of a release: what became of each column and why, and what of customers can still be learnt.

Numbers of private tables are internal (docs/privacy.md, rule 3): the shared page shows what was asked for and how the
columns were made, counts disclosed by the spec's minimum, and nothing that was measured; the officer's page all of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from infra.report import plots
from infra.report.page import Article, assemble, environment
from infra.report.texts import Texts
from models.anonymity.cuts import Column, columns_of
from models.values.dataset import Manifest, TableEntry
from models.values.language import LANGUAGES, Language
from models.values.measures import Measures
from models.values.scope import Measure, disclose

Plain = dict[str, Any]
EDGES = (1, 2, 5, 10, 20, 50, 100, 500)


def render(manifest: Manifest, *, internal: bool, languages: Sequence[Language] = LANGUAGES) -> str:
    """The explanation as one HTML page that asks no other host for anything and runs no script.

    With `internal` False, numbers measured on private tables are not in it at all.
    """
    shown = view(manifest, internal=internal)
    articles = [_article(shown, Texts("explain", language)) for language in languages]
    return assemble(articles, meta={"privet-reader": shown["reader"]})


def as_json(manifest: Manifest, *, internal: bool) -> str:
    """The same as JSON, by the same rules."""
    return json.dumps(view(manifest, internal=internal), indent=1, ensure_ascii=False, allow_nan=False)


def view(manifest: Manifest, *, internal: bool) -> Plain:
    """What may be shown of a release: to the officer (`internal`) or to everybody, as plain data."""
    opened = internal or manifest.synthetic is not None
    checks = manifest.gate.checks if manifest.gate else ()
    return {
        "format": "privet explanation 1",
        "reader": "internal" if internal else "shared",
        "release": str(manifest.ref),
        "shop": manifest.shop,
        "synthetic": manifest.synthetic,
        "created_at": manifest.created_at.isoformat(timespec="minutes"),
        "gate": {"held": sum(check.passed for check in checks), "total": len(checks)},
        "tables": [_table(entry, opened, manifest.synthetic is not None) for entry in manifest.tables],
    }


def _table(entry: TableEntry, opened: bool, public: bool) -> Plain:
    facts = entry.facts
    minimum = int(facts.get("minimum_count", 10))
    suppressed = facts.get("suppressed")

    def count(rows: float | int | str) -> str:
        return disclose(int(rows), minimum=minimum, public=public or opened)

    return {
        "name": entry.name,
        "product": entry.product,
        "protection": facts.get("protection", "pseudonymous"),
        "purpose": entry.purpose,
        "rows": count(entry.rows),
        "suppressed": None if suppressed is None else count(suppressed),
        "asked_k": facts.get("asked_k"),
        "search": facts.get("search"),
        "columns": [_column(name, column, facts, opened) for name, column in columns_of(facts).items()],
        "before": _measures(entry.before) if opened else None,
        "after": _measures(entry.after) if opened else None,
        "attacks": [_attack(attack) for attack in entry.attacks] if opened else None,
    }


def _column(name: str, column: Column, facts: dict[str, float | int | str], opened: bool) -> Plain:
    transform = column.transform
    parameters = (
        {} if transform is None else transform.model_dump(mode="json", exclude={"kind"}, exclude_none=True)
    )
    return {
        "name": name,
        "role": column.role,
        "transform": column.said.partition(" ")[0] if transform is None else transform.kind,
        "parameters": ", ".join(f"{key} {value}" for key, value in parameters.items()),
        "level": column.level,
        "loss": facts.get(f"loss_{name}") if opened else None,
    }


def _measures(found: Measures | None) -> Plain | None:
    if found is None:
        return None
    bins = [0] * len(EDGES)
    for size, classes in found.sizes:
        bins[sum(size >= edge for edge in EDGES) - 1] += size * classes
    return {**found.model_dump(exclude={"sizes"}), "rows_by_size": bins}


def _attack(attack: Measure) -> Plain:
    name, _, column = attack.name.partition(" of ")
    numbers = {"value": attack.value, "low": attack.low, "high": attack.high, "confidence": attack.confidence}
    return {"name": name.replace(" ", "_"), "column": column, "how": attack.how, **numbers}


def _article(shown: Plain, say: Texts) -> Article:
    template = environment().get_template("explain.html.j2")
    drawn = [_plots(table, say) for table in shown["tables"]]
    body = template.render(shown, t=say, pictures=drawn)
    title = say("title", release=shown["release"])
    return Article(say.language, title, Markup(body))  # noqa: S704  # rendered with escaping on


def _plots(table: Plain, say: Texts) -> dict[str, Markup | None]:
    """The pictures of a table that this reader may see; None where there is nothing to draw."""
    before, after = table["before"], table["after"]
    losses = [
        (column["name"], float(column["loss"]), "claim")
        for column in table["columns"]
        if column["loss"] is not None
    ]
    return {
        "sizes": None if after is None else _sizes(before, after, say),
        "risks": None if after is None else _risks(before, after, say),
        "losses": plots.shares(losses, say("plot.losses")) if losses else None,
        "attacks": _attacks(table["attacks"], say) if table["attacks"] else None,
    }


def _sizes(before: Plain | None, after: Plain, say: Texts) -> Markup:
    ends = [*(edge - 1 for edge in EDGES[1:]), None]
    labels = [
        f"{low}+" if high is None else f"{low}" if low == high else f"{low}-{high}"
        for low, high in zip(EDGES, ends, strict=True)
    ]
    series = [("check", before["rows_by_size"])] if before else []
    return plots.columns(
        labels, [*series, ("claim", after["rows_by_size"])], say("plot.sizes"), say("plot.size")
    )


def _risks(before: Plain | None, after: Plain, say: Texts) -> Markup:
    rows = []
    for name, of in (("highest", "prosecutor"), ("average", "prosecutor"), ("average", "journalist")):
        for stage, found, kind in (("before", before, "check"), ("after", after, "claim")):
            if found is not None:
                label = say(f"risk.{of}.{name}", stage=say(f"stage.{stage}"))
                rows.append((label, float(found[of][name]), kind))
    return plots.shares(rows, say("plot.risks"))


def _attacks(attacks: Sequence[Plain], say: Texts) -> Markup:
    rows = [
        plots.Interval(
            say(f"attack.{a['name']}", column=a["column"]), a["value"], a["low"], a["high"], "internal"
        )
        for a in attacks
    ]
    return plots.intervals(rows, say)
