"""Tortoise's clients for SQLite: `Direct` inside a turn, `Client` outside, to read.

Their signatures are Tortoise's. Neither opens a connection or takes a lock.
"""

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from tortoise.backends.sqlite.client import SqliteClient
from tortoise.exceptions import IntegrityError

from models.orm import Savepoint, WriteOutsideTurnError
from models.sqlite_faults import reraise

Values = list[Any] | None
Read = Callable[..., Awaitable[list[Any]]]


class Direct(SqliteClient):
    """Runs statements at once on the writer's connection."""

    def __init__(self, name: str, connection: sqlite3.Connection) -> None:
        """Use the writer's connection, in the writer's thread."""
        super().__init__(":writer:", connection_name=name)
        self._writer = connection

    async def execute_insert(self, query: str, values: list[Any]) -> int:
        """Insert a row and return its rowid."""
        return int(self._cursor(query, values).lastrowid or 0)

    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        """Run a statement once for each row of values."""
        for row in values:
            self._cursor(query, row).close()

    async def execute_query(
        self, query: str, values: Values = None
    ) -> tuple[int, list[Any]]:
        """Return how many rows were written, or else read; and those read."""
        cursor = self._cursor(query, values)
        rows = cursor.fetchall()
        return max(cursor.rowcount, 0) or len(rows), rows

    async def execute_query_dict(
        self, query: str, values: Values = None
    ) -> list[dict[str, Any]]:
        """Return the rows as dictionaries."""
        return [dict(row) for row in self._cursor(query, values).fetchall()]

    async def execute_script(self, query: str) -> None:
        """Run one statement."""
        self._cursor(query).close()

    def _in_transaction(self) -> Savepoint:
        return Savepoint(self)

    def _cursor(self, query: str, values: Values = None) -> sqlite3.Cursor:
        try:
            return self._writer.execute(query, values or [])
        except sqlite3.Error as error:
            translate(error)


class Client(SqliteClient):
    """Reads through the store's readers."""

    def __init__(self, read: Read, connection_name: str) -> None:
        """Take what runs a statement with positional arguments and returns rows."""
        super().__init__(":readers:", connection_name=connection_name)
        self._read = read

    async def close(self) -> None:
        """Leave the readers to the store."""

    async def execute_query(
        self, query: str, values: Values = None
    ) -> tuple[int, list[Any]]:
        """Return the rows, counted."""
        rows = await self._read(query, values or [])
        return len(rows), rows

    async def execute_query_dict(
        self, query: str, values: Values = None
    ) -> list[dict[str, Any]]:
        """Return the rows as dictionaries."""
        return [dict(row) for row in await self._read(query, values or [])]

    # The readers refuse what follows, each with the same words.

    async def execute_insert(self, query: str, values: list[Any]) -> None:
        """Be refused."""
        await self._read(query, values)

    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        """Be refused."""
        for row in values:
            await self._read(query, row)

    async def execute_script(self, query: str) -> None:
        """Be refused."""
        await self._read(query, [])

    def _in_transaction(self) -> NoReturn:
        raise WriteOutsideTurnError


def translate(error: sqlite3.Error) -> NoReturn:
    """Raise what Tortoise, or else the rest of the program, knows an error by."""
    try:
        reraise(error)
    except sqlite3.IntegrityError as fault:
        raise IntegrityError(fault) from fault


client_class = Client
