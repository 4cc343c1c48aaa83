"""The transaction of a turn on PostgreSQL."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Literal

from models.postgres_faults import RAISED, reraise
from models.transaction import Row, TurnOverError


class PostgresTx:
    """Runs statements on a connection with an open transaction."""

    dialect: Literal["postgres"] = "postgres"

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - asyncpg has no types
        """Use a connection of the pool."""
        self._connection = connection
        self.topics: set[str] = set()
        self.failed = False

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        """Run a statement and return all its rows."""
        rows: list[Row] = await self._run(self._connection.fetch, sql, *args)
        return rows

    async def fetchrow(self, sql: str, *args: object) -> Row | None:
        """Run a statement and return its first row."""
        row: Row | None = await self._run(self._connection.fetchrow, sql, *args)
        return row

    async def fetchval(self, sql: str, *args: object) -> Any:  # noqa: ANN401
        """Run a statement and return the first value of its first row, or None."""
        return await self._run(self._connection.fetchval, sql, *args)

    async def execute(self, sql: str, *args: object) -> int:
        """Run a statement and return how many rows it wrote."""
        return written(await self._run(self._connection.execute, sql, *args))

    async def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run a statement once for each row of arguments."""
        await self._run(self._connection.executemany, sql, rows)

    def note(self, topic: str) -> None:
        """Have the listeners told of a topic, once committed."""
        self.topics.add(topic)

    async def commit(self) -> None:
        """Commit; raise TurnOverError where an error was passed over."""
        tag = await self._run(self._connection.execute, "COMMIT")
        if tag != "COMMIT":  # so PostgreSQL ends a transaction with an error in it
            raise TurnOverError

    async def _run(
        self, call: Callable[..., Awaitable[Any]], sql: str, *args: object
    ) -> Any:  # noqa: ANN401
        if self.failed:
            raise TurnOverError
        try:
            return await call(sql, *args)
        except RAISED as error:
            self.failed = True
            reraise(error, self._connection)


def written(tag: str) -> int:
    """Return the number of rows that a command's tag tells of (`UPDATE 3`)."""
    number = tag.rpartition(" ")[2]
    return int(number) if number.isdigit() and not tag.startswith("SELECT") else 0
