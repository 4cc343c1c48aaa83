"""What a statement costs, in units that no busy machine can change: rows that
PostgreSQL reads from tables, steps of SQLite's virtual machine.
"""

import contextlib
import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from models.sqlite_transaction import bound
from models.store import Store, Tx


class UndoError(Exception):
    """Ends a turn without storing anything."""


async def cost(store: Store, url: str, sql: str, *args: object) -> int:
    """Run a statement that is undone, and return what it cost."""
    if store.dialect == "sqlite":
        return steps(url.removeprefix("sqlite://"), sql, args)
    found = [
        (it["Actual Rows"] + it.get("Rows Removed by Filter", 0)) * it["Actual Loops"]
        for it in await explained(store, sql, *args)
        if "Relation Name" in it and "Scan" in it["Node Type"]
    ]
    return int(sum(found))


async def explained(store: Store, sql: str, *args: object) -> list[dict[str, Any]]:
    """Return the nodes of PostgreSQL's plan of a statement, as it was carried out."""
    found: list[dict[str, Any]] = []

    async def work(tx: Tx) -> None:
        text = await tx.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *args)
        found.extend(nodes(json.loads(text)[0]["Plan"]))
        raise UndoError

    with contextlib.suppress(UndoError):
        await store.turn(work)
    return found


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a node with all below it."""
    return [plan, *(it for child in plan.get("Plans", []) for it in nodes(child))]


def steps(file: str, sql: str, args: Sequence[object]) -> int:
    """Count the steps that SQLite takes for a statement."""
    taken = 0

    def count() -> int:
        nonlocal taken
        taken += 1
        return 0

    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("SELECT 1 FROM project").fetchall()  # reads the schema
        connection.execute("BEGIN")
        connection.set_progress_handler(count, 1)
        connection.execute(sql, bound(args)).fetchall()
        connection.set_progress_handler(None, 0)
        connection.execute("ROLLBACK")
    return taken
