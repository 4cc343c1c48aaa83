"""Connections to PostgreSQL, pooled; ids on them are 16 bytes.

A borrower may be cancelled at any moment: the connection goes back clean, or is
closed, and the pool opens another when it needs one.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, Self

import asyncpg

from domain.faults import StorageUnavailableError
from models.postgres_connection import CONNECT_S, STATEMENT_S, keep, prepare
from models.postgres_faults import RAISED, reraise

ACQUIRE_S: Final = 10
CLEAN_UP_S: Final = 5
CLOSE_S: Final = 10

BROKEN: Final = (
    StorageUnavailableError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""After these a connection is not lent again."""


class Pool:
    """Some connections with the same settings."""

    def __init__(self, pool: Any, acquire_s: float) -> None:  # noqa: ANN401
        """See `open`."""
        self._pool = pool
        self._acquire_s = acquire_s
        # The pool's own queue loses its order of things while it is closing.
        self._room = asyncio.Semaphore(pool.get_max_size())
        self._returning: set[asyncio.Task[None]] = set()
        self._open = True

    @classmethod
    async def open(
        cls,
        url: str,
        size: int,
        settings: Mapping[str, str],
        acquire_s: float = ACQUIRE_S,
    ) -> Self:
        """Open a pool; raise StorageUnavailableError where nobody answers.

        A borrower waits `acquire_s` seconds for a connection that is in use.
        """
        try:
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=size,
                init=prepare,
                reset=keep,
                timeout=CONNECT_S,
                command_timeout=STATEMENT_S,
                server_settings=dict(settings),
            )
        except RAISED as error:
            reraise(error)
        return cls(pool, acquire_s)

    @contextlib.asynccontextmanager
    async def borrowed(self) -> AsyncIterator[Any]:
        """Lend a connection; a transaction left open on it is rolled back."""
        await self._wait_for_room()
        try:
            connection = await self._acquire()
            try:
                yield connection
            except BaseException as error:
                # Not only where a transaction is known to be open: cut off in BEGIN,
                # it will be.
                await self._return_unclean(connection, isinstance(error, BROKEN))
                raise
            await self._pool.release(connection)
        finally:
            self._room.release()

    async def close(self) -> None:
        """Wait for what is lent, for a while, and disconnect."""
        self._open = False
        try:
            await asyncio.wait_for(self._pool.close(), CLOSE_S)
        except TimeoutError:
            self._pool.terminate()

    async def _wait_for_room(self) -> None:
        try:
            async with asyncio.timeout(self._acquire_s):
                await self._room.acquire()
        except TimeoutError as error:
            message = "All connections to the database are in use."
            raise StorageUnavailableError(message) from error

    async def _acquire(self) -> Any:  # noqa: ANN401
        if not self._open:
            message = "The database is closed."
            raise StorageUnavailableError(message)
        try:
            return await self._pool.acquire()
        except RAISED as error:
            reraise(error)

    async def _return_unclean(self, connection: Any, broken: bool) -> None:  # noqa: ANN401
        # A task of its own: the borrower may have been cancelled, or be so now.
        task = asyncio.create_task(self._clean_up(connection, broken))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)
        await asyncio.shield(task)

    async def _clean_up(self, connection: Any, broken: bool) -> None:  # noqa: ANN401
        try:
            if not broken:
                await connection.execute("ROLLBACK", timeout=CLEAN_UP_S)
        except RAISED:
            broken = True
        with contextlib.suppress(*RAISED):
            if broken:
                connection.terminate()
            await self._pool.release(connection)
