"""Prefect's own server, started with SQLite transactions that wait for their turn.

Prefect 3.8 begins a transaction on SQLite without its write lock and takes the lock at the first write. If
another transaction wrote in between, SQLite refuses at once with `database is locked`, whatever the waiting
time (sqlite.org, *Isolation In SQLite*). A request is then answered with 503, and an event that should
have started an alert or a training is lost after three tries. Asked for the lock at the beginning, SQLite
waits for it. This module may go when Prefect does so itself.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from prefect.cli import app
from prefect.server.database.configurations import AioSqliteConfiguration


def take_the_lock_first() -> None:
    """From now on every transaction on SQLite begins with the write lock."""
    deferred = AioSqliteConfiguration.begin_transaction

    @asynccontextmanager
    async def begin_transaction(
        self: AioSqliteConfiguration, session: Any, with_for_update: bool = False
    ) -> AsyncGenerator[Any, None]:
        del with_for_update
        async with deferred(self, session, with_for_update=True) as transaction:
            yield transaction

    AioSqliteConfiguration.begin_transaction = begin_transaction  # type: ignore[method-assign]


if __name__ == "__main__":
    take_the_lock_first()
    app()
