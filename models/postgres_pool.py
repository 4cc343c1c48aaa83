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
from models.postgres_faults import RAISED, is_lost, reraise

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
BROKEN: Final = (
    StorageUnavailableError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""After these a connection is not lent again."""

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
        try:
            await _prepare(connection)
        except BaseException:  # cancelled, too: nobody else knows of it yet
            connection.terminate()
            raise
    except RAISED as error:
        reraise(error)
    return connection


class Pool:
    """Some connections with the same settings."""

    def __init__(self, pool: Any) -> None:  # noqa: ANN401
        """See `open`."""
        self._pool = pool
        # The pool's own queue loses its order of things while it is closing.
        self._room = asyncio.Semaphore(pool.get_max_size())
        self._returning: set[asyncio.Task[None]] = set()
        self._open = True

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
        await self._wait_for_room()
        try:
            connection = await self._acquire()
            try:
                yield connection
            except BROKEN:
                _drop(connection)
                raise
            finally:
                if is_lost(connection) or connection.is_in_transaction():
                    await self._return_unclean(connection)
                else:
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
            async with asyncio.timeout(ACQUIRE_S):
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

    async def _return_unclean(self, connection: Any) -> None:  # noqa: ANN401
        # A task of its own: the borrower may have been cancelled, or be so now.
        task = asyncio.create_task(self._clean_up(connection))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)
        await asyncio.shield(task)

    async def _clean_up(self, connection: Any) -> None:  # noqa: ANN401
        try:
            if not is_lost(connection):
                await connection.execute("ROLLBACK", timeout=CLEAN_UP_S)
        except RAISED:
            _drop(connection)
        with contextlib.suppress(*RAISED):
            await self._pool.release(connection)


def _drop(connection: Any) -> None:  # noqa: ANN401
    with contextlib.suppress(*RAISED):  # the pool may have taken it back
        connection.terminate()


async def _prepare(connection: Any) -> None:  # noqa: ANN401
    await connection.set_type_codec(
        "uuid", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary"
    )


async def _keep(_connection: Any) -> None:  # noqa: ANN401
    """Nothing of ours outlives a transaction: resetting would be a round trip more."""
