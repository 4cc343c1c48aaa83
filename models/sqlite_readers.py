"""Connections that only read: a few threads, one connection each.

In WAL mode they see the last commit and wait for no writer.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from models.orm import WriteOutsideTurnError
from models.sqlite_faults import reraise

COUNT: Final = 4


class Readers:
    """Runs statements that change nothing."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Take what opens a connection; it is called in the threads, when needed."""
        self._connect = connect
        self._threads = ThreadPoolExecutor(COUNT, "reader")
        self._mine = threading.local()
        self._connections: list[sqlite3.Connection] = []

    async def read(self, sql: str, values: Any) -> list[Any]:  # noqa: ANN401
        """Run a statement with values by name or position and return all rows."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._read, sql, values)

    async def close(self) -> None:
        """Finish what is read now and close the connections."""
        await asyncio.to_thread(self._threads.shutdown)
        for connection in self._connections:
            connection.close()

    def _read(self, sql: str, values: Any) -> list[Any]:  # noqa: ANN401
        try:
            return self._connection().execute(sql, values).fetchall()
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "") == "SQLITE_READONLY":
                raise WriteOutsideTurnError from error
            reraise(error)

    def _connection(self) -> sqlite3.Connection:
        try:
            found: sqlite3.Connection = self._mine.connection
        except AttributeError:
            found = self._mine.connection = self._connect()
            self._connections.append(found)
        return found
