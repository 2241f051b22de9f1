"""Budget: epsilon is spent before a customer's data is touched."""

from __future__ import annotations

from infra.report.pictures import epsilon_meter
from models.values.dataset import DatasetRef
from models.values.spec import ShopSpec
from models.values.stage import SpecRef
from tasks import resolve
from tasks.artifacts import publish_markdown
from tasks.choosing import taken
from tasks.freshness import made_under
from tasks.stage import stage


def account(shop: ShopSpec) -> str:
    """The ledger's account: all trainings on the customers of one shop share it, whatever release they use."""
    return f"{shop.shop}/customers"


@stage(timeout_seconds=120, tags={"privet"})
def reserve(pinned: SpecRef, use_case: str, released: DatasetRef, what: str = "train") -> str:
    """Set the use case's epsilon and delta aside, durably; returns the reservation's id.

    One training spends its target once: training customers bear the training, test customers the released
    evaluation, and nobody is both (parallel composition, McSherry 2009).
    """
    shop, site = resolve.spec(pinned), resolve.site()
    made_under(site, shop, released)
    target = taken(site, shop, use_case).target
    reservation = site.ledger.reserve(
        account(shop),
        epsilon=target.epsilon,
        delta=target.delta,
        cap_epsilon=shop.budget.epsilon,
        cap_delta=shop.budget.delta,
        what=f"{what}/{use_case}/{released.version}",
    )
    spent = site.ledger.spent(account(shop)).epsilon
    left = max(0.0, shop.budget.epsilon - spent)
    meter = epsilon_meter(shop.shop, spent=spent, left=left, run=target.epsilon, use_case=use_case)
    publish_markdown(f"epsilon-{use_case}", meter, f"privacy budget of {shop.shop}")
    return reservation.id
