"""The transaction of a turn on SQLite: nothing in it ever waits."""

import functools
import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeVar

from models.sqlite_faults import reraise
from models.transaction import Row, TurnOverError

T = TypeVar("T")

_MARK = re.compile(r"\$[0-9]+")

# Named `$1`, bound by a mapping: a sequence for names is deprecated in Python 3.12.
_NAMES = tuple(str(number) for number in range(1, 1000))


def bound(args: Sequence[object]) -> dict[str, object]:
    """Return the arguments of a statement by the names it has for them."""
    return dict(zip(_NAMES, args, strict=False))


@functools.lru_cache(maxsize=1000)
def in_order(sql: str) -> str | None:
    """Return a statement with marks without names, if it takes each argument once and
    in order: binding those takes half the time.
    """
    names = _MARK.findall(sql)
    if names != [f"${number}" for number in range(1, len(names) + 1)]:
        return None
    return _MARK.sub("?", sql)


def fetch(connection: sqlite3.Connection, sql: str, args: Sequence[object]) -> Any:  # noqa: ANN401
    """Return all rows: a statement that is not run to its end would stay open."""
    if plain := in_order(sql):
        return connection.execute(plain, args).fetchall()
    return connection.execute(sql, bound(args)).fetchall()


class SqliteTx:
    """Runs statements on the writer's connection, in the writer's thread."""

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection with an open savepoint."""
        self._connection = connection
        self.topics: set[str] = set()
        self.failed = False

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        """Run a statement and return all its rows."""
        rows: list[Row] = self._run(fetch, self._connection, sql, args)
        return rows

    async def fetchrow(self, sql: str, *args: object) -> Row | None:
        """Run a statement and return its first row."""
        rows = self._run(fetch, self._connection, sql, args)
        return rows[0] if rows else None

    async def fetchval(self, sql: str, *args: object) -> Any:  # noqa: ANN401
        """Run a statement and return the first value of its first row, or None."""
        rows = self._run(fetch, self._connection, sql, args)
        return rows[0][0] if rows else None

    async def execute(self, sql: str, *args: object) -> int:
        """Run a statement and return how many rows it wrote."""
        plain = in_order(sql)
        statement, values = (plain, args) if plain else (sql, bound(args))
        cursor = self._run(self._connection.execute, statement, values)
        written: int = max(cursor.rowcount, 0)
        cursor.close()
        return written

    async def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run a statement once for each row of arguments."""
        if plain := in_order(sql):
            self._run(self._connection.executemany, plain, rows).close()
        else:
            self._run(self._connection.executemany, sql, map(bound, rows)).close()

    def note(self, topic: str) -> None:
        """Have the listeners told of a topic, once committed."""
        self.topics.add(topic)

    def _run(self, call: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401
        # PostgreSQL refuses to go on after an error; so nothing may rely on it here.
        if self.failed:
            raise TurnOverError
        try:
            return call(*args)
        except sqlite3.Error as error:
            self.failed = True
            reraise(error)
