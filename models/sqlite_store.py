"""The embedded database: one writer and some readers, all in this process."""

import asyncio
import contextlib
import functools
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Literal, Self

from domain.faults import StorageUnavailableError
from models.listeners import Listener, Listeners
from models.migration_files import APPLIED, NotMigratedError, missing
from models.orm import Orm
from models.sqlite_engine import Direct
from models.sqlite_faults import check_version, opening
from models.sqlite_readers import Readers
from models.sqlite_transaction import bound
from models.sqlite_writer import Writer
from models.transaction import Row, T, refuse_inside_turn

BUSY_MS: Final = 5_000
"""How long a group of turns waits for another process's transaction."""

STATEMENTS_KEPT: Final = 500

LOG_KEPT: Final = 16 * 1024 * 1024
"""Bytes that the write-ahead log keeps on disk once its pages are in the database."""

# FULL: what was answered survives a power cut.
WRITER: Final = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    f"journal_size_limit = {LOG_KEPT}",
)
READER: Final = ("query_only = ON",)


class SqliteStore:
    """See `models.store.Store`."""

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(
        self, connect: Callable[[], sqlite3.Connection], readers: Readers, orm: Orm
    ) -> None:
        """See `open`; `connect` opens the writer's connection."""
        self._listeners = Listeners()
        self._readers = readers
        self._orm = orm
        self._writer = Writer(connect, self._enter, self._listeners.tell)
        self.counts = self._writer.counts
        self._open = True

    @classmethod
    async def open(cls, path: Path, busy_ms: int = BUSY_MS) -> Self:
        """Open a file that is up to date.

        Raise NotMigratedError, DatabaseTooNewError, SqliteTooOldError or
        StorageUnavailableError.
        """
        check_version()
        with opening(path, busy_ms / 1000):
            if await asyncio.to_thread(_lacks_migrations, path, busy_ms):
                raise NotMigratedError
        readers = Readers(functools.partial(connect, path, busy_ms, READER))
        orm = await Orm.open("sqlite", "models.sqlite_engine", read=readers.read)
        return cls(functools.partial(connect, path, busy_ms, WRITER), readers, orm)

    async def turn(self, work: Callable[..., Awaitable[T]], *args: object) -> T:
        """Run a unit of work as one transaction; see `models.store.Store`."""
        refuse_inside_turn()
        self._check_open()
        result: T = await self._writer.put(work, args)
        return result

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        """Run a statement that reads and return all its rows."""
        refuse_inside_turn()
        self._check_open()
        return await self._readers.read(sql, bound(args))

    async def fetchrow(self, sql: str, *args: object) -> Row | None:
        """Run a statement that reads and return its first row."""
        rows = await self.fetch(sql, *args)
        return rows[0] if rows else None

    async def fetchval(self, sql: str, *args: object) -> Any:  # noqa: ANN401
        """Run a statement that reads and return the first value, or None."""
        rows = await self.fetch(sql, *args)
        return rows[0][0] if rows else None

    def on_commit(self, callback: Listener) -> None:
        """Have a callback told the topics of each commit, on the event loop."""
        self._listeners.add(callback)

    async def close(self) -> None:
        """Finish what was begun and let go of the file."""
        if self._open:
            self._open = False
            await self._writer.close()
            await self._readers.close()
            self._orm.close()

    def _enter(
        self, connection: sqlite3.Connection
    ) -> contextlib.AbstractContextManager[None]:
        return self._orm.bound(Direct(self._orm.name, connection))

    def _check_open(self) -> None:
        if not self._open:
            message = "The database is closed."
            raise StorageUnavailableError(message)


def connect(path: Path, busy_ms: int, role: tuple[str, ...]) -> sqlite3.Connection:
    """Open a connection for a role. Transactions are begun by hand."""
    connection = sqlite3.connect(
        path,
        timeout=busy_ms / 1000,
        isolation_level=None,
        check_same_thread=False,  # opened here, used by one other thread
        cached_statements=STATEMENTS_KEPT,
    )
    connection.row_factory = sqlite3.Row
    for pragma in role:
        connection.execute(f"PRAGMA {pragma}").close()
    return connection


def _lacks_migrations(path: Path, busy_ms: int) -> bool:
    if not path.exists():  # connecting would make it
        return True
    with contextlib.closing(connect(path, busy_ms, READER)) as connection:
        known = "SELECT 1 FROM sqlite_schema WHERE name = 'aerich'"
        if not connection.execute(known).fetchall():
            return True
        applied = connection.execute(APPLIED).fetchall()
        return bool(missing([row["version"] for row in applied]))
