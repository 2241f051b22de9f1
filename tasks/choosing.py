"""Choosing: which target and recipe a training takes, and where what was chosen is kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from infra.ledger import LedgerError
from infra.manifests import NoSuchDataset, latest
from infra.sealed import recall
from models.values.balance import Front, Number
from models.values.base import Value
from models.values.dataset import DatasetRef
from models.values.spec import ShopSpec
from models.values.target import PrivacyTarget
from tasks import resolve
from tasks.sealing import keep_internal, named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.site import Site

FRONT, CHOICE = "front.json", "choice.json"


class Taken(Value):
    """What a training takes: its target, and the choices that differ from the case's own recipe."""

    target: PrivacyTarget
    choices: dict[str, Number]


def taken(site: Site, shop: ShopSpec, use_case: str) -> Taken:
    """The spec's target and the case's own recipe, or what was chosen last where the spec lets flows adjust.

    A choice never exceeds the target of the spec.
    """
    target, entry = shop.target(use_case), shop.use_cases[use_case]
    ref = None if entry.balance.adjust == "propose" else _latest(site, f"{shop.shop}-{use_case}-choice")
    if ref is None:
        return Taken(target=target, choices={})
    choices = json.loads(recall(site, resolve.TRAINER, ref, CHOICE))
    epsilon = min(float(choices.pop("epsilon", target.epsilon)), target.epsilon)
    return Taken(target=target.model_copy(update={"epsilon": epsilon}), choices=choices)


def paid(site: Site, account: str, reservation: str, wanted: Taken) -> Taken:
    """What is wanted, at no higher epsilon than was reserved for it: a choice may have changed since.

    Raises LedgerError if there is no such reservation.
    """
    for entry in site.ledger.entries(account):
        if entry.id == reservation:
            epsilon = min(wanted.target.epsilon, entry.epsilon)
            return wanted.model_copy(update={"target": wanted.target.model_copy(update={"epsilon": epsilon})})
    raise LedgerError("the ledger has no such reservation; reserve before training")


def take(bench: resolve.Bench, shop: ShopSpec, use_case: str, choices: Mapping[str, Number]) -> DatasetRef:
    """Let later trainings of a use case take `choices`."""
    return keep_internal(
        bench, shop, named(bench, shop, f"{use_case}-choice"), {CHOICE: json.dumps(dict(choices)).encode()}
    )


def keep_front(bench: resolve.Bench, shop: ShopSpec, use_case: str, front: Front) -> DatasetRef:
    """Seal the front of a use case, against which its later models are placed."""
    return keep_internal(
        bench, shop, named(bench, shop, f"{use_case}-front"), {FRONT: front.model_dump_json().encode()}
    )


def last_front(site: Site, shop: ShopSpec, use_case: str) -> tuple[str, Front] | None:
    """The last front of a use case with its name; for the embedded shop the shipped one, until it has its own."""
    ref = _latest(site, f"{shop.shop}-{use_case}-front")
    if ref is not None:
        return str(ref), Front.model_validate_json(recall(site, resolve.TRAINER, ref, FRONT))
    from models.balance.stored import stored_front

    shipped = stored_front(shop, use_case)
    return None if shipped is None else (f"shipped/{shop.shop}-{use_case}", shipped)


def _latest(site: Site, name: str) -> DatasetRef | None:
    try:
        return latest(site.store, "internal", name)
    except NoSuchDataset:
        return None
