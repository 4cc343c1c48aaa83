"""Small units of work for the tests of the store, and ways to hold one up."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from domain.ids import Id, new_id
from models.store import Store, Tx, open_store

PROJECT = (
    "INSERT INTO project (id, name, plan, created_at, updated_at) "
    "VALUES ($1, $2, 'PAID', 1, 1)"
)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    """Open a store for a while."""
    store = await open_store(url)
    try:
        yield store
    finally:
        await store.close()


async def add(tx: Tx, name: str) -> Id:
    """Insert a project."""
    project_id = new_id()
    await tx.execute(PROJECT, project_id, name)
    return project_id


async def names(store: Store) -> list[str]:
    """Read the names of the committed projects."""
    return [row["name"] for row in await store.fetch("SELECT name FROM project")]


class Gate:
    """Holds up a turn: on SQLite a thread, on PostgreSQL a task."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.reached = asyncio.Event()
        self._open = asyncio.Event()
        self._thread_open = threading.Event()

    async def wait(self, tx: Tx) -> None:
        """Stand here, as part of a turn, until somebody opens."""
        self._loop.call_soon_threadsafe(self.reached.set)
        if tx.dialect == "sqlite":
            assert self._thread_open.wait(10)
        else:
            await asyncio.wait_for(self._open.wait(), 10)

    def open(self) -> None:
        """Let the turn go on."""
        self._thread_open.set()
        self._open.set()
