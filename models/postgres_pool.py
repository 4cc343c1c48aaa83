"""Connections to PostgreSQL, pooled; ids on them are 16 bytes.

A borrower may be cancelled at any moment: the connection goes back clean, or is
closed, and the pool opens another when it needs one.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, Self

import asyncpg

from models.postgres_faults import RAISED, reraise

CONNECT_S: Final = 5
ACQUIRE_S: Final = 10
STATEMENT_S: Final = 30
CLEAN_UP_S: Final = 5
CLOSE_S: Final = 10

SETTINGS: Final = {
    "application_name": "tocsin",
    "jit": "off",  # compiling takes longer than any statement of ours
    "lock_timeout": "10s",
    # An old snapshot keeps the dead index entries at the head of every lane.
    "idle_in_transaction_session_timeout": "30s",
}
READING: Final = SETTINGS | {"default_transaction_read_only": "on"}


async def connect(url: str) -> Any:  # noqa: ANN401 - asyncpg has no types
    """Open a connection outside any pool."""
    try:
        connection = await asyncpg.connect(
            url,
            timeout=CONNECT_S,
            command_timeout=STATEMENT_S,
            server_settings=SETTINGS,
        )
        await _prepare(connection)
    except RAISED as error:
        reraise(error)
    return connection


class Pool:
    """Some connections with the same settings."""

    def __init__(self, pool: Any) -> None:  # noqa: ANN401
        """See `open`."""
        self.pool = pool
        self._returning: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, url: str, size: int, settings: Mapping[str, str]) -> Self:
        """Open a pool; raise StorageUnavailableError where nobody answers."""
        try:
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=size,
                init=_prepare,
                reset=_keep,
                timeout=CONNECT_S,
                command_timeout=STATEMENT_S,
                server_settings=dict(settings),
            )
        except RAISED as error:
            reraise(error)
        return cls(pool)

    @contextlib.asynccontextmanager
    async def borrowed(self) -> AsyncIterator[Any]:
        """Lend a connection; a transaction left open on it is rolled back."""
        try:
            connection = await self.pool.acquire(timeout=ACQUIRE_S)
        except RAISED as error:
            reraise(error)
        try:
            yield connection
        finally:
            if connection.is_closed() or connection.is_in_transaction():
                await self._return_unclean(connection)
            else:
                await self.pool.release(connection)

    async def close(self) -> None:
        """Wait for what is lent, for a while, and disconnect."""
        try:
            await asyncio.wait_for(self.pool.close(), CLOSE_S)
        except TimeoutError:
            self.pool.terminate()

    async def _return_unclean(self, connection: Any) -> None:  # noqa: ANN401
        # A task of its own: the borrower may have been cancelled, or be so now.
        task = asyncio.create_task(self._clean_up(connection))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)
        await asyncio.shield(task)

    async def _clean_up(self, connection: Any) -> None:  # noqa: ANN401
        try:
            if not connection.is_closed():
                await connection.execute("ROLLBACK", timeout=CLEAN_UP_S)
        except RAISED:
            connection.terminate()
        with contextlib.suppress(*RAISED):
            await self.pool.release(connection)


async def _prepare(connection: Any) -> None:  # noqa: ANN401
    await connection.set_type_codec(
        "uuid", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary"
    )


async def _keep(_connection: Any) -> None:  # noqa: ANN401
    """Nothing of ours outlives a transaction: resetting would be a round trip more."""
