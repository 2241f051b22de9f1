"""Prefect's transactions on SQLite: without the lock first, the slower of two writers fails at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from prefect.server.database.configurations import AioSqliteConfiguration
from sqlalchemy.exc import OperationalError

from tasks import prefect_server


async def _two_read_then_write(path: Path) -> int:
    database = AioSqliteConfiguration(connection_url=f"sqlite+aiosqlite:///{path}")
    engine = await database.engine()
    async with engine.connect() as connection:
        await connection.execute(sa.text("CREATE TABLE counts (n INTEGER)"))
        await connection.execute(sa.text("INSERT INTO counts VALUES (0)"))
        await connection.commit()

    async def add_one() -> None:
        session = await database.session(engine)
        async with session, database.begin_transaction(session):
            (before,) = (await session.execute(sa.text("SELECT n FROM counts"))).one()
            await asyncio.sleep(0.2)
            await session.execute(sa.text("UPDATE counts SET n = :n"), {"n": before + 1})

    try:
        await asyncio.gather(add_one(), add_one())
        async with engine.connect() as connection:
            return int((await connection.execute(sa.text("SELECT n FROM counts"))).scalar_one())
    finally:
        await engine.dispose()


@pytest.fixture
def mended(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    monkeypatch.setattr(AioSqliteConfiguration, "begin_transaction", AioSqliteConfiguration.begin_transaction)
    return prefect_server.take_the_lock_first


def test_as_prefect_has_it_one_of_two_writers_is_refused(tmp_path):
    """When this fails, Prefect has mended it and tasks/prefect_server.py may go."""
    with pytest.raises(OperationalError, match="database is locked"):
        asyncio.run(_two_read_then_write(tmp_path / "plain.db"))


def test_with_the_lock_first_both_writers_succeed(tmp_path, mended):
    mended()
    assert asyncio.run(_two_read_then_write(tmp_path / "mended.db")) == 2
