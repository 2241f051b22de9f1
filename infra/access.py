"""The access decision: may this principal do this with that data, for this purpose? One place, default deny.

Policies are Cedar (policies.cedar). No policy, a broken one, or an error in any rule means no.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pydantic import Field

from models.values.base import Value
from models.values.dataset import DatasetRef
from models.values.errors import PrivetError

POLICIES = Path(__file__).with_name("policies.cedar")
_WORD = re.compile(r"[a-z][a-z0-9_.-]{0,62}")
_RESOURCE = re.compile(r"[a-z][a-z0-9_./=-]{0,254}")


class AccessDenied(PrivetError, PermissionError):
    """The decision was no, and so nothing was done."""


class Principal(Value):
    """Who asks: a name for the audit log (a flow or a login, no customer) and the role that it acts in."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_.-]{0,62}$")
    role: str = Field(pattern=r"^[a-z][a-z0-9_.-]{0,62}$")


class Access:
    """A set of policies that decides. It keeps no state, so that a changed role counts at once."""

    def __init__(self, policies: str, *, purposes: Collection[str] | None = None) -> None:
        self._policies = policies
        self._purposes = None if purposes is None else frozenset(purposes)

    @classmethod
    def load(cls, path: Path = POLICIES, *, purposes: Collection[str] | None = None) -> Access:
        """Policies from a file; a missing or unreadable one denies everything.

        With `purposes` (those of the shop's spec) any other purpose is denied whatever a policy says.
        """
        try:
            return cls(path.read_text("utf-8"), purposes=purposes)
        except (OSError, UnicodeDecodeError):
            return cls("", purposes=purposes)

    def authorise(
        self,
        principal: Principal,
        action: str,
        resource: DatasetRef | str,
        *,
        product: str,
        purpose: str | None,
        resource_purpose: str | None = None,
    ) -> None:
        """Return if the policies allow it.

        `purpose` is what the data is asked for, `resource_purpose` what it was made or released for, from the
        data's own record and never from the one who asks; None where there is none (raw, curated, internal).
        A text as `resource` is `zone/...`. Whoever calls logs the decision.

        Raises:
            AccessDenied: no rule permits it, one forbids it, or the policies are empty or broken.
        """
        asked = f"role {principal.role!r} may not {_shown(action, _WORD)} {_shown(str(resource), _RESOURCE)}"
        words = (action, product, purpose, resource_purpose)
        if not _RESOURCE.fullmatch(str(resource)) or any(
            w is not None and not _WORD.fullmatch(w) for w in words
        ):
            raise AccessDenied(f"{asked}: the request is malformed; use plain words a-z 0-9 _ . -")
        if self._purposes is not None and not {purpose, resource_purpose} <= {None, *self._purposes}:
            raise AccessDenied(f"{asked}: the spec names no such purpose; state it under purposes")
        request, entities = _question(principal, action, str(resource), product, purpose, resource_purpose)
        if not self._allows(request, entities):
            raise AccessDenied(
                f"{asked} (product {product}, for {purpose or 'no purpose'}, kept for "
                f"{resource_purpose or 'no purpose'}); act in a role that infra/policies.cedar permits"
            )

    def _allows(self, request: dict[str, Any], entities: list[dict[str, Any]]) -> bool:
        import cedarpy

        try:
            answer = cedarpy.is_authorized(request, self._policies, entities)
        except (ValueError, TypeError):
            return False
        # Cedar skips a rule that fails, a forbidding one too: an error anywhere therefore means no.
        return bool(answer.allowed) and not answer.diagnostics.errors


def _question(
    principal: Principal,
    action: str,
    resource: str,
    product: str,
    purpose: str | None,
    resource_purpose: str | None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    who, what = {"type": "Principal", "id": principal.name}, {"type": "Resource", "id": resource}
    request = {
        "principal": who,
        "action": {"type": "Action", "id": action},
        "resource": what,
        "context": {"purpose": purpose or ""},
    }
    kept = {"zone": resource.partition("/")[0], "product": product, "purpose": resource_purpose or ""}
    entities = [
        {"uid": who, "attrs": {"role": principal.role}, "parents": []},
        {"uid": what, "attrs": kept, "parents": []},
    ]
    return request, entities


def _shown(word: str, form: re.Pattern[str]) -> str:
    return word if form.fullmatch(word) else "something unnamed"
