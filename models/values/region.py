"""Regions: the countries whose telephone numbers can be spelt in one way."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

_CODES = (
    "AE AT AU BE CA CH CN CZ DE DK ES FI FR GB HK ID IE IN IT JP KR MO MX MY NL NO NZ PH PL PT RU SA SE SG TH TR TW "
    "US VN ZA"
)
REGIONS = frozenset(_CODES.split())


def _known(region: str) -> str:
    if region not in REGIONS:
        raise ValueError(
            f"{region!r} is no region that is known; use one of {' '.join(sorted(REGIONS))}, or none"
        )
    return region


Region = Annotated[str, AfterValidator(_known)]
"""ISO 3166-1, two letters."""
