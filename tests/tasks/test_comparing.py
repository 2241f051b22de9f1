"""A release beside the ones before it: what a subtraction would leave is held back, or the gate refuses."""

from __future__ import annotations

import csv
from collections import Counter
from typing import Any

import pytest

from tasks import comparing, deidentification, gating

K = 2
QUASI = ("birth_date", "gender", "postcode")


def classes(ref: Any) -> dict[tuple[Any, ...], Counter[str]]:
    """The published profiles as an analyst reads them: class -> tiers."""
    from infra.access import Principal
    from infra.datasets import read
    from tasks import resolve

    with resolve.bench("read", 1) as bench:
        analyst = Principal(name="ada", role="analyst")
        purposes = {"customer_profiles": "analytics"}
        tables = read(bench.site, bench.engine, ref, analyst, tables=[*purposes], purposes=purposes)
        rows = bench.engine.rows(tables["customer_profiles"])
    found: dict[tuple[Any, ...], Counter[str]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in QUASI), Counter())[row["loyalty_tier"]] += 1
    return found


def without_one(place: Any) -> None:
    """The customers' file without one who consented and of whom there are most alike."""
    path = place.shop / "customers.csv"
    rows = list(csv.DictReader(path.read_text().splitlines()))
    choices: dict[str, str] = {}
    for choice in sorted(
        csv.DictReader((place.shop / "consents.csv").open()), key=lambda row: row["recorded_at"]
    ):
        if choice["purpose"] == "analytics":
            choices[choice["customer_id"]] = choice["state"]
    there = [row for row in rows if choices.get(row["customer_id"]) == "granted"]

    def alike(row: dict[str, str]) -> tuple[str, ...]:
        age = 2025 - int(row["birth_date"][:4]) + (row["birth_date"][5:] == "01-01")
        return str(min(max(age, 10), 80) // 10), row["gender"], row["postcode"][:3]

    likeness = Counter(map(alike, there))
    rows.remove(max(there, key=lambda row: likeness[alike(row)]))
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_an_unchanged_shop_is_released_again(place: Any) -> None:
    again = place.release(place.landed, place.curated)
    (check,) = (check for check in again.gate.checks if check.rule == comparing.RULE)
    assert (check.passed, check.detail) == (True, "compared with 1 published tables")
    assert classes(again.released) == classes(place.before.released)


def test_two_releases_subtracted_single_nobody_out(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack test: a customer left between two runs; who it was does not show, or nothing is published."""
    old = classes(place.before.released)
    without_one(place)
    landed = place.land()
    curated = place.curate(landed)
    with monkeypatch.context() as patch:
        patch.setattr(deidentification.comparing, "steady", lambda bench, shop, plan, table, record: table)
        with pytest.raises(gating.GateFailed, match="differencing"):
            gating.gate.fn(place.pin(), place.draft(curated))
    new = classes(place.release(landed, curated).released)
    assert new != old
    for one in {*new, *old}:
        now, then = new.get(one, Counter()), old.get(one, Counter())
        for part in (now - then, then - now):
            assert part.total() == 0 or part.total() >= K


@pytest.mark.prove
def test_another_choice_of_columns_is_refused(place: Any) -> None:
    """Fewer quasi-identifiers suppress fewer customers: the rest is who was too rare for the other table."""

    def also_by_age(spec: dict[str, Any]) -> None:
        profiles = spec["releases"]["customer_profiles"]
        spec["releases"]["ages"] = {
            **profiles,
            "columns": ["birth_date", "gender", "loyalty_tier"],
            "anonymity": {"k": 10, "l": 1, "suppression_limit": 1.0},
        }

    place.change_spec(also_by_age)
    with pytest.raises(gating.GateFailed, match="ages: differencing"):
        place.release(place.landed, place.curated)
    assert place.drafts() == set()
