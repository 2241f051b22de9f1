"""Transforms: what happens to one column. Their parameters are fixed in the spec, never fitted to data."""

from __future__ import annotations

from datetime import date
from math import exp, isclose, log, sqrt
from typing import Annotated, Literal

from pydantic import Field, model_validator

from models.values.base import Value
from models.values.hierarchy import Division, Hierarchy
from models.values.region import Region

Domain = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
ALPHABETS = {
    "digits": "0123456789",
    "lower": "0123456789abcdefghijklmnopqrstuvwxyz",
    "upper": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
}
# NIST SP 800-38G revision 1: smaller sets of texts are guessed by trying.
LEAST_TOKENS = 1_000_000
# Half of a token is computed as one number below 2^56.
_MOST_HALF = 1 << 56


class Drop(Value):
    """The column does not reach the release."""

    kind: Literal["drop"] = "drop"


class Keep(Value):
    """The value passes as it is; refused for identifiers, keys, quasi-identifiers and free text."""

    kind: Literal["keep"] = "keep"


class Pseudonym(Value):
    """Keyed HMAC-SHA256 (RFC 2104), kept as 128 bits. Equal values of one `domain` and purpose join.

    `values` says what is hashed, so that its spellings become one first: `phone` as E.164 (numbers without a
    country code are of `region`, by default the shop's), `email`, a person's `name`; left out, the domain's own
    name may say it. `id` is any other text.
    """

    kind: Literal["pseudonym"] = "pseudonym"
    domain: Domain
    values: Literal["id", "email", "phone", "name"] | None = None
    region: Region | None = None

    @property
    def spelt_as(self) -> str:
        """What the values are, said or by the name of the domain."""
        return self.values or (self.domain if self.domain in ("email", "phone", "name") else "id")

    @model_validator(mode="after")
    def _region_is_of_phones(self) -> Pseudonym:
        if self.region is not None and self.spelt_as != "phone":
            raise ValueError("region is for phone numbers; add values: phone, or take region out")
        return self


class Token(Value):
    """A keyed token of the same form (FF1, NIST SP 800-38G): so many characters of the alphabet give as many.

    `prefix` is public, the same for all, and stays in front. What has another form does not leave (missing).
    Who has the key can turn tokens back; equal values of one `domain` and purpose join.
    """

    kind: Literal["token"] = "token"
    domain: Domain
    alphabet: Literal["digits", "lower", "upper"] = "digits"
    length: int = Field(ge=2, le=56)
    max_length: int | None = Field(default=None, ge=2, le=56, description="if not all are of one length")
    prefix: str = Field(default="", max_length=20)

    @property
    def most(self) -> int:
        """The longest text that has a token, in characters behind the prefix."""
        return self.max_length or self.length

    @model_validator(mode="after")
    def _has_enough_tokens(self) -> Token:
        radix = len(ALPHABETS[self.alphabet])
        if radix**self.length < LEAST_TOKENS:
            raise ValueError(
                f"length {self.length} has {radix**self.length} tokens, {LEAST_TOKENS} are needed so that trying "
                "does not find the text; use pseudonym"
            )
        if radix ** ((self.most + 1) // 2) >= _MOST_HALF:
            raise ValueError(f"texts of {self.most} characters are too long for a token; use pseudonym")
        if self.most < self.length:
            raise ValueError("max_length is below length; exchange them")
        return self


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


class DateShift(Value):
    """A time moved by -`days` to +`days` whole days, as many for all times of one customer, then cut to its `unit`.

    Gaps between a customer's days stay as they are. How far is decided by a key, not by the data.
    """

    kind: Literal["date_shift"] = "date_shift"
    days: int = Field(ge=1, le=3650)
    unit: Literal["hour", "day", "week", "month", "quarter", "year"] = "day"


class HashBucket(Value):
    """A value as the number of one of `buckets` groups, chosen by keyed hash: for categories too many to count."""

    kind: Literal["hash_bucket"] = "hash_bucket"
    domain: Domain
    buckets: int = Field(ge=2, le=65_536)


class Suppress(Value):
    """Every value becomes "*"; the column stays, for those who read tables of a fixed form."""

    kind: Literal["suppress"] = "suppress"


class Noise(Value):
    """A number with random noise on it: local differential privacy of `epsilon` (and `delta`) per customer.

    The value is clamped to the public [`low`, `high`], and what leaves is a multiple of `step`. A customer has at
    most `rows` rows, over which epsilon is shared: `laplace` (Dwork 2006), `geometric` on whole steps (Ghosh 2009),
    `gaussian` (Balle & Wang 2018, needs delta), `discrete_gaussian` on whole steps (Canonne et al. 2020, needs delta,
    calibrated by zCDP and drawn without rounding). Each preparation draws anew and spends epsilon of the budget.
    """

    kind: Literal["noise"] = "noise"
    mechanism: Literal["laplace", "geometric", "gaussian", "discrete_gaussian"]
    epsilon: float = Field(gt=0, le=10)
    delta: float = Field(default=0.0, ge=0, lt=1e-3)
    low: float
    high: float
    step: float = Field(default=1.0, gt=0)
    rows: int = Field(default=1, ge=1, le=100_000)

    @property
    def steps(self) -> float:
        """How many steps lie between low and high."""
        return (self.high - self.low) / self.step

    @property
    def spends(self) -> tuple[float, float]:
        """Epsilon and delta of a customer in all: those stated, and what finite random numbers add to delta.

        Uniform numbers of 60 bits in 53 digits, and logarithms that err in the last, move the edge between two
        released values by at most 4 u 2^-52 at the number u; all edges together by 4 scale 2^-52 in total variation,
        twice for two numbers, and twice again for safety. Delta grows by (1 + e^epsilon) times that, for each row.
        The discrete Gaussian is drawn from whole numbers and costs what is stated.
        """
        if self.mechanism == "discrete_gaussian":
            return self.epsilon, self.delta
        each, scale = self.epsilon / self.rows, self.steps * self.rows / self.epsilon
        if self.mechanism == "gaussian":  # at most (Dwork & Roth 2014, appendix A; Balle & Wang 2018)
            unit = sqrt(2 * log(1.25 / self.delta)) / self.epsilon + 1 / sqrt(2 * self.epsilon)
            each, scale = self.epsilon, unit * self.steps * sqrt(self.rows)
        variation = 16 * (scale + 1) * 2.0**-52
        return self.epsilon, self.delta + self.rows * (1 + exp(each)) * variation

    @property
    def _beyond_exact(self) -> bool:
        """Whether whole numbers with discrete Gaussian noise may leave those that a float holds exactly."""
        if self.mechanism != "discrete_gaussian":
            return False
        root = sqrt(
            log(1 / self.delta)
        )  # of rho + 2 sqrt(rho log(1 / delta)) <= epsilon (Bun & Steinke 2016)
        rho = (sqrt(root**2 + self.epsilon) - root) ** 2
        return self.steps * sqrt(self.rows / (2 * rho)) > 2.0**48

    @model_validator(mode="after")
    def _hangs_together(self) -> Noise:
        if not self.low < self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}; give a public range")
        if not 1 <= self.steps <= 1e9 or any(
            not isclose(end / self.step, round(end / self.step)) for end in (self.low, self.high)
        ):
            raise ValueError("low and high must be multiples of step, at most 1e9 of them apart; change step")
        if ("gaussian" in self.mechanism) != (self.delta > 0):
            raise ValueError(
                "gaussian noise needs a delta above 0 (and only it has one); set or remove delta"
            )
        if self.spends[1] > self.delta + 1e-6 or self._beyond_exact:
            raise ValueError(
                "so fine a grid under so small an epsilon cannot be drawn well; make step coarser"
            )
        return self


class MicroAggregate(Value):
    """A number as the mean of `k` or more neighbours by size (Domingo-Ferrer & Mateo-Sanz 2002).

    Fitted on the data: for published tables (`product: attributes`) with one row a customer only.
    """

    kind: Literal["micro_aggregate"] = "micro_aggregate"
    k: int = Field(ge=2)


class Redact(Value):
    """Free text with personal data replaced by typed placeholders. Redacted is not anonymous."""

    kind: Literal["redact"] = "redact"


Transform = Annotated[
    Drop
    | Keep
    | Pseudonym
    | Token
    | Round
    | Band
    | AgeBand
    | Truncate
    | DateShift
    | Prefix
    | Hierarchy
    | Division
    | HashBucket
    | Suppress
    | Noise
    | MicroAggregate
    | Redact,
    Field(discriminator="kind"),
]
