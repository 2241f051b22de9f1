"""Transforms: what happens to one column. Their parameters are fixed in the spec, never fitted to data."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from models.values.base import Value


class Drop(Value):
    """The column does not reach the release."""

    kind: Literal["drop"] = "drop"


class Keep(Value):
    """The value passes as it is; refused for identifiers, keys, quasi-identifiers and free text."""

    kind: Literal["keep"] = "keep"


class Pseudonym(Value):
    """Keyed HMAC-SHA256 (RFC 2104), kept as 128 bits. Equal values of one `domain` and purpose join."""

    kind: Literal["pseudonym"] = "pseudonym"
    domain: str = Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")


class Round(Value):
    """A number rounded to the nearest multiple of `step`, after clamping to [low, high] where given."""

    kind: Literal["round"] = "round"
    step: float = Field(gt=0)
    low: float | None = None
    high: float | None = None


class Band(Value):
    """A number generalised to a band of `width` ("30-39"), with open bands below `low` and from `high`."""

    kind: Literal["band"] = "band"
    width: int = Field(gt=0)
    low: int
    high: int


class AgeBand(Value):
    """A birth date generalised to a band of ages at the public day `as_of`, e.g. "30-39", "80+"."""

    kind: Literal["age_band"] = "age_band"
    width: int = Field(gt=0)
    low: int = 20
    high: int = 80
    as_of: date


class Truncate(Value):
    """A time coarsened to the start of its hour, day, week, month, quarter or year (UTC)."""

    kind: Literal["truncate"] = "truncate"
    unit: Literal["hour", "day", "week", "month", "quarter", "year"]


class Prefix(Value):
    """Text generalised to its first `length` characters, the rest as "*" (postal codes)."""

    kind: Literal["prefix"] = "prefix"
    length: int = Field(ge=0)


class Redact(Value):
    """Free text with personal data replaced by typed placeholders. Redacted is not anonymous."""

    kind: Literal["redact"] = "redact"


Transform = Annotated[
    Drop | Keep | Pseudonym | Round | Band | AgeBand | Truncate | Prefix | Redact,
    Field(discriminator="kind"),
]
