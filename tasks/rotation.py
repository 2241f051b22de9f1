"""Rotation: pseudonyms of an old epoch found again, with an officer's authority, to erase or to move what they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.keys import key_id
from models.anonymity.errors import PolicyError
from models.anonymity.policy import plan_release
from models.anonymity.pseudonyms import renamed
from models.values.spec import ShopSpec
from models.values.transform import Pseudonym
from tasks import resolve

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from infra.access import Principal
    from models.anonymity.pseudonyms import HmacKey


def between_epochs(
    bench: resolve.Bench,
    shop: ShopSpec,
    release: str,
    values: ir.StringColumn,
    *,
    old: str | None,
    new: str | None,
    principal: Principal = resolve.OFFICER,
) -> ir.Table:
    """The pseudonyms of raw `values` of a column of a release in two epochs: columns `old` and `new`.

    `values` bears the column's name. Both keys need a decision and leave an entry in the audit log. Without the raw
    values nothing leads from an old pseudonym to a new one.

    Raises:
        AccessDenied: the principal may not derive pseudonym keys for this purpose.
        NoSuchKey: the keys of an epoch were destroyed.
        PolicyError: the release has no such column, or it is no pseudonym.
    """
    transforms = {column.name: column.transform for column in plan_release(shop, release).columns}
    transform = transforms.get(values.get_name())
    if not isinstance(transform, Pseudonym):
        raise PolicyError(f"release {release!r} has no pseudonyms under that column; name one that it has")
    purpose = shop.releases[release].purpose

    def key(epoch: str | None) -> HmacKey:
        secret = bench.site.keys.derive(
            principal, shop=shop.shop, purpose=purpose, domain=transform.domain, epoch=epoch
        )
        return bench.engine.secret(secret, f"derived_{key_id(secret)}")

    return renamed(values, key(old), key(new), transform.spelt_as, transform.region)
