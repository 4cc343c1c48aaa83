"""Where everything is stored: one entry for writes, plain reads beside it.

A write is a unit of work, `async def work(tx, *args)`, handed to `store.turn`. It
awaits nothing but its transaction and may be run again, so it has no side effects:
what follows from a commit is told to the listeners of `on_commit`.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from models.counts import Counts
from models.database_url import SqliteFile, parse_url
from models.listeners import Listener
from models.migration_files import DatabaseTooNewError, NotMigratedError
from models.orm import WriteOutsideTurnError
from models.postgres_store import PostgresStore
from models.sqlite_store import SqliteStore
from models.transaction import (
    Dialect,
    NestedTurnError,
    Row,
    T,
    TurnOverError,
    Tx,
    UniqueViolationError,
    marks,
)

__all__ = [
    "Counts",
    "DatabaseTooNewError",
    "Dialect",
    "Listener",
    "NestedTurnError",
    "NotMigratedError",
    "PostgresStore",
    "Row",
    "SqliteStore",
    "Store",
    "TurnOverError",
    "Tx",
    "UniqueViolationError",
    "WriteOutsideTurnError",
    "marks",
    "open_store",
]


class Store(Protocol):
    """An open database. All calls raise StorageUnavailableError (domain.faults) while
    it is full, busy or away, and work again when it is back.
    """

    @property
    def dialect(self) -> Dialect:
        """Which SQL is understood."""

    @property
    def counts(self) -> Counts:
        """What it has done since it was opened."""

    async def turn(self, work: Callable[..., Awaitable[T]], *args: object) -> T:
        """Run `work(tx, *args)` as one transaction and return its result once that is
        committed. An error rolls it back. Cancelled, it was stored whole or not at all.
        """

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        """Run a statement that reads; sees what is committed, waits for no write."""

    async def fetchrow(self, sql: str, *args: object) -> Row | None:
        """Like `fetch`, and return the first row."""

    async def fetchval(self, sql: str, *args: object) -> Any:  # noqa: ANN401
        """Like `fetch`, and return the first value of the first row, or None."""

    def on_commit(self, callback: Listener) -> None:
        """Have a callback told, on the event loop, the topics that each commit noted;
        turns committed together are told together.
        """

    async def close(self) -> None:
        """Finish what was begun and let go; may be called twice."""


async def open_store(url: str) -> Store:
    """Open a database that is up to date.

    Raise BadDatabaseUrlError, NotMigratedError, DatabaseTooNewError, SqliteTooOldError
    or StorageUnavailableError.
    """
    database = parse_url(url)
    if isinstance(database, SqliteFile):
        return await SqliteStore.open(database.path)
    return await PostgresStore.open(database.url)
