"""Tortoise beside raw SQL: models work inside turns and, to read, outside them.

Inside a turn they use its connection. Outside they use the readers of the store that
was opened last: Tortoise's context does not reach tasks that run already, so it is
set for all. Models know one dialect at a time, that of the last store.
"""

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any, Final

from tortoise import context
from tortoise.backends.base.client import BaseDBAsyncClient, TransactionContext
from tortoise.context import TortoiseContext

from models.migration_files import APP, MODULES

_counter: Final = itertools.count()
_opened: Final[list[TortoiseContext]] = []


class WriteOutsideTurnError(RuntimeError):
    """Something tried to write, or to open a transaction, outside a turn."""

    def __init__(self) -> None:
        """Say what to do instead."""
        super().__init__("All writes go through store.turn(work).")


class Orm:
    """The models of one open store."""

    def __init__(self, name: str, opened: TortoiseContext) -> None:
        """See `open`."""
        self._name = name
        self._context = opened

    @classmethod
    async def open(cls, dialect: str, engine: str, **credentials: object) -> "Orm":
        """Load the models over the client class of an engine module."""
        # Tortoise caches SQL by the connection's name: so it has to be the dialect's.
        config = {
            "connections": {dialect: {"engine": engine, "credentials": credentials}},
            "apps": {APP: {"models": list(MODULES), "default_connection": dialect}},
        }
        opened = TortoiseContext()
        with opened:
            await opened.init(config)
        _opened.append(opened)
        context._global_context = opened  # noqa: SLF001 - its setter takes one only
        return cls(dialect, opened)

    def close(self) -> None:
        """Leave the models to the store that was opened before, if one is left."""
        _opened.remove(self._context)
        context._global_context = _opened[-1] if _opened else None  # noqa: SLF001

    @property
    def name(self) -> str:
        """The name of the connection."""
        return self._name

    @contextlib.contextmanager
    def bound(self, client: BaseDBAsyncClient) -> Iterator[None]:
        """Have models use a client in this context."""
        connections = self._context.connections
        # Not `with self._context`: it can be entered once at a time.
        entered = context._current_context.set(self._context)  # noqa: SLF001
        token = connections.set(self._name, client)
        try:
            yield
        finally:
            connections.reset(token)
            context._current_context.reset(entered)  # noqa: SLF001


class Savepoint(TransactionContext):
    """A transaction inside a turn, as Tortoise opens some by itself."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - the base asks for more
        """Use the client of the turn."""
        self.client = client
        self._name = f"orm_{next(_counter)}"

    async def __aenter__(self) -> Any:  # noqa: ANN401
        """Set the savepoint."""
        await self.client.execute_script(f"SAVEPOINT {self._name}")
        return self.client

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        """Keep what was done since, or undo it."""
        if kind:
            await self.client.execute_script(f"ROLLBACK TO {self._name}")
        await self.client.execute_script(f"RELEASE {self._name}")
