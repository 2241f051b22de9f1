"""The choices that a model was trained with, kept among its facts, so that whoever loads it uses the same case."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from models.cases.case import Facts, UseCase
    from models.values.balance import Number

CHOICES = "choices"


def noted(choices: Mapping[str, Number]) -> Facts:
    """The facts that say what was chosen; none for the case's own recipe. Choices are public."""
    return {CHOICES: np.array([json.dumps(dict(choices), sort_keys=True)])} if choices else {}


def choices_in(facts: Facts) -> dict[str, Number]:
    """What `noted` noted."""
    if CHOICES not in facts:
        return {}
    found: dict[str, Number] = json.loads(str(facts[CHOICES][0]))
    return found


def as_taken(case: UseCase, facts: Facts) -> UseCase:
    """The case as the model with these facts was trained: the catalog's, unless something else was chosen."""
    choices = choices_in(facts)
    if not choices:
        return case
    from models.balance.space import variant

    return variant(case, choices)
