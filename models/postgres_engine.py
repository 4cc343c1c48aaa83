"""Tortoise's clients for PostgreSQL: `Direct` inside a turn, `Client` outside, to read.

Their signatures are Tortoise's. Neither opens a pool: cancelled at the wrong moment,
Tortoise's own transactions drain it for good.
"""

# ruff: noqa: ANN401 - the signatures are Tortoise's, and asyncpg has no types

import logging
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final, NoReturn

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient
from tortoise.exceptions import IntegrityError, OperationalError

from models.orm import Savepoint, WriteOutsideTurnError
from models.postgres_faults import RAISED, READ_ONLY, reraise
from models.postgres_pool import Pool

# Of nobody: no setting of the log reaches it.
SILENT: Final = logging.Logger("silent", logging.CRITICAL)  # noqa: LOG001


class Held:
    """A connection that is held already."""

    def __init__(self, connection: Any) -> None:
        """Hold a connection."""
        self._connection = connection

    async def __aenter__(self) -> Any:
        """Return the connection."""
        return self._connection

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the connection to the turn."""


class Translating(AsyncpgDBClient):
    """Raises what Tortoise, or else the rest of the program, knows errors by."""

    def __init__(self, connection_name: str) -> None:
        """Log nothing: Tortoise would log all values of all statements."""
        super().__init__(connection_name=connection_name)
        self.log = SILENT

    async def _translate_exceptions(
        self, func: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any
    ) -> Any:
        try:
            return await func(self, *args, **kwargs)
        except RAISED as error:
            translate(error)


class Direct(Translating):
    """Runs statements on the connection of a turn."""

    def __init__(self, name: str, connection: Any) -> None:
        """Use a connection with an open transaction."""
        super().__init__(connection_name=name)
        self._held = Held(connection)

    def acquire_connection(self) -> Any:
        """Return the turn's connection."""
        return self._held

    async def execute_many(self, query: str, values: list[Any]) -> None:
        """Run a statement once for each row of values."""
        async with self._held as connection:
            try:
                await connection.executemany(query, values)
            except RAISED as error:
                translate(error)

    def _in_transaction(self) -> Savepoint:
        return Savepoint(self)


class Client(Translating):
    """Reads through the store's pool of reading connections."""

    def __init__(self, pool: Pool, connection_name: str) -> None:
        """Use a pool whose connections refuse to write."""
        super().__init__(connection_name=connection_name)
        self._reads = pool

    def acquire_connection(self) -> Any:
        """Borrow a connection for a statement."""
        return self._reads.borrowed()

    async def close(self) -> None:
        """Leave the pool to the store."""

    async def _translate_exceptions(
        self, func: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any
    ) -> Any:
        try:
            return await super()._translate_exceptions(func, *args, **kwargs)
        except READ_ONLY as error:
            raise WriteOutsideTurnError from error

    def _in_transaction(self) -> NoReturn:
        raise WriteOutsideTurnError


def translate(error: Exception) -> NoReturn:
    """Raise what an error of the driver means."""
    if isinstance(error, asyncpg.IntegrityConstraintViolationError) and not isinstance(
        error, asyncpg.UniqueViolationError
    ):
        raise IntegrityError(error) from error
    if isinstance(error, asyncpg.SyntaxOrAccessError | asyncpg.DataError):
        raise OperationalError(error) from error
    reraise(error)


client_class = Client
