"""The cluster's database: two pools, one for turns and one that only reads.

Reads never wait for turns that wait for each other.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, Literal, Self

from domain.faults import CommitInDoubtError, StorageUnavailableError
from models.counts import Counts
from models.listeners import Listener, Listeners
from models.migration_files import APPLIED, NotMigratedError, missing
from models.orm import Orm, WriteOutsideTurnError
from models.postgres_connection import READING, SETTINGS, connect
from models.postgres_engine import Direct
from models.postgres_faults import READ_ONLY, RETRIED
from models.postgres_pool import Pool
from models.postgres_transaction import PostgresTx
from models.transaction import IN_TURN, Row, T, refuse_inside_turn

TRIES: Final = 4
"""How often a turn is tried that a deadlock or another snapshot undoes."""

TURNS_AT_ONCE: Final = 12
READS_AT_ONCE: Final = 6


class PostgresStore:
    """See `models.store.Store`."""

    dialect: Literal["postgres"] = "postgres"

    def __init__(self, url: str, turns: Pool, reads: Pool, orm: Orm) -> None:
        """See `open`."""
        self._url = url
        self._turns = turns
        self._reads = reads
        self._orm = orm
        self._listeners = Listeners()
        self.counts = Counts()
        self._open = True

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect to a database that is up to date; raise NotMigratedError."""
        async with contextlib.AsyncExitStack() as opened:
            turns = await Pool.open(url, TURNS_AT_ONCE, SETTINGS)
            opened.push_async_callback(turns.close)
            reads = await Pool.open(url, READS_AT_ONCE, READING)
            opened.push_async_callback(reads.close)
            if await _lacks_migrations(reads):
                raise NotMigratedError
            orm = await Orm.open("postgres", "models.postgres_engine", pool=reads)
            opened.pop_all()
        return cls(url, turns, reads, orm)

    async def turn(self, work: Callable[..., Awaitable[T]], *args: object) -> T:
        """Run a unit of work as one transaction; see `models.store.Store`."""
        refuse_inside_turn()
        try:
            result = await self._several_times(work, args)
        except StorageUnavailableError:
            self.counts.refused += 1
            raise
        self.counts.turns += 1
        self.counts.commits += 1
        return result

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        """Run a statement that reads and return all its rows."""
        async with self._reading() as tx:
            return await tx.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: object) -> Row | None:
        """Run a statement that reads and return its first row."""
        async with self._reading() as tx:
            return await tx.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: object) -> Any:  # noqa: ANN401
        """Run a statement that reads and return the first value, or None."""
        async with self._reading() as tx:
            return await tx.fetchval(sql, *args)

    def on_commit(self, callback: Listener) -> None:
        """Have a callback told the topics of each commit, on the event loop."""
        self._listeners.add(callback)

    async def connect(self) -> Any:  # noqa: ANN401 - asyncpg has no types
        """Open a connection of one's own, to listen or hold a lock; to be closed."""
        return await connect(self._url)

    async def close(self) -> None:
        """Finish what was begun and disconnect."""
        if self._open:
            self._open = False
            self._orm.close()
            await self._turns.close()
            await self._reads.close()

    @contextlib.asynccontextmanager
    async def _reading(self) -> AsyncIterator[PostgresTx]:
        refuse_inside_turn()
        try:
            async with self._reads.borrowed() as connection:
                yield PostgresTx(connection)
        except READ_ONLY as error:
            raise WriteOutsideTurnError from error

    async def _several_times(
        self, work: Callable[..., Awaitable[T]], args: tuple[object, ...]
    ) -> T:
        try:
            for _ in range(TRIES - 1):
                with contextlib.suppress(*RETRIED):
                    return await self._once(work, args)
            return await self._once(work, args)
        except (*RETRIED, READ_ONLY) as error:
            raise StorageUnavailableError(str(error)) from error

    async def _once(
        self, work: Callable[..., Awaitable[T]], args: tuple[object, ...]
    ) -> T:
        queued = time.perf_counter()
        async with self._turns.borrowed() as connection:
            self.counts.waited += time.perf_counter() - queued
            tx = PostgresTx(connection)
            await tx.execute("BEGIN")
            result = await self._inside(work, tx, connection, args)
            try:
                await tx.commit()
            except StorageUnavailableError as error:
                raise CommitInDoubtError(str(error)) from error
            finally:  # cut off in the middle, it may have been committed
                self._listeners.tell(frozenset(tx.topics))
            return result

    async def _inside(
        self,
        work: Callable[..., Awaitable[T]],
        tx: PostgresTx,
        connection: Any,  # noqa: ANN401
        args: tuple[object, ...],
    ) -> T:
        entered = IN_TURN.set(True)
        try:
            with self._orm.bound(Direct(self._orm.name, connection)):
                return await work(tx, *args)
        finally:
            IN_TURN.reset(entered)


async def _lacks_migrations(reads: Pool) -> bool:
    async with reads.borrowed() as connection:
        tx = PostgresTx(connection)
        if not await tx.fetchval("SELECT to_regclass('aerich') IS NOT NULL"):
            return True
        return bool(missing([row["version"] for row in await tx.fetch(APPLIED)]))
