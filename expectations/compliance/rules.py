"""A rule: a duty of law, the facts of a run that show whether it is met, and what to do where it is not.

A pack is data. What it can ask is a closed set of comparisons of named facts; nothing in it is ever run as code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from models.values.balance import RuleResult, Severity
from models.values.base import Value
from models.values.language import Language

Fact = bool | int | float | str | None
Facts = Mapping[str, Fact]
Words = dict[Language, str]


class Condition(Value):
    """One comparison of a fact: exactly one of the others is given. A fact that is not known meets none.

    `equals` is a value of the same kind (true is not 1), `one_of` texts; `at_least` and `at_most` compare numbers with
    a number or, by name, with another fact.
    """

    fact: str
    equals: bool | int | float | str | None = None
    one_of: tuple[str, ...] | None = None
    at_least: float | str | None = None
    at_most: float | str | None = None

    @model_validator(mode="after")
    def _compares_once(self) -> Condition:
        asked = (self.equals, self.one_of, self.at_least, self.at_most)
        if sum(each is not None for each in asked) != 1:
            raise ValueError(
                f"the condition on {self.fact!r} needs exactly one of equals, one_of, at_least, at_most"
            )
        return self

    def names(self) -> set[str]:
        """The facts that it reads."""
        return {self.fact, *(bound for bound in (self.at_least, self.at_most) if isinstance(bound, str))}

    def known(self, facts: Facts) -> bool:
        """Whether all that it reads is known."""
        return all(facts.get(name) is not None for name in self.names())

    def met(self, facts: Facts) -> bool:
        """Whether it is known and holds."""
        held = facts.get(self.fact)
        if not self.known(facts):
            return False
        if self.equals is not None:
            return type(held) is type(self.equals) and held == self.equals
        if self.one_of is not None:
            return held in self.one_of
        bound = self.at_least if self.at_least is not None else self.at_most
        limit = facts.get(bound) if isinstance(bound, str) else bound
        if not _number(held) or not _number(limit):
            return False
        return bool(held >= limit if self.at_least is not None else held <= limit)  # type: ignore[operator]


def _number(fact: Fact) -> bool:
    """Whether a fact is a number that can be compared: neither true nor false, nor NaN."""
    return isinstance(fact, int | float) and not isinstance(fact, bool) and not math.isnan(fact)


class Rule(Value):
    """One duty. It applies where all of `when` hold or are not known, and is met where all of `holds` do."""

    id: str = Field(pattern=r"^[a-z_]+-[a-z0-9-]+$")
    section: str
    severity: Severity
    when: tuple[Condition, ...] = ()
    holds: tuple[Condition, ...] = Field(min_length=1)
    met: Words
    unmet: Words
    fix: Words

    @model_validator(mode="after")
    def _speaks_both(self) -> Rule:
        for words in (self.met, self.unmet, self.fix):
            if set(words) != {"en", "zh"}:
                raise ValueError(f"rule {self.id!r} must say each of met, unmet and fix in en and zh")
        return self

    def names(self) -> set[str]:
        """The facts that it reads."""
        return {name for condition in (*self.when, *self.holds) for name in condition.names()}

    def applies(self, facts: Facts) -> bool:
        """False only if it is known not to."""
        return all(condition.met(facts) or not condition.known(facts) for condition in self.when)

    def judged(self, facts: Facts, regime: str) -> RuleResult:
        """What `facts` say of it, in English and the other language."""
        holds = all(condition.met(facts) for condition in self.holds) if self.applies(facts) else None
        said = _NOT_ASKED if holds is None else self.met if holds else self.unmet
        missing = sorted(name for name in self.names() if facts.get(name) is None)
        because = {language: words + _unknown(missing, holds, language) for language, words in said.items()}
        fix = self.fix if holds is False else {"en": "", "zh": ""}
        return RuleResult(
            rule=self.id,
            regime=regime,
            section=self.section,
            severity=self.severity,
            holds=holds,
            because=because["en"],
            fix=fix["en"],
            translated={"zh": (because["zh"], fix["zh"])},
        )


_NOT_ASKED: Words = {"en": "It does not apply to this run.", "zh": "不适用于本次运行。"}


def _unknown(missing: list[str], holds: bool | None, language: Language) -> str:
    if holds is not False or not missing:
        return ""
    listed = ", ".join(missing)
    return f" Not known: {listed}." if language == "en" else f"未知：{listed}。"


class Pack(Value):
    """The rules of one law. `weights` say how much a rule counts in the share that is not met."""

    regime: str
    version: int = Field(ge=0)
    law: Words
    weights: dict[Literal["hard", "high", "medium", "low"], float]
    rules: tuple[Rule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _hangs_together(self) -> Pack:
        if set(self.weights) != {"hard", "high", "medium", "low"} or min(self.weights.values()) <= 0:
            raise ValueError(f"pack {self.regime!r} needs a weight above 0 for hard, high, medium and low")
        names = [rule.id for rule in self.rules]
        if len(set(names)) < len(names) or any(not name.startswith(f"{self.regime}-") for name in names):
            raise ValueError(f"pack {self.regime!r} needs rules of different names that begin with its own")
        return self

    @property
    def name(self) -> str:
        """Regime, version and the digest of all that it says: another text is another pack."""
        return f"{self.regime} {self.version} ({self.digest()[:12]})"
