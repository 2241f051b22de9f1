"""The gate as a stage: what was searched with a population is measured against it on the written bytes."""

from __future__ import annotations

import copy
import csv
from typing import Any

from tests.tasks.conftest import Place

QUASI = ("birth_date", "gender", "postcode")


def with_people(place: Place) -> None:
    """A public register in which every customer stands twice, and profiles that may not tell who is in the shop."""
    rows = list(csv.DictReader((place.shop / "customers.csv").open()))
    with (place.shop / "people.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ["person", *QUASI])
        writer.writeheader()
        for number, row in enumerate(rows + rows):
            writer.writerow({"person": number, **{name: row[name] for name in QUASI}})

    def change(spec: dict[str, Any]) -> None:
        columns = spec["tables"]["customers"]["columns"]
        spec["tables"]["people"] = {
            "source": "people.csv",
            "key": ["person"],
            "public": True,
            "columns": {
                "person": {"role": "key", "transform": {"kind": "keep"}},
                **{name: copy.deepcopy(columns[name]) for name in QUASI},
            },
        }
        profiles = spec["releases"]["customer_profiles"]
        profiles["anonymity"] = {
            "k": 5,
            "presence": [0.0, 0.6],
            "population": "people",
            "suppression_limit": 0.5,
            "search": "lattice",
        }
        spec["releases"] = {"customer_profiles": profiles}
        spec["use_cases"] = {}
        del spec["tables"]["orders"]

    place.change_spec(change)


def test_presence_is_counted_at_the_levels_that_the_search_chose(place: Place) -> None:
    with_people(place)
    (check,) = (check for check in place.prepare().gate.checks if check.rule.startswith("delta-presence"))
    assert (check.passed, check.detail) == (True, "needs a share of 0 to 0.6 of each class of the population")
