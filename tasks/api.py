"""Prefect's API asked directly: for what must not wait seconds for the import of Prefect's client."""

from __future__ import annotations

import base64
import json
import os
import urllib.error
import urllib.request
from typing import Any

from tasks.operate import ServerError


def ask(api: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """The answer, as plain data, of the API at `api` to a request with this process's login.

    Raises ServerError if it refuses or does not answer.
    """
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    if login := os.environ.get("PREFECT_API_AUTH_STRING"):
        headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
    request = urllib.request.Request(f"{api}/{path}", data, headers, method=method)  # noqa: S310  # our own server
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
            content = reply.read()
    except urllib.error.HTTPError as refused:
        raise ServerError(
            f"the Prefect server refused {method} {path} (status {refused.code}); run `privet down`, then `privet up`"
        ) from None
    except OSError:
        raise ServerError("the Prefect server does not answer; run `privet status`") from None
    return json.loads(content) if content else None
