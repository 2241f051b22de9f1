"""balance: a use case in, the front of utility, risk and compliance out, with the choice on it."""

from __future__ import annotations

from prefect import flow

from flows.prepare import prepare
from models.values.stage import Balanced
from tasks import balancing, intake


@flow(name="balance", persist_result=False, log_prints=False)
def balance(
    spec: str, use_case: str, trials: int = 30, private: bool = False, stand_in: str | None = None
) -> Balanced:
    """Train a use case in many ways on public data (or, `private`, at a charge) and choose among what came of it."""
    pinned, searched = intake.pin(spec), intake.pin(balancing.source(spec, use_case, private, stand_in))
    released = balancing.release_of(searched.path) or prepare(searched.path).released
    search = balancing.gather(pinned, use_case, searched, released, trials, private)
    for number in range(trials):
        balancing.trial(pinned, use_case, search, number)
    while balancing.again(pinned, use_case, search) is not None:
        pass
    return balancing.conclude(pinned, use_case, search)
